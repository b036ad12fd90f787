"""The stage Install, on the VM: the package, the five files in their places, the sidecar running and proven.

The three steps share one observation and one execution (`guest_execution`).
"""

from __future__ import annotations

from abc import abstractmethod
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.istio.workload_entry import entry_facts
from meshvm_tui.ports import WORKLOAD_ENTRIES
from meshvm_tui.problem_catalog import CATALOG
from meshvm_tui.problems import PermanentError, Problem, TransientError
from meshvm_tui.steps import guest_commands
from meshvm_tui.steps.agent_failure import agent_problem
from meshvm_tui.steps.bootstrap_state import bootstrap_state
from meshvm_tui.steps.guest_execution import Failed, problem_of, run_alone, step_result
from meshvm_tui.steps.guest_facts import guest_of, guest_view, istiod_host
from meshvm_tui.steps.guest_order import apply_order, confirm_order
from meshvm_tui.steps.guest_view import PLACES
from meshvm_tui.steps.registration import CONNECTED_BEFORE, registered_name
from meshvm_tui.steps.saved_files import remove_token
from meshvm_tui.steps.script_guest import execution_block, files_block
from meshvm_tui.steps.sidecar_package import package_source
from meshvm_tui.steps.step import Outcome, Scope, Step, different, fingerprint, machine_of, missing, satisfied, unknown

if TYPE_CHECKING:
    from meshvm_tui.ports import GuestReport, Ports, ReadPorts


PROOF_TRIES, PROOF_SECONDS, PROOF_PAUSE = 4, 20.0, 2.0
"""How often and for how long the connection that proves SSH is tried, and the pause between two tries."""


class _GuestStep(Step):
    """A step whose result comes from the shared execution."""

    stage: ClassVar[Stage] = Stage.INSTALL
    per_machine: ClassVar[bool] = True

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Starts the execution, or goes on reading the one under way, up to this step's result."""
        reading = ports.reading()
        wanted = _unsatisfied(reading, scope)
        try:
            report = step_result(ports, scope, self.id, apply_order(reading, scope), wanted)
        except Failed as failed:
            raise self.problem(reading, scope, failed.report) from failed
        return self.done(ports, scope, report)

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """The files and the execution: the same for each of the three steps."""
        return (files_block(ports, scope), execution_block(ports, scope))

    def problem(self, ports: ReadPorts, scope: Scope, report: GuestReport) -> Problem:
        """What a failed report means."""
        return problem_of(report)

    @abstractmethod
    def done(self, ports: Ports, scope: Scope, report: GuestReport) -> Outcome:
        """What this step's report made true."""


class SidecarPackage(_GuestStep):
    """istio-sidecar of the mesh's version is installed."""

    id: ClassVar[str] = "sidecar-package"
    title: ClassVar[str] = "Sidecar package"
    deadline: ClassVar[float] = 420.0
    needs: ClassVar[tuple[str, ...]] = ("guest-reachable", "bootstrap-files")

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """dpkg's word for it, and the version."""
        view = guest_view(ports, scope)
        source = package_source(ports, scope, view)
        if source is None:
            return unknown("control-plane", "the package's version is istiod's, which is not installed yet")
        installed = view.package_version
        if source.is_installed(view):
            return satisfied(f"istio-sidecar {installed} is installed")
        if installed:
            return different(f"istio-sidecar {installed} is installed, wanted is {source.version}")
        return missing(f"istio-sidecar {source.version or '(any version)'} is not installed")

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """The package, as the guide installs it."""
        view, machine = guest_view(ports, scope), machine_of(scope)
        source = package_source(ports, scope, view)
        if source is None:
            return (Change("create", f"istio-sidecar on {machine.name}"),)
        action = "update" if view.package_version else "create"
        return (
            Change(
                action,
                f"istio-sidecar {source.version} on {machine.name}".replace("  ", " "),
                diff=f"-{view.package_version or 'not installed'}\n+{source.version or source.url or source.path}\n",
                commands=guest_commands.install_package(machine, source.url, source.path),
                fingerprint=fingerprint(view.package_version, source.version, source.url, source.path, source.sha256),
            ),
        )

    def done(self, ports: Ports, scope: Scope, report: GuestReport) -> Outcome:
        """Installed."""
        version = str(report.values.get("version") or "")
        scope.keep("version", version)
        return Outcome(report.state == "changed", report.message, satisfied(report.message))


class GuestFiles(_GuestStep):
    """The five files lie in their places with owner and mode; one marked block stands in /etc/hosts."""

    id: ClassVar[str] = "guest-files"
    title: ClassVar[str] = "Files on the VM"
    deadline: ClassVar[float] = 120.0
    needs: ClassVar[tuple[str, ...]] = ("sidecar-package",)

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Content, owner, mode, the token as it was sent, and whose certificate is there."""
        state = bootstrap_state(ports, scope)
        if not state.wanted:
            return unknown(state.waits_for, state.message)
        if not state.to_place:
            return Observation(Standing.SATISFIED, "AsPlanned", "every file is in its place", warnings=state.warnings)
        details = tuple(("differs", line) for line in state.to_place)
        kind = different if guest_view(ports, scope).files["cluster.env"] else missing
        return kind(_list(state.to_place), details=details)

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """One change for each file that is not as wanted; the token is named, never shown."""
        state, machine = bootstrap_state(ports, scope), machine_of(scope)
        if not state.wanted:
            commands = guest_commands.place(machine, guest_commands.SEND)
            return (Change("create", f"five files on {machine.name}", commands=commands),)
        commands = guest_commands.place(machine, state.names_to_place)
        changes = [
            Change(
                "update" if state.exists(name) else "create",
                f"{machine.name}:{PLACES[name]}",
                diff=state.diff(name),
                fingerprint=fingerprint(name, state.wanted.get(name, ""), state.found(name)),
            )
            for name in state.names_to_place
        ]
        changes += [
            Change("update", f"{machine.name}: {line}", fingerprint=fingerprint(line)) for line in state.other_changes
        ]
        first = changes[0]
        return (Change(first.action, first.target, first.diff, commands, first.fingerprint), *changes[1:])

    def done(self, ports: Ports, scope: Scope, report: GuestReport) -> Outcome:
        """Written; what was there before is kept on the VM itself, under /var/lib/meshvm-tui/before."""
        scope.keep("written", str(report.values.get("written") or ""))
        return Outcome(report.state == "changed", report.message, satisfied(report.message))


class SidecarRunning(_GuestStep):
    """istio.service is enabled, active and ready with these files, and SSH and name look-ups still work."""

    id: ClassVar[str] = "sidecar-running"
    title: ClassVar[str] = "Sidecar running"
    deadline: ClassVar[float] = 240.0
    needs: ClassVar[tuple[str, ...]] = ("guest-files",)

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """What the unit, its readiness and the guard say; files that are to be written want a restart."""
        view, state = guest_view(ports, scope), bootstrap_state(ports, scope)
        if not view.package_version or not state.wanted:
            return unknown("guest-files", "the package and the files come first")
        lacking = self._lacking(ports, scope)
        if not lacking:
            started = view.unit.get("ActiveEnterTimestamp", "")
            return satisfied("istio.service is enabled, active and ready", details=(("started", started),))
        if not view.is_running and not view.has_died:
            return missing(_list(lacking), reason="NotRunning")
        if not view.is_ready and (cause := agent_problem(ports, scope, view.agent_log)) is not None:
            title = CATALOG[cause.code].title
            details = (("code", cause.code), ("log", cause.cause))
            return different(f"{cause.code} {title}: {cause.cause}", reason="NotReady", details=details)
        return different(_list(lacking), reason="NotReady" if not view.is_ready else "Differs")

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """One start, or one restart."""
        machine, view = machine_of(scope), guest_view(ports, scope)
        verb = "restart" if view.is_running or view.has_died else "start"
        target = f"{verb} istio.service on {machine.name}"
        wanted = dict(bootstrap_state(ports, scope).wanted)
        return (
            Change("run", target, commands=guest_commands.start(machine, verb), fingerprint=fingerprint(verb, wanted)),
        )

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Remembers since when the entry is connected, so that a new connection can be told from an old one."""
        reading = ports.reading()
        entry = reading.cluster.get(WORKLOAD_ENTRIES, registered_name(reading, scope), scope.plan.workload.namespace)
        before = entry_facts(entry).connected_at if entry else ""
        outcome = super().apply(ports, scope)
        if before and outcome.observation and outcome.observation.reason == "Restarted":
            scope.memo[CONNECTED_BEFORE] = before
        return outcome

    def problem(self, ports: ReadPorts, scope: Scope, report: GuestReport) -> Problem:
        """The cause that stands in the agent's log, where the agent is the one that failed."""
        if report.step == self.id and (log := str(report.values.get("log") or "")):
            return agent_problem(ports, scope, log) or problem_of(report)
        return problem_of(report)

    def done(self, ports: Ports, scope: Scope, report: GuestReport) -> Outcome:
        """A new connection proves SSH, a look-up proves names; only then the guard is taken away."""
        scope.progress("proving that a new SSH connection works", None, None)
        _prove_new_connection(ports, scope)
        try:
            confirmed = run_alone(ports, scope, confirm_order(istiod_host(ports.reading(), scope)), self.id)
        except Failed as failed:
            raise problem_of(failed.report) from failed
        remove_token(scope.files_dir)
        restarted = report.values.get("restarted") not in ("no", None, "")
        changed = report.state == "changed" or confirmed.state == "changed"
        message = f"{report.message}; a new SSH connection and name look-ups work"
        return Outcome(changed, message, satisfied(message, reason="Restarted" if restarted else "AsPlanned"))

    def _lacking(self, ports: ReadPorts, scope: Scope) -> list[str]:
        view, state = guest_view(ports, scope), bootstrap_state(ports, scope)
        source = package_source(ports, scope, view)
        checks = (
            (view.is_running, "istio.service is not active"),
            (view.is_ready or not view.is_running, "its agent is not ready"),
            (view.is_enabled, "it does not start at boot"),
            (not view.is_unconfirmed, "it was not confirmed over a new connection"),
            (not view.wants_restart, "files were written since it was started"),
            (not state.needs_restart, "other files want a restart"),
            (source is not None and source.is_installed(view), "another package wants a restart"),
        )
        return [words for holds, words in checks if not holds]


def _prove_new_connection(ports: Ports, scope: Scope) -> None:
    """A few tries, then a failure for good: another run would set the guard's timer anew and so keep SSH lost."""
    end = monotonic() + PROOF_SECONDS
    for number in range(PROOF_TRIES, 0, -1):
        try:
            guest_of(ports).prove_new_connection()
        except TransientError as problem:
            if number == 1 or monotonic() + PROOF_PAUSE > end:
                raise PermanentError(problem.code, problem.cause) from problem
            scope.wait(PROOF_PAUSE)
        else:
            return


def _unsatisfied(ports: ReadPorts, scope: Scope) -> frozenset[str]:
    """The steps of the execution that will be applied, as they stand before it."""
    steps: tuple[_GuestStep, ...] = (SidecarPackage(), GuestFiles(), SidecarRunning())
    found = [step.id for step in steps if step.observe(ports, scope).standing is not Standing.SATISFIED]
    return frozenset(found)


def _list(lines: list[str] | tuple[str, ...]) -> str:
    """The first of them, and how many more."""
    more = f" (and {len(lines) - 3} more)" if len(lines) > 3 else ""
    return "; ".join(lines[:3]) + more
