"""How keys are called: on the screen, and in the file of preferences."""

from __future__ import annotations

from textual.keys import Keys, format_key

from meshvm_tui.screens.glyphs import ENTER, UP_DOWN

_SHOWN = {
    "enter": ENTER,
    "escape": "esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "up": UP_DOWN[0],
    "down": UP_DOWN[1],
    "left": "←",
    "right": "→",
    "tab": "Tab",
    "space": "Space",
    "delete": "Del",
    "insert": "Ins",
}
_IN_ASCII = {"enter": "Enter", "up": "Up", "down": "Down", "left": "Left", "right": "Right"}
_MODIFIERS = ("ctrl", "shift", "alt")
_NAMED = frozenset(key.value for key in Keys if not key.value.startswith("<"))
EXAMPLES = "Keys are written as in f4, ctrl+g, alt+n, pagedown"


def shown_key(key: str, *, ascii_only: bool = False) -> str:
    """`ctrl+n` as `^N`, `escape` as `esc`, `f1` as `F1`."""
    *modifiers, name = key.split("+")
    if ascii_only and name in _IN_ASCII:
        name = _IN_ASCII[name]
    elif name in _SHOWN:
        name = _SHOWN[name]
    else:
        char = format_key(name)
        name = char.upper() if len(char) == 1 else char.capitalize()
        if len(key) == 1 and key.isupper():
            return f"Shift+{name}"
    if modifiers == ["ctrl"] and len(name) == 1:
        return f"^{name}"
    return "+".join([*(part.capitalize() for part in modifiers), name])


def is_key(key: str) -> bool:
    """Whether a terminal can send it and Textual knows its name."""
    *modifiers, name = key.split("+")
    if len(set(modifiers)) < len(modifiers) or not set(modifiers) <= set(_MODIFIERS):
        return False
    return name in _NAMED or key in _NAMED or len(format_key(name)) == 1


def types_text(key: str) -> bool:
    """Whether the key is a letter, digit or sign that a field takes as text."""
    return key == "space" or (key not in _NAMED and len(format_key(key)) == 1)
