"""Builds a pinned program with Go, as gently as other work on the machine needs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

from tools.real_tools.pinned import Tool, cache


class CannotBuild(Exception):
    """Go is missing or has refused; the text says what to do."""


def go_program() -> str:
    """Go, on PATH or where its own installer puts it. Raises CannotBuild where there is none."""
    found = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if found is None:
        raise CannotBuild("Go is not installed. Install it (https://go.dev/dl/), then run `make real-tools` again.")
    return found


def is_built(tool: Tool) -> bool:
    """Whether the cache holds the program as it is pinned now."""
    return tool.path.exists() and _recipe_file(tool).exists() and _recipe_file(tool).read_text() == _recipe(tool)


def build(tool: Tool) -> None:
    """Builds into the cache. What an interrupted build has compiled lies in Go's own cache, so the next one goes on."""
    go, work = go_program(), cache() / "build" / f"{tool.name}-{tool.version}"
    work.mkdir(parents=True, exist_ok=True)
    tool.path.parent.mkdir(parents=True, exist_ok=True)
    if not (work / "asked").exists() or (work / "asked").read_text() != tool.go_mod:
        (work / "go.mod").write_text(tool.go_mod)
        (work / "asked").write_text(tool.go_mod)
    unfinished = tool.path.with_name(f".{tool.name}.part")
    _run(
        [*_nice(), go, "build", "-trimpath", "-ldflags", tool.linker_flags, "-o", str(unfinished), tool.package],
        work,
    )
    unfinished.rename(tool.path)
    if tool.name == "istioctl":
        note_module(tool)
    _recipe_file(tool).write_text(_recipe(tool))


def note_module(tool: Tool) -> None:
    """Writes down where Go keeps the module's files."""
    told = _run([go_program(), "mod", "download", "-json", tool.module], cache(), capture=True)
    tool.module_note.parent.mkdir(parents=True, exist_ok=True)
    tool.module_note.write_text(json.loads(told)["Dir"] + "\n")


@contextmanager
def alone() -> Iterator[None]:
    """One build at a time in this cache; a second one waits."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def _recipe(tool: Tool) -> str:
    return f"{tool.package}\n{tool.linker_flags}\n{tool.go_mod}"


def _recipe_file(tool: Tool) -> Path:
    return tool.path.with_name(f"{tool.name}.recipe")


def _nice() -> list[str]:
    return ["nice", "-n", "10"] if shutil.which("nice") else []


def _run(command: list[str], folder: Path, *, capture: bool = False) -> str:
    flags = f"{os.environ.get('GOFLAGS', '')} -p=2 -mod=mod".strip()
    environment = {**os.environ, "GOFLAGS": flags, "GOWORK": "off"}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE if capture else None, text=True, check=False
    )
    if done.returncode:
        raise CannotBuild(
            f"{' '.join(command)} (in {folder}) ended with status {done.returncode}; its words are above."
        )
    return done.stdout or ""
