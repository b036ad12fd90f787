"""A session from another version: an older one is brought up step by step, a newer one is refused and left as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui import __version__, session_file
from meshvm_tui.cli import run
from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import dump_plan
from meshvm_tui.session_store import SessionStore


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionStore:
    """A store that the command line uses as well, with one session."""
    monkeypatch.setenv("MESHVM_TUI_STATE_DIR", str(tmp_path))
    made = SessionStore(tmp_path / "sessions")
    made.create("one", Plan()).close()
    return made


def document(store: SessionStore) -> dict[str, Any]:
    """session.json as it stands."""
    found: dict[str, Any] = json.loads((store.root / "one/session.json").read_text("utf-8"))
    return found


def test_each_older_schema_has_its_step_to_the_next() -> None:
    assert set(session_file.MIGRATIONS) == set(range(1, session_file.SCHEMA))


def test_an_older_one_is_brought_up_when_it_is_read_and_written_so_when_it_is_saved(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = document(store)

    def first_to_second(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, "origin": "from the first"}

    def second_to_third(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, "origin": f"{value['origin']} and the second"}

    monkeypatch.setattr(session_file, "SCHEMA", 3)
    monkeypatch.setattr(session_file, "MIGRATIONS", {1: first_to_second, 2: second_to_third})
    held = store.open("one")
    assert held.session.origin == "from the first and the second"
    assert document(store) == before
    held.take_kept("namespace//uid/x", "7")
    held.close()
    after = document(store)
    assert (after["schema"], after["origin"]) == (3, "from the first and the second")


def test_a_newer_one_is_refused_by_name_everywhere_and_nothing_of_it_is_written(
    store: SessionStore, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, plan = store.root / "one/session.json", tmp_path / "plan.yaml"
    plan.write_text(dump_plan(Plan()), encoding="utf-8")
    path.write_text(json.dumps({**document(store), "schema": 2, "writtenBy": "9.1.0", "more": [1]}), encoding="utf-8")
    newer = path.read_bytes()
    for command in (
        ["resume", "one", "--plain"],
        ["onboard", "--plain", "--session", "one"],
        ["onboard", "--plain", "--session", "one", "--plan", str(plan)],
        ["apply", "--session", "one", "-f", str(plan), "--yes"],
        ["apply", "--session", "one", "-f", str(plan), "--dry-run"],
        ["sessions", "copy", "one", "two"],
        ["sessions", "plan", "one"],
    ):
        assert run(command) == 1, command
        said = " ".join(capfd.readouterr().err.split())
        assert "MVM-713 The session was written by a newer version" in said, command
        assert f"{path} has schema 2, written by meshvm-tui 9.1.0, and meshvm-tui {__version__} reads up to 1." in said
        assert "Use that version" in said
    assert path.read_bytes() == newer
    assert run(["sessions"]) == 0
    assert "MVM-713" in capfd.readouterr().out
    assert not (store.root / "two").exists()
