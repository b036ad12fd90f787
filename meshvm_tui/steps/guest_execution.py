"""The one execution that sidecar-package, guest-files and sidecar-running share: the first that is not satisfied
starts it, and each reads its reports up to its own result.

While it is under way the observation that it began with stands still, so that the steps after the first one see
(and show) what they would have seen before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from meshvm_tui.ports import GuestOrder, GuestReport
from meshvm_tui.problems import Cancelled, PermanentError, Problem, TransientError
from meshvm_tui.steps.guest_facts import FROZEN, guest_facts, guest_of

if TYPE_CHECKING:
    from meshvm_tui.ports import Ports
    from meshvm_tui.steps.step import Scope

EXECUTION = "!guest-execution"
CUTS = "!guest-cuts"
MOST_CUTS = 4
_DONE = ("ok", "changed")

_CAUSES = {
    "download": "MVM-521",
    "checksum": "MVM-522",
    "not-a-package": "MVM-523",
    "dpkg-lock": "MVM-524",
    "disk-full": "MVM-525",
    "dpkg": "MVM-526",
    "dependencies": "MVM-527",
    "no-package": "MVM-521",
    "no-user": "MVM-526",
    "start": "MVM-530",
    "inactive": "MVM-530",
    "not-ready": "MVM-531",
    "timer": "MVM-532",
    "locked": "MVM-430",
    "lookup": "MVM-432",
}
_NO_WAY = ("5", "6", "7", "28")
"""curl's exit codes for a name that is not found, for a refusal and for no answer."""
_NO_WAY_OUT = (
    "Where the VM has no way out, name a file of this computer in sidecar.package: it is sent along. "
    "A proxy of the VM's /etc/environment or apt settings is used."
)
_OTHER_ARCHITECTURE = "Set sidecar.package to the package of the VM's architecture; official takes the right one."
_TRANSIENT = ("MVM-430", "MVM-524")
_STEP_CODES = {"sidecar-package": "MVM-526", "guest-files": "MVM-528", "sidecar-running": "MVM-530"}


class GuestExecution:
    """Reports of one execution, read step by step. `wanted` are the steps that will ask for their result."""

    def __init__(self, reports: Iterator[GuestReport], wanted: frozenset[str]) -> None:
        self._reports = reports
        self._wanted = set(wanted)
        self._results: dict[str, GuestReport] = {}

    def result(self, step: str, scope: Scope) -> GuestReport:
        """The step's own last report. Raises `Failed` where the script failed at it or before it."""
        try:
            while step not in self._results:
                self._take(next(self._reports), scope)
            self._wanted.discard(step)
            if not self._wanted:
                for report in self._reports:
                    self._take(report, scope)
        except StopIteration:
            raise PermanentError("MVM-417", f"the script said nothing of {step}") from None
        return self._results[step]

    @property
    def is_read(self) -> bool:
        """Whether every step that wanted a result has it."""
        return not self._wanted

    def _take(self, report: GuestReport, scope: Scope) -> None:
        if report.state == "failed" and report.step != "end":
            raise Failed(report)
        done, total = (_number(report.values.get(name)) for name in ("done", "total"))
        if total:
            scope.progress(report.message, done, total)
        elif report.state == "started" or "reason" in report.values:
            scope.progress(report.message, None, None)
        elif report.message:
            scope.say("guest", report.message)
        if report.state in _DONE:
            self._results[report.step] = report


def _number(value: object) -> int | None:
    return int(str(value)) if str(value).isdecimal() else None


class Failed(Exception):
    """The script reported a failure."""

    def __init__(self, report: GuestReport) -> None:
        super().__init__(report.message)
        self.report = report


def step_result(ports: Ports, scope: Scope, step: str, order: GuestOrder, wanted: frozenset[str]) -> GuestReport:
    """A step's result, from the execution under way, or from a new one that `order` starts.

    `wanted` are all the steps that will ask for theirs. Raises `Failed` where the script failed."""
    execution = scope.memo.get(EXECUTION)
    if execution is None:
        scope.memo[FROZEN] = guest_facts(ports.reading(), scope)
        execution = GuestExecution(guest_of(ports).execute(order, scope.is_cancelled), wanted | {step})
        scope.memo[EXECUTION] = execution
    try:
        report: GuestReport = execution.result(step, scope)
    except TransientError as problem:
        thaw(scope)
        raise _or_give_up(problem, scope) from problem
    except (Failed, Problem, Cancelled):
        thaw(scope)
        raise
    scope.memo.pop(CUTS, None)
    if execution.is_read:
        thaw(scope)
    return report


def _or_give_up(problem: TransientError, scope: Scope) -> Problem:
    """A connection that is cut again and again at the same work will be cut the next time as well."""
    cuts = int(scope.memo.get(CUTS, 0)) + 1
    scope.memo[CUTS] = cuts
    if cuts < MOST_CUTS:
        return problem
    return PermanentError(
        problem.code,
        f"{problem.cause} ({cuts} times in a row)",
        next_action="Find out what cuts it (the machine's sshd, the network between), then run again.",
        evidence=problem.evidence,
    )


def thaw(scope: Scope) -> None:
    """Ends the execution's hold on the observation: the next step looks anew."""
    scope.memo.pop(EXECUTION, None)
    scope.memo.pop(FROZEN, None)
    scope.forget()


def run_alone(ports: Ports, scope: Scope, order: GuestOrder, step: str) -> GuestReport:
    """An execution of its own, read to its end."""
    return GuestExecution(guest_of(ports).execute(order, scope.is_cancelled), frozenset({step})).result(step, scope)


def problem_of(report: GuestReport) -> Problem:
    """The problem that a failed report means, with what the tools on the VM said."""
    output = str(report.values.get("output") or "")
    told = "disk-full" if "No space left" in output else str(report.values.get("cause") or "")
    code = _CAUSES.get(told, _STEP_CODES.get(report.step, "MVM-534"))
    cause = f"{report.message}\n{output}".strip()
    evidence = {name: str(report.values[name])[-1500:] for name in ("log", "show") if report.values.get(name)}
    kind = TransientError if code in _TRANSIENT else PermanentError
    return kind(code, cause, next_action=_advice(report, output), evidence=evidence)


def _advice(report: GuestReport, output: str) -> str:
    """What to do where it is more exact than the code's own; "" elsewhere."""
    if str(report.values.get("curl_exit")) in _NO_WAY:
        return _NO_WAY_OUT
    return _OTHER_ARCHITECTURE if "does not match system" in output else ""
