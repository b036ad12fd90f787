"""Every link in the documents leads somewhere, and every command that they name exists with its flags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from meshvm_tui.cli import COMMANDS, meshvm_tui

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[`\s])meshvm-tui((?:[ \t]+[^\s`|,;:()]+)+)", re.MULTILINE)
MODULE = re.compile(r"python -m ([a-z_]+(?:\.[a-z_]+)*)")
TARGET = re.compile(r"\bmake ([a-z][a-z-]+)\b")


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w-]", "", title.strip().lower().replace(" ", "-")) for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_each_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for match in LINK.finditer(text):
        link = match[1] or match[2]
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{link}: there is no such heading"


def named_commands(page: Path) -> Iterator[list[str]]:
    for match in COMMAND.finditer(page.read_text(encoding="utf-8")):
        words = re.split(r"\s#|['\"]", match[1])[0].rstrip(".")
        if words.strip():
            yield words.split()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_each_command_of_the_product_exists_with_its_flags(page: Path) -> None:
    for words in named_commands(page):
        name, *rest = words
        if name.startswith("-"):
            assert name in ("--help", "-h", "--version"), f"meshvm-tui {name}"
            continue
        if name not in COMMANDS:
            assert not rest or not rest[0].startswith("-"), f"meshvm-tui {name}: there is no such command"
            continue
        command = meshvm_tui.get_command(click.Context(meshvm_tui), name)
        assert command is not None
        flags = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)} | {"--help"}
        for word in rest:
            if re.match(r"--?[A-Za-z]", word):
                assert word.partition("=")[0] in flags, f"meshvm-tui {name} has no {word}"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_each_module_and_make_target_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for code in [*FENCE.findall(text), *re.findall(r"`([^`\n]+)`", text)]:
        for module in MODULE.findall(code):
            base = ROOT / module.replace(".", "/")
            known = (
                base.with_suffix(".py").exists() or (base / "__init__.py").exists() or (base / "__main__.py").exists()
            )
            assert known or module in ("venv", "pip", "pytest", "ruff", "mypy", "build"), f"python -m {module}"
        for target in TARGET.findall(code):
            assert target in targets, f"make {target}"
