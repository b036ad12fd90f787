"""A session folds events and never changes in place."""

from __future__ import annotations

from meshvm_tui.events import StepFinished, StepLogged, StepStarted, StepState
from meshvm_tui.plan import Plan
from meshvm_tui.problems import PermanentError
from meshvm_tui.session import Session, StepRecord

AT = "2026-01-01T00:00:00.000Z"


def finished(state: StepState, *, changed: bool = False, failed: bool = False) -> StepFinished:
    """A step's end."""
    problem = PermanentError("MVM-109", "no").record() if failed else None
    return StepFinished(AT, "s", "namespace", "", state, changed, "Because", "words", 1.0, problem=problem)


def test_started_and_finished_make_one_record() -> None:
    empty = Session("s", Plan())
    running = empty.with_event(StepStarted(AT, "s", "namespace", "", "Namespace"))
    done = running.with_event(finished(StepState.SUCCEEDED, changed=True))
    assert empty.records == ()
    assert [record.state for record in running.records] == ["running"]
    assert done.records == (
        StepRecord("namespace", "", "succeeded", "Because", "words", started=AT, finished=AT, changed=True),
    )


def test_a_later_run_that_skips_remembers_that_it_was_changed_once() -> None:
    session = Session("s", Plan()).with_event(finished(StepState.SUCCEEDED, changed=True))
    record = session.with_event(finished(StepState.SKIPPED)).record("namespace")
    assert record and record.state == "skipped" and record.changed


def test_a_failure_keeps_its_code_until_it_is_mended() -> None:
    session = Session("s", Plan()).with_event(finished(StepState.FAILED, failed=True))
    failed, mended = session.record("namespace"), session.with_event(finished(StepState.SUCCEEDED)).record("namespace")
    assert failed and failed.code == "MVM-109"
    assert mended and mended.code == ""


def test_other_events_change_nothing() -> None:
    session = Session("s", Plan())
    assert session.with_event(StepLogged(AT, "s", "namespace", "", "cluster", "words")) is session


def test_a_kept_expiry_is_a_clock() -> None:
    session = Session("s", Plan()).with_kept("bootstrap-files/vm-1/token-expires", "2026-01-01T01:00:00Z")
    assert session.clocks == {"vm-1/token": "2026-01-01T01:00:00Z"}


def test_the_clusters_uid_is_a_field_of_its_own() -> None:
    assert Session("s", Plan()).with_kept("session//cluster-uid", "7").cluster_uid == "7"
