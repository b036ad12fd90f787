"""What the operator prefers: theme, signs and keys, in a YAML file that may be written by hand.

    theme: light
    ascii: auto
    keymap:
      wizard.next: ctrl+g
      wizard.panel: [f2, f12]

A file that is not valid is named with its line and left as it is; what is valid in it counts.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.nodes import Node

THEMES = ("dark", "light", "ansi", "monochrome")
ASCII = ("auto", "yes", "no")
KNOWN = ("theme", "ascii", "keymap")
LARGEST = 64 * 1024
_THEME_LINE = re.compile(r"^theme[ \t]*:.*$", re.MULTILINE)


@dataclass(frozen=True)
class Remapped:
    """An action's own keys, and the line that says so."""

    action: str
    keys: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Preferences:
    """What is preferred; empty or `auto` where the product decides. `problems` name what is not valid, in words."""

    theme: str = ""
    ascii: str = "auto"
    keymap: tuple[Remapped, ...] = ()
    problems: tuple[str, ...] = ()
    path: Path | None = field(default=None, compare=False)


def read_preferences(path: Path) -> Preferences:
    """The file's; the defaults where there is none. YAML is loaded only where there is a file."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return Preferences(path=path)
    except OSError as error:
        return Preferences(path=path, problems=(f"{path} cannot be read: {error.strerror}. The defaults are used.",))
    if len(data) > LARGEST:
        return Preferences(path=path, problems=(f"{path} is larger than {LARGEST} bytes. The defaults are used.",))
    return parse_preferences(data, path)


def parse_preferences(data: bytes, path: Path) -> Preferences:
    """What the text says."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(data.decode("utf-8"), Loader=loader)
    except UnicodeDecodeError:
        return Preferences(path=path, problems=(f"{path} is not UTF-8. The defaults are used.",))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", "") or "it is no YAML"
        return Preferences(path=path, problems=(f"{path}{where}: {what}. The defaults are used.",))
    if node is None:
        return Preferences(path=path)
    if not isinstance(node, yaml.MappingNode):
        words = f"{path}, line 1: this is no list of settings. Valid are {', '.join(KNOWN)}. The defaults are used."
        return Preferences(path=path, problems=(words,))
    return _Reader(path).read(node)


class _Reader:
    """Goes through a mapping and names each thing that is not valid."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._problems: list[str] = []

    def read(self, node: Node) -> Preferences:
        """All settings."""
        found = Preferences(path=self._path)
        for name, line, value in self._pairs(node):
            if name == "theme":
                found = replace(found, theme=self._choice(name, line, value, THEMES))
            elif name == "ascii":
                found = replace(found, ascii=self._choice(name, line, value, ASCII) or "auto")
            elif name == "keymap":
                found = replace(found, keymap=tuple(self._keymap(line, value)))
            else:
                self._say(line, f"there is no setting {name!r}", f"Valid are {', '.join(KNOWN)}")
        return replace(found, problems=tuple(self._problems))

    def _pairs(self, node: Node) -> Iterator[tuple[str, int, Node]]:
        seen: set[str] = set()
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                self._say(line, f"{name!r} stands here for the second time", "The first one counts")
                continue
            seen.add(name)
            yield name, line, value

    def _choice(self, name: str, line: int, value: Node, valid: tuple[str, ...]) -> str:
        text = value.value if isinstance(value.value, str) else ""
        if text in valid:
            return text
        self._say(line, f"{name} cannot be {text!r}", f"Valid are {', '.join(valid)}")
        return ""

    def _keymap(self, line: int, value: Node) -> Iterator[Remapped]:
        import yaml

        if not isinstance(value, yaml.MappingNode):
            self._say(line, "keymap is no list of actions", "Write one line for each, as in `wizard.next: ctrl+g`")
            return
        for action, at, keys in self._pairs(value):
            nodes = keys.value if isinstance(keys, yaml.SequenceNode) else [keys]
            texts = [node.value.strip() for node in nodes if isinstance(node.value, str)]
            names = tuple(part.strip() for text in texts for part in text.split(",") if part.strip())
            if len(texts) == len(nodes) and names:
                yield Remapped(action, names, at)
            else:
                self._say(at, f"{action} has no key", "Write a key, or several as in [f2, f12]")

    def _say(self, line: int, what: str, valid: str) -> None:
        self._problems.append(problem_words(self._path, line, what, valid))


def problem_words(path: Path | None, line: int, what: str, valid: str) -> str:
    """What is not valid in which line, what would be, and what is done about it."""
    return f"{path}, line {line}: {what}. {valid}. The default is used."


class PreferencesFile:
    """Keeps what is chosen in the app. Any thread may write; the last choice is what stands in the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()

    def keep_theme(self, latest: Callable[[], str]) -> str:
        """Writes the theme that `latest` gives now; says why not where the file is not valid or cannot be written."""
        with self._writing:
            before = read_preferences(self._path)
            if before.problems:
                return f"The theme is not remembered. {before.problems[0]}"
            try:
                text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
                theme = latest()
                text = with_theme(text, theme)
                after = parse_preferences(text.encode(), self._path)
                if after.problems or after.theme != theme:
                    return f"The theme is not remembered: write `theme: {theme}` into {self._path} yourself."
                _write(self._path.resolve(), text)
            except OSError as error:
                return f"The theme is not remembered: {self._path}: {error.strerror}."
        return ""


def with_theme(text: str, theme: str) -> str:
    """The file's text with this theme; every other line stays as it was written."""
    line = f"theme: {theme}"
    if _THEME_LINE.search(text):
        return _THEME_LINE.sub(line, text, count=1)
    return f"{line}\n{text}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".config-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
