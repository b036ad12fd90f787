"""Documents that are made from the product itself: `python -m tools.reference` writes docs/plan.md and docs/keys.md.

A test holds that the committed files are what this makes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
PLACES = {
    "app": "Everywhere",
    "home": "Home",
    "wizard": "The wizard",
    "panel": "The panel beside the form",
    "review": "Review",
    "run": "Run",
    "watch": "WorkloadEntries and the monitor",
    "problem": "A problem",
    "confirm": "A question",
    "pick": "Picking from what exists",
    "text": "A name, or a file",
    "delete": "Deleting a session",
    "secret": "A password or passphrase",
    "help": "Help",
}
PLAN_HEAD = """\
# The plan, field by field

Made by `python -m tools.reference` from the schema that `meshvm-tui schema` prints. An editor that knows JSON Schema
completes and checks a plan by it. A field that is left out has the value in the column *left out*; an unknown field
is an error that names its line. In the wizard every field of the plan is a line of a form; `meshvm-tui apply -f
plan.yaml --dry-run` says what a plan would do.

A dot goes one part deeper, `[]` stands for each item of a list: `machines[].ssh.user` is `user` under `ssh` of a
machine.
"""
KEYS_HEAD = """\
# Keys

Made by `python -m tools.reference` from the app's own bindings; `meshvm-tui keys` prints them as they are for you.
`F1` says the same on each screen, and `Ctrl+P` offers every action by its name. What can be clicked has a key as
well.

A key of your own goes into `config.yaml` (see [files.md](files.md)) under the action's name:

```yaml
keymap:
  wizard.next: ctrl+g
  wizard.panel: [f2, f12]
```

In a field, arrows, Home, End and Ctrl+U edit the text as in any terminal. A paste goes into the field that has the
cursor.
"""


def plan_text() -> str:
    """docs/plan.md."""
    from meshvm_tui.plan_file import json_schema

    return "\n".join([PLAN_HEAD, *_Reference(json_schema()).chapters()]).rstrip() + "\n"


def keys_text() -> str:
    """docs/keys.md."""
    from meshvm_tui.key_bindings import all_bindings
    from meshvm_tui.screens.key_names import shown_key

    lines = [KEYS_HEAD]
    place = ""
    for row in all_bindings():
        if row.place != place:
            place = row.place
            title = PLACES.get(place, place.replace("-", " ").capitalize())
            lines += [f"\n## {title}\n", "| key | what it does | action |", "|---|---|---|"]
        keys = " or ".join(f"`{shown_key(key)}`" for key in row.keys)
        lines.append(f"| {keys} | {row.words} | `{row.id}` |")
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"


class _Reference:
    """A schema as chapters: one for each part at the top, its parts below it."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._parts: dict[str, Any] = schema["$defs"]

    def chapters(self) -> Iterator[str]:
        """The lines of the document."""
        yield "| field | what it is | left out |\n|---|---|---|"
        for name, value in self._schema["properties"].items():
            if "const" in value:
                yield f"| `{name}` | always `{value['const']}` | `{value['default']}` |"
        for name, value in self._schema["properties"].items():
            if "const" not in value:
                yield from self._chapter(name, value)

    def _chapter(self, path: str, value: dict[str, Any]) -> Iterator[str]:
        part, repeated = self._part(value)
        assert part is not None, path
        path = f"{path}[]" if repeated else path
        yield f"\n## {path}\n"
        yield _words(part)
        inner = []
        yield "\n| field | what it is | left out |\n|---|---|---|"
        for name, field in part["properties"].items():
            below, _ = self._part(field)
            if below is not None and "properties" in below:
                inner.append((f"{path}.{name}", field))
                continue
            meaning = self._meaning(f"{path}.{name}", field)
            yield f"| `{path}.{name}` | {meaning} | {_default(field, part.get('required', []), name)} |"
        for name, field in inner:
            yield f"| `{name}` | a part, [below](#{_anchor(self._titled(name, field))}) | {_default(field, [], '')} |"
        for name, field in inner:
            yield from self._chapter(name, field)

    def _meaning(self, path: str, field: dict[str, Any]) -> str:
        """What a field is for, what is valid, and an example."""
        from meshvm_tui.plan_valid import valid_words
        from meshvm_tui.plan_words import PLAN_WORDS, Words

        plain = path.replace("[]", "")
        words = PLAN_WORDS.get(plain, Words(""))
        valid = words.valid or valid_words(plain)
        kind = self._kind(field)
        said = f"{valid}." if valid and "`" not in kind else f"{kind}."
        parts = [words.purpose, said[:1].upper() + said[1:]]
        if words.example and "`" not in kind and "\n" not in words.example:
            parts.append(f"Such as `{words.example}`.")
        return " ".join(part for part in parts if part).replace("|", "\\|").replace("..", ".")

    def _titled(self, path: str, value: dict[str, Any]) -> str:
        return f"{path}[]" if self._part(value)[1] else path

    def _part(self, value: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
        """What a value refers to, and whether it is a list of it."""
        if "items" in value:
            return self._part(value["items"])[0], True
        for choice in (value, *value.get("anyOf", ()), *value.get("allOf", ())):
            if "$ref" in choice:
                return self._parts[choice["$ref"].rpartition("/")[2]], False
        return None, False

    def _kind(self, value: dict[str, Any]) -> str:
        part, repeated = self._part(value)
        if part is not None and "enum" in part:
            words = " or ".join(f"`{item}`" for item in part["enum"])
            return f"a list of {words}" if repeated else words
        if "anyOf" in value:
            kinds = [self._kind(item) for item in value["anyOf"] if item.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
        if value.get("type") == "array":
            return f"a list of {self._kind(value['items'])}s"
        return _simple(value)


def _simple(value: dict[str, Any]) -> str:
    if fixed := value.get("enum") or ([value["const"]] if "const" in value else []):
        return " or ".join(f"`{item}`" for item in fixed)
    kind = {
        "object": "names with texts",
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "`true` or `false`",
    }
    words = kind.get(value.get("type", ""), "text")
    low, high = value.get("minimum"), value.get("maximum")
    if low is not None and high is not None:
        words += f" from {low} to {high}"
    elif low is not None:
        words += f" from {low}"
    if length := value.get("maxLength"):
        words += f" of up to {length} characters"
    return words


def _default(value: dict[str, Any], required: list[str], name: str) -> str:
    if name in required:
        return "must be there"
    default = value.get("default")
    if default is None:
        return "not there" if "anyOf" in value or "default" in value else "as in its own fields"
    if default in ("", [], {}):
        return "empty"
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    return f"`{shown}`"


def _words(part: dict[str, Any]) -> str:
    """A part's own words, one paragraph each."""
    paragraphs = re.split(r"\n\s*\n", part.get("description", ""))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _anchor(title: str) -> str:
    """What GitHub calls a heading in a link."""
    return re.sub(r"[^\w-]", "", title.lower().replace(" ", "-"))


MADE = {"plan.md": plan_text, "keys.md": keys_text}


def main() -> int:
    """Writes all of them."""
    for name, make in MADE.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
