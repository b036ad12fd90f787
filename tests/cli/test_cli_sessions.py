"""`meshvm-tui sessions`: what each needs next; rename, copy, plan and delete."""

from __future__ import annotations

import json
from pathlib import Path

from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import parse_plan
from meshvm_tui.session_store import SessionStore
from tests.cli.test_cli_commands import meshvm

PLAN = Plan.model_validate({"cluster": {"gke": {"project": "acme-prod", "name": "prod", "location": "europe-west1"}}})


def test_the_list_says_what_each_needs_next(tmp_path: Path) -> None:
    SessionStore(tmp_path / "sessions").create("one", PLAN).close()
    people = meshvm("sessions", MESHVM_TUI_STATE_DIR=str(tmp_path)).stdout
    assert "NEXT" in people and "nothing applied yet" in people and "GKE acme-prod/prod, europe-west1" in people
    program = json.loads(meshvm("sessions", "--json", MESHVM_TUI_STATE_DIR=str(tmp_path)).stdout)
    assert (program["need"], program["stage"], program["context"]) == ("begin", "Cluster", "")


def test_rename_copy_plan_and_delete(tmp_path: Path) -> None:
    store, state = SessionStore(tmp_path / "sessions"), {"MESHVM_TUI_STATE_DIR": str(tmp_path)}
    held = store.create("one", PLAN)
    held.take_kept("namespace//before/Namespace vm-namespace", None)
    held.close()
    assert meshvm("sessions", "rename", "one", "two", **state).returncode == 0
    assert meshvm("sessions", "copy", "two", "three", **state).returncode == 0
    assert parse_plan(meshvm("sessions", "plan", "three", **state).stdout) == PLAN
    assert {summary.name for summary in store.list()} == {"two", "three"}

    unasked = meshvm("sessions", "delete", "two", **state)
    assert unasked.returncode == 2 and "--yes" in unasked.stderr
    assert "In the cluster: Namespace vm-namespace" in unasked.stderr
    assert store.exists("two")
    deleted = meshvm("sessions", "delete", "two", "--yes", **state)
    assert deleted.returncode == 0 and "What stays where it is" in deleted.stderr
    assert [summary.name for summary in store.list()] == ["three"]


def test_refusals_are_words_and_exit_codes(tmp_path: Path) -> None:
    store, state = SessionStore(tmp_path / "sessions"), {"MESHVM_TUI_STATE_DIR": str(tmp_path)}
    held = store.create("one", PLAN)
    refused = meshvm("sessions", "delete", "one", "--yes", **state)
    held.close()
    assert refused.returncode == 3 and "MVM-711" in refused.stderr and "held by process" in refused.stderr
    assert "MVM-715" in meshvm("sessions", "delete", "none", "--yes", **state).stderr
    assert "MVM-716" in meshvm("sessions", "rename", "one", "NO", **state).stderr
    (store.root / "one" / "session.json").write_text("{")
    damaged = meshvm("sessions", "delete", "one", "--yes", **state)
    assert damaged.returncode == 0 and "cannot be told" in damaged.stderr
    assert store.list() == ()
