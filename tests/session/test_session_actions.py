"""A session as a whole: renamed, copied, deleted, and left alone where another process has it open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meshvm_tui.events import StepFinished, StepState
from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import load_plan
from meshvm_tui.problems import Problem
from meshvm_tui.session_actions import (
    TRASH,
    copy_session,
    delete_session,
    rename_session,
    save_plan,
    sweep,
)
from meshvm_tui.session_names import NAME, free_name
from meshvm_tui.session_store import SessionStore

AT = "2026-01-01T00:00:00.000Z"
PLAN = Plan.model_validate({"cluster": {"context": "prod"}, "workload": {"name": "shop"}})

HOLD = """
import sys
from pathlib import Path
from meshvm_tui.session_names import NAME, free_name
from meshvm_tui.session_store import SessionStore
held = SessionStore(Path(sys.argv[1])).open("one")
print("held", flush=True)
sys.stdin.read()
"""


def begun(tmp_path: Path) -> SessionStore:
    """A store with one session in which something was done."""
    made = SessionStore(tmp_path / "sessions")
    held = made.create("one", PLAN, origin="abc")
    held.take_event(StepFinished(AT, "one", "namespace", "", StepState.SUCCEEDED, True, "Done", "made", 0.1))
    held.take_kept("namespace//before/Namespace shop", None)
    held.append_journal("intent", {"step": "namespace"})
    held.close()
    return made


@contextmanager
def open_elsewhere(store: SessionStore) -> Iterator[int]:
    """Another process has the session open; gives its pid."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    try:
        assert holder.stdout.readline() == "held\n"
        yield holder.pid
    finally:
        holder.communicate("")


def test_renaming_keeps_everything(tmp_path: Path) -> None:
    store = begun(tmp_path)
    before = store.read("one")
    rename_session(store, "one", "two")
    assert [summary.name for summary in store.list()] == ["two"]
    again = store.open("two")
    again.close()
    assert (again.session.records, again.session.kept, again.session.plan) == (before.records, before.kept, PLAN)
    assert (store.root / "two" / "journal.jsonl").exists()


def test_a_copy_has_the_plan_alone(tmp_path: Path) -> None:
    store = begun(tmp_path)
    copy_session(store, "one", "two")
    copied = store.read("two")
    assert copied.plan == PLAN
    assert (copied.records, dict(copied.kept), copied.origin, copied.cluster_uid) == ((), {}, "", "")
    assert not (store.root / "two" / "journal.jsonl").exists()
    assert store.read("one").records


def test_deleting_leaves_nothing(tmp_path: Path) -> None:
    store = begun(tmp_path)
    delete_session(store, "one")
    assert list(store.root.iterdir()) == []


@pytest.mark.parametrize("text", ["{", '{"schema": 99}', "\x00\xff"])
def test_what_cannot_be_read_can_be_deleted_and_renamed(tmp_path: Path, text: str) -> None:
    store = begun(tmp_path)
    (store.root / "one" / "session.json").write_text(text)
    rename_session(store, "one", "two")
    assert store.list()[0].problem
    delete_session(store, "two")
    assert store.list() == ()


def test_a_deletion_that_was_cut_off_leaves_no_session_and_is_finished_later(tmp_path: Path) -> None:
    store = begun(tmp_path)
    (store.root / "one").rename(store.root / f"{TRASH}one-1")
    assert store.list() == ()
    sweep(store)
    assert list(store.root.iterdir()) == []


def test_one_that_is_open_elsewhere_is_left_alone_and_who_has_it_is_told(tmp_path: Path) -> None:
    store = begun(tmp_path)
    with open_elsewhere(store) as pid:
        acts: list[Callable[[], None]] = [
            lambda: rename_session(store, "one", "two"),
            lambda: delete_session(store, "one"),
        ]
        for act in acts:
            with pytest.raises(Problem) as refused:
                act()
            assert refused.value.code == "MVM-711"
            assert f"process {pid} on " in refused.value.cause
        copy_session(store, "one", "two")
    assert {summary.name for summary in store.list()} == {"one", "two"}


def test_a_name_that_is_taken_or_none_is_refused(tmp_path: Path) -> None:
    store = begun(tmp_path)
    copy_session(store, "one", "two")
    for act in (rename_session, copy_session):
        for new, code in (("two", "MVM-718"), ("Über uns", "MVM-716"), ("../x", "MVM-716")):
            with pytest.raises(Problem) as refused:
                act(store, "one", new)
            assert refused.value.code == code
    assert {summary.name for summary in store.list()} == {"one", "two"}
    assert store.read("two").plan == PLAN


def test_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    store = begun(tmp_path)
    acts: list[Callable[[], None]] = [
        lambda: delete_session(store, "none"),
        lambda: rename_session(store, "none", "two"),
        lambda: copy_session(store, "none", "two"),
    ]
    for act in acts:
        with pytest.raises(Problem) as refused:
            act()
        assert refused.value.code == "MVM-715"


def test_the_plan_is_saved_as_a_file_that_can_be_applied_and_nothing_is_overwritten(tmp_path: Path) -> None:
    store, path = begun(tmp_path), tmp_path / "plan.yaml"
    save_plan(store, "one", path)
    assert load_plan(path) == PLAN
    with pytest.raises(Problem) as refused:
        save_plan(store, "one", path)
    assert refused.value.code == "MVM-703"


def test_a_free_name_has_a_number_and_is_never_too_long() -> None:
    assert free_name("one", frozenset({"one", "one-2"})) == "one-3"
    long = "x" * 63
    assert NAME.fullmatch(free_name(long, frozenset({long, "x" * 59})))
