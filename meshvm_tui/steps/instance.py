"""The stage Machine, first part: the instance exists and runs. One that is there is taken as it is, and started where
it is stopped; nothing else of it is changed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.gcp import gcloud_commands
from meshvm_tui.gcp.instance import InstanceView, insert_body, source_image, without_keys
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError
from meshvm_tui.steps.commands import as_yaml
from meshvm_tui.steps.google_facts import compute_of, gce_create, instance, place
from meshvm_tui.steps.instance_details import details_of
from meshvm_tui.steps.instance_preflight import check_choices, elsewhere, preflight
from meshvm_tui.steps.object_compare import diff_of_new
from meshvm_tui.steps.step import Outcome, Scope, Step, fingerprint, machine_of

if TYPE_CHECKING:
    from meshvm_tui.ports import Ports, ReadPorts

JSON = dict[str, Any]
RUNNING = "RUNNING"
STOPPED = ("TERMINATED", "STOPPED")
ON_ITS_WAY = ("PROVISIONING", "STAGING", "STOPPING", "PENDING_STOP", "SUSPENDING", "PENDING")
ENDING = ("STOPPING", "PENDING_STOP")
NO_ROOM = ("MVM-811", "MVM-812")
REQUEST, REQUESTS = "request-id", "!google-request"


class Instance(Step):
    """The Compute Engine instance exists and is RUNNING."""

    id: ClassVar[str] = "machine"
    stage: ClassVar[Stage] = Stage.MACHINE
    title: ClassVar[str] = "Instance"
    deadline: ClassVar[float] = 600.0
    per_machine: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Running, stopped, or missing. ActionNeeded MVM-819 where it is missing and the plan creates none, MVM-820
        where its state is one that only its owner can end."""
        findings = preflight(ports, scope)
        view = instance(ports, scope)
        where, name = place(ports, scope), machine_of(scope).name
        if view is None:
            if (gce := machine_of(scope).gce) is None or gce.create is None:
                raise ActionNeeded("MVM-819", f"projects/{where.project}/zones/{where.zone}/instances/{name}")
            chosen = check_choices(ports, scope)
            words = f"{name} is not there yet: {where.project}, {where.zone}"
            return Observation(Standing.MISSING, "NotFound", words, chosen, findings=findings)
        details = details_of(ports, scope, view)
        if view.status == RUNNING:
            words = f"{name} runs in {where.zone}" + ("" if view.is_ours else "; not made here, taken as it is")
            return Observation(Standing.SATISFIED, "Running", words, details, findings=findings)
        if view.status in STOPPED:
            return Observation(Standing.DIFFERENT, "Stopped", f"{name} is {view.status}", details, findings=findings)
        if view.status in ON_ITS_WAY:
            return Observation(Standing.DIFFERENT, "OnItsWay", f"{name} is {view.status}", details, findings=findings)
        raise _unusable(view, gcloud_commands.resume_instance(name, where))

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """The instance's body, its start, or waiting."""
        view, name, where = instance(ports, scope), machine_of(scope).name, place(ports, scope)
        target = f"instance {where.project}/{where.zone}/{name}"
        if view is None:
            create = gce_create(scope)
            body = insert_body(name, create, where)
            command = gcloud_commands.create_instance(name, create, where)
            return (Change("create", target, diff_of_new(as_yaml(body), name), (command,), fingerprint(body)),)
        if view.status in STOPPED:
            command = gcloud_commands.start_instance(name, where)
            return (Change("run", f"start {target}", "", (command,), fingerprint("start", view.id)),)
        if view.status in ENDING:
            command = gcloud_commands.start_instance(name, where)
            return (
                Change("run", f"wait for {target}, then start it", "", (command,), fingerprint("restart", view.id)),
            )
        return (Change("run", f"wait for {target}", "", (), fingerprint("wait", view.id)),)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Creates it or starts it, and waits until it runs."""
        view = instance(ports.reading(), scope)
        if view is not None and view.status == RUNNING:
            return Outcome(False)
        if view is None:
            self._create(ports, scope)
        elif view.status in STOPPED:
            self._start(ports, scope)
        running = self._until_running(ports, scope, was_there=view is not None)
        scope.keep("instance-id", running.id)
        _forget_request(scope)
        return Outcome(True, f"{running.name} runs, instance {running.id}")

    def _create(self, ports: Ports, scope: Scope) -> None:
        reading = ports.reading()
        name, where, create = machine_of(scope).name, place(reading, scope), gce_create(scope)
        line = ports.access.public_line() if ports.access else ""
        body = insert_body(name, create, where, line)
        request = _request_id(scope, fingerprint(without_keys(body), where.project, where.zone))
        scope.say("google", f"instances.insert {name}: {source_image(create)}, request {request}")
        try:
            operation = compute_of(ports).insert_instance(where.project, where.zone, body, request)
            compute_of(ports).wait(operation, _progress(scope, "creating"), scope.is_cancelled)
            scope.keep("made", True)
        except Problem as problem:
            _answered(scope, problem)
            if problem.code in NO_ROOM:
                raise elsewhere(problem, reading, scope) from problem
            if problem.code != "MVM-814":
                raise
            # Another run, or an earlier one whose answer was lost, made it: what is there is taken.
            scope.say("google", f"{name} exists already: {problem.cause}")

    def _start(self, ports: Ports, scope: Scope) -> None:
        name, where = machine_of(scope).name, place(ports.reading(), scope)
        request = _request_id(scope, fingerprint("start", where.project, where.zone, name))
        scope.say("google", f"instances.start {name}, request {request}")
        try:
            operation = compute_of(ports).start_instance(where.project, where.zone, name, request)
            compute_of(ports).wait(operation, _progress(scope, "starting"), scope.is_cancelled)
        except Problem as problem:
            _answered(scope, problem)
            if problem.code in NO_ROOM:
                words = "An instance stays in its zone: retry later, or name another one in the plan."
                raise ActionNeeded(problem.code, problem.cause, next_action=words, evidence=problem.evidence) from None
            raise

    def _until_running(self, ports: Ports, scope: Scope, *, was_there: bool) -> InstanceView:
        while True:
            scope.forget()
            view = instance(ports.reading(), scope)
            if view is None and was_there:
                raise PermanentError("MVM-819", f"{machine_of(scope).name}: it was there and is not any more")
            if view is None or view.status in STOPPED:
                # The kept request was carried out before, and undone by somebody since: the next one is another.
                _forget_request(scope)
                state = "not there" if view is None else view.status
                raise TransientError("MVM-820", f"{machine_of(scope).name} is {state}, not RUNNING")
            if view.status == RUNNING:
                return view
            if view.status not in ON_ITS_WAY:
                raise _unusable(view, gcloud_commands.resume_instance(view.name, place(ports.reading(), scope)))
            if scope.remaining() <= 0:
                raise TransientError("MVM-820", f"{view.name} is still {view.status}")
            scope.progress(f"{view.name} is {view.status}", None, None)
            scope.wait(1.0)


def _request_id(scope: Scope, of: str) -> str:
    """The id of this very request: the one of an earlier run that ended before its answer, else a new one, which is
    kept before anything is sent. Compute Engine carries out a request id once (instances.insert, requestId)."""
    known = scope.memo.get(REQUESTS)
    if known is None:
        known = scope.kept.get(f"{Instance.id}/{machine_of(scope).name}/{REQUEST}") or {}
    if known.get("of") != of:
        known = {"id": str(uuid.uuid4()), "of": of}
    scope.memo[REQUESTS] = known
    scope.keep(REQUEST, known)
    return str(known["id"])


def _answered(scope: Scope, problem: Problem) -> None:
    """A refusal ends its request: with the same id Compute Engine would only repeat it. Where no answer came, or none
    that lasts, the id stays."""
    if not isinstance(problem, TransientError) or problem.code in NO_ROOM:
        _forget_request(scope)


def _forget_request(scope: Scope) -> None:
    """From now on an earlier run's counts no more either."""
    scope.memo[REQUESTS] = {}
    scope.keep(REQUEST, {})


def _progress(scope: Scope, doing: str) -> Any:
    def said(status: str, percent: int | None) -> None:
        scope.progress(f"{doing}: {status}", percent, 100 if percent is not None else None)

    return said


def _unusable(view: InstanceView, command: str) -> ActionNeeded:
    action = f"Resume it: {command}" if view.status == "SUSPENDED" else ""
    if view.status == "REPAIRING":
        action = "Google brings it back by itself; retry when it is RUNNING."
    return ActionNeeded("MVM-820", f"{view.name} is {view.status}", next_action=action)
