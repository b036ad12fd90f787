"""The end of the stage Install: istiod registers the VM, and finds its workload healthy."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.istio.workload_entry import CONNECTED_ANNOTATION, EntryFacts, Health, entry_facts, entry_name
from meshvm_tui.ports import WORKLOAD_ENTRIES
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError
from meshvm_tui.steps.agent_failure import agent_problem
from meshvm_tui.steps.commands import kubectl
from meshvm_tui.steps.guest_facts import guest_view, workload_address
from meshvm_tui.steps.script_guest import listening_address
from meshvm_tui.steps.script_lines import until_true
from meshvm_tui.steps.step import Outcome, Scope, Step, different, fingerprint, machine_of, missing, satisfied, unknown

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan, Probe
    from meshvm_tui.ports import Ports, ReadPorts
    from meshvm_tui.steps.guest_view import GuestView

LOOK_AT_LOG_SECONDS = 5.0
PAUSE_SECONDS = 0.5
JUST_NOW_SECONDS = 300.0
"""A registration that began in this run: starting the sidecar and waiting for its entry take no longer."""
CONNECTED_BEFORE = "!connected-before"
"""When the entry was connected before this run restarted the sidecar: the same time again is no proof."""


def registered_name(ports: ReadPorts, scope: Scope) -> str:
    """The name that istiod gives to this machine's entry."""
    workload = scope.plan.workload
    address = workload_address(machine_of(scope), guest_view(ports, scope))
    return entry_name(workload.name, address, workload.network)


def registered_entry(ports: ReadPorts, scope: Scope) -> EntryFacts | None:
    """This machine's WorkloadEntry as it is now; asked anew each time."""
    found = ports.cluster.get(WORKLOAD_ENTRIES, registered_name(ports, scope), scope.plan.workload.namespace)
    return entry_facts(found) if found else None


def _until_entry(ports: ReadPorts, scope: Scope, path: str, what: str, pattern: str) -> str:
    """A loop of the saved script: the machine's entry, by its address, has at this path what the pattern says."""
    address, namespace = listening_address(ports, scope), scope.plan.workload.namespace
    which = f'[?(@.spec.address=="{address}")]' if address else "[*]"
    template = f'jsonpath={{range .items{which}}}{{{path}}}{{"\\n"}}{{end}}'
    asked = kubectl(scope.plan, "get", "workloadentry", "-n", namespace, "-o", template)
    return until_true(120, f"{what} of {machine_of(scope).name}", f"{asked} | grep -q '{pattern}'")


class EntryRegistered(Step):
    """The WorkloadEntry is there, has this machine's address, and istiod holds its connection."""

    id: ClassVar[str] = "entry-registered"
    stage: ClassVar[Stage] = Stage.INSTALL
    title: ClassVar[str] = "Entry registered"
    deadline: ClassVar[float] = 90.0
    needs: ClassVar[tuple[str, ...]] = ("sidecar-running", "workload-group")
    per_machine: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """By the entry's name; connected since the sidecar was started."""
        view = guest_view(ports, scope)
        if not view.is_running:
            return unknown("sidecar-running", "the sidecar does not run yet")
        name, namespace = registered_name(ports, scope), scope.plan.workload.namespace
        entry = registered_entry(ports, scope)
        if entry is None:
            return missing(f"there is no WorkloadEntry {namespace}/{name}")
        return _standing(entry, scope)

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """Nothing is written: istiod makes the entry."""
        namespace = scope.plan.workload.namespace
        watch = kubectl(scope.plan, "get", "workloadentry", "-n", namespace, "--watch")
        group = scope.plan.workload.name
        target = f"WorkloadEntry of {machine_of(scope).name} in {namespace}, made by istiod"
        return (Change("run", target, commands=(watch,), fingerprint=fingerprint(namespace, group)),)

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """A loop until istiod holds the machine's connection."""
        connected = f".metadata.annotations.{CONNECTED_ANNOTATION.replace('.', chr(92) + '.')}"
        return (_until_entry(ports, scope, connected, "the WorkloadEntry", "[0-9]"),)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Waits for istiod; looks into the agent's log meanwhile, and fails with the cause that stands there."""
        reading = ports.reading()
        name, seen, waited = registered_name(reading, scope), "no WorkloadEntry yet", 0.0
        while scope.remaining() > PAUSE_SECONDS:
            entry = registered_entry(reading, scope)
            if entry is not None:
                found = _standing(entry, scope)
                if found.standing is Standing.SATISFIED:
                    for warning in found.warnings:
                        scope.say("cluster", warning)
                    scope.keep("entry", {"name": entry.name, "uid": entry.uid})
                    return Outcome(True, found.message, found)
                seen = found.message
            scope.progress(f"waiting for WorkloadEntry {name}: {seen}", None, None)
            scope.wait(PAUSE_SECONDS)
            waited += PAUSE_SECONDS
            if waited >= LOOK_AT_LOG_SECONDS:
                waited = 0.0
                self._raise_definite_cause(reading, scope)
        raise self._timed_out(reading, scope, seen)

    def _raise_definite_cause(self, ports: ReadPorts, scope: Scope) -> None:
        scope.forget()
        problem = agent_problem(ports, scope, guest_view(ports, scope).agent_log)
        if isinstance(problem, PermanentError):
            raise problem

    def _timed_out(self, ports: ReadPorts, scope: Scope, seen: str) -> Problem:
        scope.forget()
        view = guest_view(ports, scope)
        if (problem := agent_problem(ports, scope, view.agent_log)) is not None:
            return problem
        evidence = {"agent log": view.agent_log[-1500:]}
        if (other := _under_another_address(ports, scope, view)) is not None:
            wanted = workload_address(machine_of(scope), view)
            words = f"WorkloadEntry {other.namespace}/{other.name} has the address {other.address}, wanted is {wanted}"
            return ActionNeeded("MVM-322", words, evidence=evidence)
        if "not connected" in seen:
            return PermanentError("MVM-321", seen, evidence=evidence)
        return PermanentError("MVM-320", seen, evidence=evidence)


def _under_another_address(ports: ReadPorts, scope: Scope, view: GuestView) -> EntryFacts | None:
    """An entry of this group that connected just now and is none of the plan's machines: it can only be this one.

    The agent registers the address that it finds itself where ISTIO_SVC_IP says no other.
    """
    workload = scope.plan.workload
    planned = {machine.address for machine in scope.plan.machines} | {workload_address(machine_of(scope), view)}
    for item in ports.cluster.list(WORKLOAD_ENTRIES, workload.namespace):
        entry = entry_facts(item)
        is_ours = entry.group == workload.name and entry.connected and entry.address not in planned
        if is_ours and (entry.address in view.addresses or _is_recent(entry.connected_at, ports.cluster.server_time())):
            return entry
    return None


def _is_recent(moment: str, now: float | None) -> bool:
    try:
        return abs((now or time.time()) - datetime.fromisoformat(moment).timestamp()) < JUST_NOW_SECONDS
    except ValueError:
        return False


def _standing(entry: EntryFacts, scope: Scope) -> Observation:
    where = f"{entry.namespace}/{entry.name}"
    if not entry.connected:
        return different(f"WorkloadEntry {where} is not connected", reason="NotConnected")
    if scope.memo.get(CONNECTED_BEFORE) == entry.connected_at:
        return different(f"WorkloadEntry {where} is from before the restart", reason="NotConnected")
    details = (
        ("entry", where),
        ("address", entry.address),
        ("connected", entry.connected_at),
        ("istiod", entry.controller),
    )
    return Observation(
        Standing.SATISFIED,
        "Registered",
        f"WorkloadEntry {where}, {entry.address}",
        details,
        warnings=kept_by_entry(entry, scope.plan),
    )


def kept_by_entry(entry: EntryFacts, plan: Plan) -> tuple[str, ...]:
    """What this entry keeps although the plan says something else: istiod copies the group into it only once."""
    kept = []
    for key, value in sorted(plan.workload.labels.items()):
        if entry.labels.get(key) != value:
            kept.append(f"label {key}={entry.labels.get(key, '(none)')} (the plan says {value})")
    kept += [f"port {n}={p}" for n, p in sorted(entry.ports.items()) if plan.workload.ports.get(n) != p]
    kept += [f"no port {n}" for n in sorted(set(plan.workload.ports) - set(entry.ports))]
    if not kept:
        return ()
    return (f"WorkloadEntry {entry.name} keeps {', '.join(kept)} until it is deleted and registered anew",)


class EntryHealthy(Step):
    """The workload's own probe succeeds, as istiod wrote it into the entry."""

    id: ClassVar[str] = "entry-healthy"
    stage: ClassVar[Stage] = Stage.INSTALL
    title: ClassVar[str] = "Entry healthy"
    deadline: ClassVar[float] = 60.0
    needs: ClassVar[tuple[str, ...]] = ("entry-registered",)
    per_machine: ClassVar[bool] = True
    may_skip: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """The condition Healthy. A probe of the sample server is not waited for before that server runs."""
        view = guest_view(ports, scope)
        if not view.is_running:
            return unknown("sidecar-running", "the sidecar does not run yet")
        entry = registered_entry(ports, scope)
        if entry is None:
            return unknown("entry-registered", "there is no WorkloadEntry yet")
        if entry.health is Health.HEALTHY:
            return satisfied(f"healthy since {entry.health_since or 'registration'}", reason="Healthy")
        if _comes_later(scope.plan, view):
            return Observation(
                Standing.SATISFIED,
                "ProbedLater",
                "the probe asks the sample server, which is started later",
                warnings=("the entry is not healthy before http-server has run",),
            )
        if entry.health is Health.UNHEALTHY:
            return different(f"not healthy: {entry.health_message}", reason="Unhealthy")
        return missing("no probe has succeeded yet", reason="Unproven")

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """Nothing is written: the agent probes, istiod writes."""
        namespace = scope.plan.workload.namespace
        command = kubectl(scope.plan, "get", "workloadentry", "-n", namespace, "-o", "yaml")
        target = f"health of {machine_of(scope).name}, probed by its agent"
        return (Change("run", target, commands=(command,), fingerprint=fingerprint("healthy")),)

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """A loop until the probe succeeded."""
        healthy = '.status.conditions[?(@.type=="Healthy")].status'
        return (_until_entry(ports, scope, healthy, "the probe", "True"),)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Waits; the probe's own words are the cause where it does not become healthy."""
        reading, said = ports.reading(), ""
        while True:
            entry = registered_entry(reading, scope)
            if entry is not None and entry.health is Health.HEALTHY:
                return Outcome(False, "healthy", satisfied("healthy", reason="Healthy"))
            said = (entry.health_message if entry else "") or said
            if scope.remaining() <= PAUSE_SECONDS:  # asked even of a last attempt that has hardly any time
                break
            scope.progress(f"waiting for the probe: {said or 'no answer yet'}", None, None)
            scope.wait(PAUSE_SECONDS)
        raise TransientError(
            "MVM-323", said or "no probe has succeeded", evidence=_probe_words(scope.plan.workload.probe)
        )


def _comes_later(plan: Plan, view: GuestView) -> bool:
    server, probe = plan.services.http_server, plan.workload.probe
    if server is None or probe is None:
        return False
    asked = probe.http_get or probe.tcp_socket
    return asked is not None and asked.port == server.port and "ActiveState=active" not in view.text("http", "show")


def _probe_words(probe: Probe | None) -> dict[str, str]:
    return {"probe": probe.model_dump_json(exclude_none=True)} if probe else {}
