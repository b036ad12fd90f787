"""A text that is painted only when it changes: most of what is shown again is what stood there before."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Painted(Static):
    """Foreign text is never markup here. With `fixed`, another text never moves its neighbours."""

    def __init__(self, *, fixed: bool = False, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id, classes=classes, markup=False)
        self._fixed = fixed
        self._shown: Content | str = ""

    def show(self, content: Content | str) -> bool:
        """Shows it; says whether it is another text than before."""
        same = content == self._shown and (not isinstance(content, Content) or content.spans == _spans(self._shown))
        if not same:
            self._shown = content
            self.update(content, layout=not self._fixed)
        return not same


def _spans(content: Content | str) -> object:
    return content.spans if isinstance(content, Content) else None
