"""How a session stands in session.json, and how files of a session are written: whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from meshvm_tui.problems import PermanentError
from meshvm_tui.redaction import redacted
from meshvm_tui.session import Session, StepRecord

SCHEMA = 1
FILE_NAME = "session.json"


def to_text(session: Session) -> str:
    """The session as JSON, without secrets whatever was put into it."""
    value = {
        "schema": SCHEMA,
        "name": session.name,
        "plan": session.plan.model_dump(mode="json", by_alias=True),
        "records": [asdict(record) for record in session.records],
        "kept": dict(session.kept),
        "clocks": dict(session.clocks),
        "lastScreen": session.last_screen,
        "clusterUID": session.cluster_uid,
        "origin": session.origin,
    }
    return json.dumps(redacted(value), indent=1, ensure_ascii=False) + "\n"


def from_text(text: str, place: Path) -> Session:
    """The session in a text that was read at `place`.

    Raises PermanentError MVM-713 for a newer schema and MVM-712 for anything that is not a whole session.
    """
    from meshvm_tui.plan import Plan

    try:
        value = json.loads(text)
        schema = value["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(place, error) from error
    if not isinstance(schema, int) or schema < 1:
        raise _damaged(place, ValueError(f"schema {schema!r} is none"))
    if schema > SCHEMA:
        raise PermanentError("MVM-713", f"{place} has schema {schema}; this version reads up to {SCHEMA}.")
    try:
        return Session(
            name=_text(value, "name"),
            plan=Plan.model_validate(value["plan"]),
            records=tuple(StepRecord(**record) for record in value["records"]),
            kept=dict(value["kept"]),
            clocks=dict(value["clocks"]),
            last_screen=_text(value, "lastScreen"),
            cluster_uid=_text(value, "clusterUID"),
            origin=_text(value, "origin"),
        )
    except (ValueError, KeyError, TypeError) as error:
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
        raise PermanentError("MVM-717", f"{path}: {error}") from error


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
        with os.fdopen(handle, "r+b", buffering=0) as file:
            size = os.fstat(handle).st_size
            cut_off = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            file.write((b"\n" if cut_off else b"") + line.encode())
            if durable:
                os.fsync(handle)
    except OSError as error:
        raise PermanentError("MVM-717", f"{path}: {error}") from error
