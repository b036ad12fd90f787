"""A power cut at any moment: a session file that is cut is refused, and a line that is cut spoils no other."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from meshvm_tui.plan import Plan
from meshvm_tui.problems import PermanentError
from meshvm_tui.session_file import append_line
from meshvm_tui.session_store import SessionStore


def test_a_session_cut_at_any_byte_is_refused_or_whole(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "sessions")
    store.create("one", Plan()).close()
    path = tmp_path / "sessions/one/session.json"
    whole = path.read_bytes()
    refused = 0
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            assert store.read("one").plan == Plan(), length
        except PermanentError as error:
            assert error.code == "MVM-712", length
            refused += 1
    assert refused >= len(whole) - 1, "only the last line's end may be missing"


@pytest.mark.parametrize("cut", ["", '{"event": "StepSta', '{"event": "StepStarted"}'])
def test_after_a_line_that_was_cut_off_the_next_one_is_whole(tmp_path: Path, cut: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"event": "RunStarted"}\n' + cut, encoding="utf-8")
    append_line(path, {"event": "StepFinished"})
    append_line(path, {"event": "RunFinished"})
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["event"] for line in lines[-2:]] == ["StepFinished", "RunFinished"]
    assert lines[0] == '{"event": "RunStarted"}'


def test_an_intent_is_on_the_disk_before_the_change_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []

    def fsync(handle: int) -> None:
        synced.append(os.pread(handle, 4096, 0))

    held = SessionStore(tmp_path / "sessions").create("one", Plan())
    monkeypatch.setattr(os, "fsync", fsync)
    held.append_journal("intent", {"step": "namespace"})
    assert b'"step": "namespace"' in synced[-1]
    held.close()
