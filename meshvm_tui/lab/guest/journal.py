"""The VM's journal: one file of JSON lines per unit, written by the pretend systemd, read by journalctl."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One line: `time` in seconds since the epoch, by the VM's clock."""

    time: float
    unit: str
    identifier: str
    pid: int
    message: str


def write(folder: Path, entry: Entry) -> None:
    """Appends an entry to its unit's file."""
    line = json.dumps([entry.time, entry.identifier, entry.pid, entry.message], ensure_ascii=False)
    with (folder / entry.unit).open("a", encoding="utf-8") as out:
        out.write(line + "\n")


def read(folder: Path, unit: str = "") -> list[Entry]:
    """A unit's entries, or everybody's, in the order of time."""
    files = [folder / unit] if unit else sorted(folder.iterdir())
    entries: list[Entry] = []
    for file in files:
        if file.is_file():
            for line in file.read_text(encoding="utf-8").splitlines():
                time, identifier, pid, message = json.loads(line)
                entries.append(Entry(time, file.name, identifier, pid, message))
    return entries if unit else sorted(entries, key=lambda entry: entry.time)
