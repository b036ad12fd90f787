"""Writes the bootstrap files into a folder: whole or not at all, readable by their owner only.

A new folder is made beside its place and moved there. In a folder that exists, the files take the places of
older ones one by one after all of them are on disk, and a failure puts the older ones back; whatever else lies
there is left alone, as istioctl does. The folder's mode becomes 0700 unless others' files lie in it, too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from meshvm_tui.problems import PermanentError

FILE_MODE, FOLDER_MODE = 0o600, 0o700


def write_folder(folder: Path, contents: Mapping[str, str]) -> tuple[str, ...]:
    """Writes the files by their names; gives warnings. PermanentError MVM-513, and nothing has changed then."""
    try:
        target = folder.resolve()
        if target.exists() and not target.is_dir():
            raise PermanentError("MVM-513", f"{folder} exists and is no folder")
        if target.is_dir():
            return _replace_within(target, contents)
        target.parent.mkdir(parents=True, exist_ok=True)
        _move_whole(target, contents)
    except OSError as error:
        raise PermanentError("MVM-513", f"{folder}: {error.strerror or error}") from error
    return ()


def _move_whole(target: Path, contents: Mapping[str, str]) -> None:
    staged = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        _fill(staged, contents)
        staged.rename(target)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    _sync(target.parent)


def _replace_within(target: Path, contents: Mapping[str, str]) -> tuple[str, ...]:
    others = sorted(entry.name for entry in target.iterdir() if entry.name not in contents)
    for name in contents:
        if (target / name).is_dir():
            raise PermanentError("MVM-513", f"{target / name} is a folder where a file must stand")
    staged = Path(tempfile.mkdtemp(prefix=".bootstrap-files-", dir=target))
    try:
        new, old = staged / "new", staged / "old"
        new.mkdir(FOLDER_MODE)
        old.mkdir(FOLDER_MODE)
        _fill(new, contents)
        _swap(target, new, old, contents)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    if not others:
        target.chmod(FOLDER_MODE)
    _sync(target)
    if others and target.stat().st_mode & 0o077:
        return (f"{target} also holds {', '.join(others[:3])}, so its mode was left as it is",)
    return ()


def _swap(target: Path, new: Path, old: Path, contents: Mapping[str, str]) -> None:
    """Puts the new files in place; on any failure, everything is as it was."""
    done: list[str] = []
    try:
        for name in contents:
            if (target / name).is_symlink() or (target / name).exists():
                (target / name).rename(old / name)
            done.append(name)
            (new / name).rename(target / name)
    except BaseException:
        for name in done:
            with contextlib.suppress(OSError):
                (target / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                (old / name).rename(target / name)
        raise


def _fill(folder: Path, contents: Mapping[str, str]) -> None:
    for name, text in contents.items():
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    _sync(folder)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
