"""Every action that has a key: for `meshvm-tui keys`, for the documents, and to judge the operator's own keys."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode

from meshvm_tui import screens
from meshvm_tui.preferences import Preferences, Remapped, problem_words
from meshvm_tui.screens.key_names import EXAMPLES, is_key, types_text

EVERYWHERE = "app"
FIRST = (EVERYWHERE, "home", "wizard", "panel", "review", "run", "watch")


@dataclass(frozen=True)
class BindingRow:
    """An action: its name for the keymap, its keys as Textual calls them, where it is, and what it does."""

    id: str
    keys: tuple[str, ...]
    place: str
    words: str


def all_bindings() -> list[BindingRow]:
    """Every action of every screen and dialog, in the order of the way through the app. Loads all screens."""
    rows: dict[str, BindingRow] = {}
    for binding in _bindings():
        name = binding.id or ""
        if name and binding.description and name not in rows:
            keys = tuple(key.strip() for key in binding.key.split(","))
            rows[name] = BindingRow(name, keys, name.partition(".")[0], binding.description)
    order = {place: at for at, place in enumerate(FIRST)}
    return sorted(rows.values(), key=lambda row: order.get(row.place, len(order)))


def judged_keymap(preferences: Preferences, rows: Sequence[BindingRow]) -> tuple[dict[str, str], list[str]]:
    """The keymap for Textual with what is valid in it, and words about what is not."""
    known = {row.id: row for row in rows}
    kept = list(preferences.keymap)
    problems: list[str] = []
    # What one line frees, another may take; a line that is refused frees nothing, so all are judged again.
    while refused := next(((item, wrong) for item in kept if (wrong := _wrong(item, known, kept))), None):
        item, (what, valid) = refused
        kept.remove(item)
        problems.append(problem_words(preferences.path, item.line, what, valid))
    return {item.action: ",".join(item.keys) for item in kept}, problems


def _wrong(item: Remapped, known: Mapping[str, BindingRow], kept: Sequence[Remapped]) -> tuple[str, str] | None:
    """What is wrong with one line of the keymap, and what is valid."""
    row = known.get(item.action)
    if row is None:
        return f"there is no action {item.action!r}", "`meshvm-tui keys` lists all"
    for key in item.keys:
        if not is_key(key):
            return f"{key!r} is no key", EXAMPLES
        if types_text(key) and not all(map(types_text, row.keys)):
            return f"{item.action} cannot have {key!r}: it is typed into fields", EXAMPLES
    taken = {other.action: other for other in kept}
    for key in item.keys:
        for other in known.values():
            theirs = taken.get(other.id)
            if theirs is not None and theirs.line > item.line:
                continue  # that line is the second one
            if other is not row and _meet(row, other) and key in (theirs.keys if theirs else other.keys):
                return f"{key!r} is the key of {other.id} there", "Take another key, or give that action one as well"
    return None


def _meet(one: BindingRow, other: BindingRow) -> bool:
    """Whether the two can be pressed in the same place."""
    return one.place == other.place or EVERYWHERE in (one.place, other.place)


def _bindings() -> Iterator[Binding]:
    from meshvm_tui.app_base import BaseApp

    yield from _own(BaseApp)
    for module in pkgutil.iter_modules([str(Path(screens.__file__ or "").parent)]):
        loaded = importlib.import_module(f"{screens.__name__}.{module.name}")
        for item in vars(loaded).values():
            if isinstance(item, type) and issubclass(item, DOMNode) and item.__module__ == loaded.__name__:
                yield from _own(item)


def _own(node: type[DOMNode]) -> Iterator[Binding]:
    yield from (item for item in vars(node).get("BINDINGS", ()) if isinstance(item, Binding))
