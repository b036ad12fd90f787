"""What the app saves: whoever asks for it to be saved now has it on disk afterwards."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from meshvm_tui.app_session import SessionKeeper
from meshvm_tui.plan import Plan
from meshvm_tui.session_file import write_whole
from meshvm_tui.session_store import SessionStore

LONG_ENOUGH_TO_OVERTAKE = 0.2
"""Seconds for which the first write is held."""


def test_saving_now_waits_for_the_write_that_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SessionStore(tmp_path)
    keeper = SessionKeeper(store.create("one", Plan()), lambda problem: None)
    happened: list[str] = []
    asking = threading.Event()
    write = write_whole

    def save_now() -> None:
        assert keeper.save_now() is None
        happened.append("asked and answered")

    asker = threading.Thread(target=save_now)

    def held(path: Path, text: str) -> None:
        asker.start()
        asking.set()
        asker.join(LONG_ENOUGH_TO_OVERTAKE)
        write(path, text)
        happened.append("written")

    monkeypatch.setattr("meshvm_tui.session_store.write_whole", held)
    keeper.change(screen="Machine")
    assert asking.wait(10)
    asker.join()
    assert happened == ["written", "asked and answered"]
    assert store.read("one").last_screen == "Machine"
    keeper.close()
