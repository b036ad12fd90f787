"""How a run ended: its exit code and one sentence, from the results of its steps."""

from __future__ import annotations

from typing import Any

from meshvm_tui.engine_run import Run, Walk
from meshvm_tui.engine_step import WILL_BE_PROBED
from meshvm_tui.events import PASSING_ACTIONS, Mode, Standing, StepFinished, StepState
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.problems import ActionNeeded

ACTION_NEEDED = ActionNeeded.__name__
"""The reason of a step that stopped because the operator must do something."""


def conclude(run: Run, order: Walk) -> dict[str, Any]:
    """The fields of RunFinished beside its time and session."""
    results = [result for step, machine in order if (result := run.results.get((step.id, machine)))]
    code = _exit_code(run, results, {machine for _, machine in order if machine})
    return {
        "mode": run.request.mode,
        "exit_code": int(code),
        "changed": any(result.changed for result in results),
        "message": _message(code, results, run.request.mode),
    }


def pending(result: StepFinished) -> bool:
    """Whether a looked-at step would change something; probes, and access for the run's own time, do not count."""
    if result.observation is None or result.state is not StepState.PENDING:
        return False
    if result.observation == WILL_BE_PROBED:
        return False
    if any(change.action not in PASSING_ACTIONS for change in result.changes):
        return True
    return not result.changes and result.observation.standing is not Standing.SATISFIED


def _exit_code(run: Run, results: list[StepFinished], machines: set[str]) -> ExitCode:
    if run.cancel.is_set() and any(_unfinished(result) for result in results):
        return ExitCode.CANCELLED
    failed = [result for result in results if result.state is StepState.FAILED]
    if failed:
        return _failure_code(failed, machines)
    if run.request.mode is Mode.PLAN and any(pending(result) for result in results):
        return ExitCode.CHANGES_PENDING
    if run.request.mode is Mode.APPLY and any(result.state is StepState.LEFT_OUT for result in results):
        return ExitCode.NOT_PROVEN
    return ExitCode.DONE


def _unfinished(result: StepFinished) -> bool:
    return result.state is StepState.CANCELLED or result.reason == "NotReached"


def _failure_code(failed: list[StepFinished], machines: set[str]) -> ExitCode:
    broken = {result.machine for result in failed}
    if "" not in broken and broken < machines:
        return ExitCode.SOME_MACHINES_FAILED
    if all(result.reason == ACTION_NEEDED for result in failed):
        return ExitCode.ACTION_NEEDED
    return ExitCode.FAILED


def _message(code: ExitCode, results: list[StepFinished], mode: Mode) -> str:
    failed = [result for result in results if result.state is StepState.FAILED]
    if code is ExitCode.CANCELLED:
        return "Cancelled. What was done stays; the same command goes on from here."
    if code is ExitCode.SOME_MACHINES_FAILED:
        names = ", ".join(sorted({result.machine for result in failed}))
        return f"Not done on {names}; the other machines are done."
    if failed:
        first = failed[0]
        return f"Stopped at {first.step}{f' on {first.machine}' if first.machine else ''}: {first.message}"
    if mode is not Mode.APPLY:
        waiting = [result for result in results if pending(result)]
        if waiting and not any(result.changes for result in waiting):
            needed = ", ".join(dict.fromkeys(_waits_for(result) for result in waiting))
            return f"As planned, as far as can be seen; {_count(len(waiting), 'step')} can be known after {needed}."
        return "Everything is as planned." if not waiting else f"{_count(len(waiting), 'step')} would change something."
    changed = sum(result.changed for result in results)
    done = f"Done: {_count(changed, 'step')} changed something." if changed else "Done: nothing had to change."
    skipped = [result for result in results if result.state is StepState.LEFT_OUT]
    return f"{done} Not proven: {', '.join(map(_named, skipped))} (skipped)." if skipped else done


def _named(result: StepFinished) -> str:
    return f"{result.step} on {result.machine}" if result.machine else result.step


def _waits_for(result: StepFinished) -> str:
    return result.observation.waits_for if result.observation else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
