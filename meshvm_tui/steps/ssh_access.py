"""The stage Machine, third part: SSH opens the instance to us, with a key that lives in memory for this run alone.

It is access, not a wish about the world: it is granted at every APPLY, ends with the run, and counts as no change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from meshvm_tui.compute_ports import AccessState, InstanceAccessReader
from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.gcp import gcloud_commands
from meshvm_tui.problems import PermanentError
from meshvm_tui.steps.google_facts import instance, place
from meshvm_tui.steps.step import NotYetKnown, Outcome, Scope, Step, fingerprint, machine_of, unknown

if TYPE_CHECKING:
    from meshvm_tui.ports import Ports, ReadPorts

OS_LOGIN = "os-login"


class SshAccess(Step):
    """A key opens the instance, over its external or internal address or through IAP."""

    id: ClassVar[str] = "ssh-access"
    stage: ClassVar[Stage] = Stage.MACHINE
    title: ClassVar[str] = "SSH access"
    deadline: ClassVar[float] = 240.0
    per_machine: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("machine",)

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Open, or what would be granted."""
        view = instance(ports, scope)
        if view is None or view.status != "RUNNING":
            return unknown("machine", "the instance does not run yet")
        state = _access(ports).look(view.body)
        if state.open:
            return Observation(Standing.SATISFIED, "Open", _open_words(state), _details(state))
        words = f"a key for this run alone will be put {_where(state)}, and taken away at its end"
        return Observation(Standing.MISSING, "NotGranted", words, _details(state))

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """The key that would be granted, with the command that does it by hand; as expected before there is a VM."""
        if observation.standing is Standing.UNKNOWN:
            return (Change("grant", "SSH key for this run alone, for 30 minutes"),)
        if observation.standing is not Standing.MISSING or (view := instance(ports, scope)) is None:
            return ()
        state, where = _access(ports).look(view.body), place(ports, scope)
        command = (
            gcloud_commands.add_os_login_key(where.project)
            if state.login == OS_LOGIN
            else gcloud_commands.add_key(view.name, state.user, where)
        )
        whose = f" of {state.user}" if state.user else ""
        target = f"SSH key{whose} {_where(state)}, for 30 minutes"
        return (Change("grant", target, "", (command,), fingerprint(state.login, state.way, state.user, view.id)),)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Grants it and waits until it opens the instance."""
        view = instance(ports.reading(), scope)
        if view is None or ports.access is None:
            raise NotYetKnown("machine", f"{machine_of(scope).name} is not there")

        def said(words: str) -> None:
            scope.progress(words, None, None)

        state = ports.access.grant(view.body, said, scope.is_cancelled, seconds=scope.remaining())
        seen = Observation(Standing.SATISFIED, "Open", _open_words(state), _details(state))
        return Outcome(False, seen.message, seen)


def _access(ports: ReadPorts) -> InstanceAccessReader:
    if ports.access is None:
        raise PermanentError("MVM-901", "a step of an instance was run without its access")
    return ports.access


def _open_words(state: AccessState) -> str:
    until = f" until {state.until}" if state.until else ""
    return f"{state.user} logs in {_way(state)}{until}"


def _way(state: AccessState) -> str:
    return "through IAP" if state.way == "iap" else f"at {state.address} ({state.way})"


def _where(state: AccessState) -> str:
    return "into the OS Login profile" if state.login == OS_LOGIN else "into the instance's metadata"


def _details(state: AccessState) -> tuple[tuple[str, str], ...]:
    return (
        ("way", _way(state)),
        ("user", state.user),
        ("key", {"own-key": "the plan's own", OS_LOGIN: "OS Login"}.get(state.login, "instance metadata")),
        ("host keys", state.host_keys or "not published; compared as SSH does"),
        *state.details,
    )
