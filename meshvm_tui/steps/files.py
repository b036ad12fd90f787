"""The stage Files: the five bootstrap files of each machine, fresh, and a token only where it is needed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.plan import AUTO
from meshvm_tui.problems import PermanentError, TransientError
from meshvm_tui.steps import guest_commands
from meshvm_tui.steps.agent_failure import token_subject
from meshvm_tui.steps.bootstrap_state import TOKEN_MARGIN, BootstrapState, bootstrap_state
from meshvm_tui.steps.file_views import with_files
from meshvm_tui.steps.guest_facts import FROZEN, guest_facts, guest_view, workload_address
from meshvm_tui.steps.guest_order import HELD_TOKEN
from meshvm_tui.steps.guest_view import TOKEN
from meshvm_tui.steps.mesh_facts import gateway_ip, mesh_facts
from meshvm_tui.steps.saved_files import load, save, token_is_good
from meshvm_tui.steps.script_guest import files_block
from meshvm_tui.steps.step import Outcome, Scope, Step, different, fingerprint, machine_of, missing, satisfied, unknown
from meshvm_tui.steps.workload_certificate import is_certificate

if TYPE_CHECKING:
    from meshvm_tui.ports import Ports, ReadPorts

AUDIENCE = "istio-ca"
FILES = ("cluster.env", "mesh.yaml", "root-cert.pem", "hosts")


class BootstrapFiles(Step):
    """The files are made from the mesh as it is now; satisfied where the VM has the same and can log in with them."""

    id: ClassVar[str] = "bootstrap-files"
    stage: ClassVar[Stage] = Stage.FILES
    title: ClassVar[str] = "Bootstrap files"
    deadline: ClassVar[float] = 60.0
    needs: ClassVar[tuple[str, ...]] = ("gateway-address", "service-account", "workload-group", "guest-reachable")
    per_machine: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Satisfied by the VM itself, or by files that an earlier run made and that still hold."""
        state = bootstrap_state(ports, scope)
        if state.wanted:
            _refuse_bad_root(state, scope)
        return with_files(self._observed(scope, state), state)

    def _observed(self, scope: Scope, state: BootstrapState) -> Observation:
        if not state.wanted:
            return unknown(state.waits_for, state.message)
        if not state.differences and not state.place_token:
            return _as_planned(state)
        if _saved_hold(scope, state):
            return satisfied("made, and ready to be copied", reason="Ready")
        lines = (*map(str, state.differences), *((f"{TOKEN}: {state.token_reason}",) if state.place_token else ()))
        details = tuple(("differs", line) for line in lines)
        if not state.view.files["cluster.env"]:
            return missing("the VM has no bootstrap files", details=details)
        more = f" (and {len(lines) - 3} more)" if len(lines) > 3 else ""
        return different("; ".join(lines[:3]) + more, details=details)

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """The files that differ from what the VM has, and the token where one is made."""
        state, machine = bootstrap_state(ports, scope), machine_of(scope)
        if not state.wanted:
            return (Change("create", f"bootstrap files of {machine.name}", commands=(_expected(scope),)),)
        commands = (_configure(ports, scope),)
        changed = [name for name in FILES if state.found(name) != state.wanted[name]]
        changes = [
            Change(
                "update" if state.exists(name) else "create",
                f"{machine.name}/{name}",
                diff=state.diff(name),
                commands=commands if name == changed[0] else (),
                fingerprint=fingerprint(name, state.wanted[name]),
            )
            for name in changed
        ]
        if state.place_token:
            workload = scope.plan.workload
            target = f"{machine.name}/{TOKEN} of {workload.namespace}/{workload.service_account}"
            token = Change(
                "create",
                target,
                diff=state.diff(TOKEN),
                commands=(guest_commands.create_token(scope.plan),),
                fingerprint=fingerprint(target, scope.plan.sidecar.token_duration),
            )
            changes.append(token)
        return tuple(changes)

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """The files as the script makes them, with a token of its own."""
        return (files_block(ports, scope),)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Asks for a token where one is needed, and saves the files."""
        state = bootstrap_state(ports.reading(), scope)
        if not state.wanted:
            raise TransientError("MVM-535", state.message)
        _refuse_bad_root(state, scope)
        token = self._token(ports, scope) if state.place_token else ""
        if token:
            scope.memo[HELD_TOKEN] = token
        if scope.files_dir is not None:
            save(scope.files_dir, state.wanted, token)
        # Nothing has changed on the VM: the steps that follow go on with what was seen there.
        scope.memo[FROZEN] = guest_facts(ports.reading(), scope)
        message = f"{len(FILES) + bool(token)} files made" + ("" if token else "; no token is needed")
        return Outcome(True, message, with_files(satisfied(message, reason="Ready"), state, token))

    def _token(self, ports: Ports, scope: Scope) -> str:
        workload, seconds = scope.plan.workload, scope.plan.sidecar.token_duration
        token = ports.cluster.create_token(
            workload.namespace, workload.service_account, audience=AUDIENCE, seconds=seconds
        )
        scope.keep("token-expires", token.expires)
        scope.say("cluster", f"a token of {workload.namespace}/{workload.service_account} until {token.expires}")
        return token.value


def _as_planned(state: BootstrapState) -> Observation:
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(state.certificate.not_after)) if state.certificate else ""
    details = (("identity", state.identity), ("certificate until", until))
    return Observation(Standing.SATISFIED, "AsPlanned", "the VM has these files", details, warnings=state.warnings)


def _saved_hold(scope: Scope, state: BootstrapState) -> bool:
    """Whether the files of an earlier run, or of this one, are still what is wanted now."""
    saved = load(scope.files_dir, (*FILES, TOKEN))
    if any(saved.get(name) != state.wanted[name] for name in FILES):
        return False
    if not state.place_token:
        return True
    subject, now = token_subject(scope.plan), state.view.now
    return token_is_good(saved.get(TOKEN, ""), subject=subject, now=now, seconds=TOKEN_MARGIN)


def _refuse_bad_root(state: BootstrapState, scope: Scope) -> None:
    if not is_certificate(state.wanted["root-cert.pem"]):
        where = f"ConfigMap {scope.plan.workload.namespace}/istio-ca-root-cert, key root-cert.pem"
        raise PermanentError("MVM-520", f"{where} holds no PEM certificate")


def _expected(scope: Scope) -> str:
    """The command as far as it can be told before the mesh is there."""
    machine, cluster_id = machine_of(scope), scope.plan.mesh.cluster_id
    return guest_commands.configure(
        scope.plan,
        cluster_id="" if cluster_id == AUTO else cluster_id,
        gateway="",
        address=machine.address,
        folder=machine.name,
    )


def _configure(ports: ReadPorts, scope: Scope) -> str:
    return guest_commands.configure(
        scope.plan,
        cluster_id=mesh_facts(ports, scope).cluster_id,
        gateway=gateway_ip(ports, scope),
        address=workload_address(machine_of(scope), guest_view(ports, scope)),
        folder=machine_of(scope).name,
    )
