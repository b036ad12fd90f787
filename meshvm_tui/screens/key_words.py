"""Keys that a sentence names, as the operator has set them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from meshvm_tui.screens.key_names import shown_key

if TYPE_CHECKING:
    from textual.app import App

NAMED = {
    "Ctrl+A": "wizard.apply",
    "Ctrl+P": "app.commands",
    "Ctrl+Q": "app.quit",
    "^E": "wizard.panel-tab",
    "F3": "wizard.pick",
    "F4": "wizard.files",
}
"""What stands in sentences, and the action whose key it is."""


def with_own_keys(text: str, app: App[Any], **here: str) -> str:
    """The sentence with the keys of the operator's keymap; of several keys the first one.

    `here` names the actions of keys that mean something else on each screen: `Enter="review.apply"`.
    """
    keymap = app._keymap
    if not keymap:
        return text

    named = NAMED | here
    words = "|".join(map(re.escape, named))

    def own(found: re.Match[str]) -> str:
        keys = keymap.get(named[found[0]], "")
        return shown_key(keys.split(",")[0]) if keys else found[0]

    return re.sub(rf"(?<![\w+])(?:{words})(?!\w)", own, text)
