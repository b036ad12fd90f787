"""How a session stands in session.json, and how files of a session are written: whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui import __version__
from meshvm_tui.problems import PermanentError
from meshvm_tui.redaction import redacted

if TYPE_CHECKING:
    from meshvm_tui.session import Session

SCHEMA = 1
"""What this version writes. It goes up whenever an older version could not read what is written, with the step from the
schema before it in MIGRATIONS."""
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""By the schema that it begins from: makes a document one schema newer. None is older than the first yet."""
FILE_NAME = "session.json"


def to_text(session: Session) -> str:
    """The session as JSON, without secrets whatever was put into it."""
    value = {
        "schema": SCHEMA,
        "writtenBy": __version__,
        "name": session.name,
        "plan": session.plan.model_dump(mode="json", by_alias=True),
        "records": [asdict(record) for record in session.records],
        "kept": dict(session.kept),
        "clocks": dict(session.clocks),
        "lastScreen": session.last_screen,
        "clusterUID": session.cluster_uid,
        "origin": session.origin,
        "draft": {path: dict(part) for path, part in session.draft.items()},
    }
    return json.dumps(redacted(value), indent=1, ensure_ascii=False) + "\n"


def from_text(text: str, place: Path) -> Session:
    """The session in a text that was read at `place`.

    An older schema is brought up step by step; the file is written in the new one when the session is next saved.
    Raises PermanentError MVM-713 for a newer schema and MVM-712 for anything that is not a whole session.
    """
    from meshvm_tui.plan import Plan
    from meshvm_tui.session import Session, StepRecord

    try:
        value = json.loads(text)
        schema = value["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(place, error) from error
    if not isinstance(schema, int) or schema < 1:
        raise _damaged(place, ValueError(f"schema {schema!r} is none"))
    if schema > SCHEMA:
        by = f", written by meshvm-tui {value.get('writtenBy')}," if value.get("writtenBy") else ""
        raise PermanentError(
            "MVM-713", f"{place} has schema {schema}{by} and meshvm-tui {__version__} reads up to {SCHEMA}."
        )
    try:
        for older in range(schema, SCHEMA):
            value = MIGRATIONS[older](value)
        return Session(
            name=_text(value, "name"),
            plan=Plan.model_validate(value["plan"]),
            records=tuple(StepRecord(**record) for record in value["records"]),
            kept=dict(value["kept"]),
            clocks=dict(value["clocks"]),
            last_screen=_text(value, "lastScreen"),
            cluster_uid=_text(value, "clusterUID"),
            origin=_text(value, "origin"),
            draft={path: dict(part) for path, part in value.get("draft", {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(place, error) from error


def _text(value: dict[str, Any], name: str) -> str:
    text = value[name]
    if not isinstance(text, str):
        raise TypeError(f"{name} is no text")
    return text


def _damaged(place: Path, error: Exception) -> PermanentError:
    return PermanentError("MVM-712", f"{place}: {type(error).__name__}: {error}")


def write_whole(path: Path, text: str) -> None:
    """Writes a file by a temporary one, fsync and rename, 0600. Raises PermanentError MVM-717."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise PermanentError("MVM-717", f"{path}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append_line(path: Path, value: dict[str, Any], *, durable: bool = False) -> None:
    """Adds one JSON object as a line, 0600, redacted; a line that was cut off before it stays a line of its own.

    A `durable` one is on the disk when this returns. Raises PermanentError MVM-717."""
    line = json.dumps(redacted(value), ensure_ascii=False, default=str) + "\n"
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            cut_off = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            _append_all(handle, (b"\n" if cut_off else b"") + line.encode(), size)
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise PermanentError("MVM-717", f"{path}: {error.strerror}") from error


def _append_all(handle: int, data: bytes, size: int) -> None:
    """A disk that is nearly full takes a part of it and says so only at the next write: then nothing of it stays."""
    try:
        while data:
            data = data[os.write(handle, data) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, size)
        raise
