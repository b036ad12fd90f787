"""What can be known before an instance is made, without side effects: permissions, APIs, and whether what the plan
names exists. And where else to go when a zone has no room."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meshvm_tui.checks.google_project import (
    OS_LOGIN,
    Needs,
    judge_permissions,
    judge_services,
    permissions_needed,
    services_needed,
)
from meshvm_tui.findings import Severity
from meshvm_tui.gcp.gcloud_commands import enable_services
from meshvm_tui.gcp.places import Place, project_in, short
from meshvm_tui.gcp.ssh_keys import is_on
from meshvm_tui.plan import Via
from meshvm_tui.problems import ActionNeeded, Problem
from meshvm_tui.steps.google_facts import compute_reader, gce_create, instance, place, project_of
from meshvm_tui.steps.instance_details import shape_words
from meshvm_tui.steps.step import machine_of

if TYPE_CHECKING:
    from meshvm_tui.findings import Finding
    from meshvm_tui.gcp.instance import InstanceView
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]
CLOSE = 5


def preflight(ports: ReadPorts, scope: Scope) -> tuple[Finding, ...]:
    """What is known of permissions and APIs, asked once per run. ActionNeeded MVM-805 or MVM-806 for what this machine
    cannot do without."""
    return scope.recall(f"!google-preflight/{machine_of(scope).name}", lambda: _preflight(ports, scope))


def _preflight(ports: ReadPorts, scope: Scope) -> tuple[Finding, ...]:
    machine = machine_of(scope)
    needs = Needs(
        firewall=scope.plan.firewall.manage,
        iap=machine.ssh.via is Via.IAP,
        cluster=scope.plan.cluster.gke is not None,
        own_key=bool(machine.ssh.key),
    )
    # The APIs first: one that is off refuses even to look at the instance, with fewer words.
    _stop_at_errors(_services(ports, scope, services_needed(needs)))
    view = instance(ports, scope)
    needs = replace(needs, creates=view is None, os_login=not needs.own_key and _os_login(ports, scope, view))
    if needs.os_login:
        _stop_at_errors(_services(ports, scope, (OS_LOGIN,)))
    findings = _permissions(ports, scope, needs)
    _stop_at_errors(findings)
    return findings


def _stop_at_errors(findings: Sequence[Finding]) -> None:
    if stops := [finding for finding in findings if finding.severity is Severity.ERROR]:
        first = stops[0]
        evidence = {finding.code: finding.evidence for finding in findings if finding is not first}
        raise ActionNeeded(first.code, first.evidence, next_action=first.next_action, evidence=evidence)


def _os_login(ports: ReadPorts, scope: Scope, view: InstanceView | None) -> bool:
    """Whether the instance or its project logs people in by OS Login, as far as one may see."""
    try:
        project = project_of(ports, scope).get("commonInstanceMetadata", {})
    except Problem as problem:
        if problem.code != "MVM-805":
            raise
        project = {}
    return is_on("enable-oslogin", view.body.get("metadata", {}) if view else {}, project)


def _services(ports: ReadPorts, scope: Scope, wanted: tuple[str, ...]) -> tuple[Finding, ...]:
    """APIs that are off. One that is on is taken for on by the looks that follow."""
    where = place(ports, scope)
    return scope.remember(
        f"google-services/{','.join(wanted)}", lambda: _services_off(ports, where, wanted), lasts=_nothing_found
    )


def _nothing_found(findings: Sequence[Finding]) -> bool:
    return not findings


def _services_off(ports: ReadPorts, where: Place, wanted: tuple[str, ...]) -> tuple[Finding, ...]:
    """Whoever may not ask which APIs are on is told by the API itself."""
    try:
        enabled = compute_reader(ports).enabled_services(where.project, wanted)
    except Problem as problem:
        if problem.code in ("MVM-805", "MVM-806"):
            return ()
        raise
    off = [name for name in wanted if name not in enabled]
    return judge_services(off, enable_services(where.project, off) if off else "")


def _permissions(ports: ReadPorts, scope: Scope, needs: Needs) -> tuple[Finding, ...]:
    """Permissions that we have not. What was granted is taken for granted by the looks that follow."""
    where, wanted = place(ports, scope), permissions_needed(needs)
    key = f"google-permissions/{','.join(wanted)}"
    return scope.remember(key, lambda: _permissions_lacking(ports, where, wanted), lasts=_nothing_found)


def _permissions_lacking(ports: ReadPorts, where: Place, wanted: Mapping[str, bool]) -> tuple[Finding, ...]:
    try:
        held = compute_reader(ports).permissions(where.project, tuple(wanted))
    except Problem as problem:
        if problem.code in ("MVM-805", "MVM-806"):
            return ()
        raise
    return judge_permissions([name for name in wanted if name not in held], wanted, where.project)


def check_choices(ports: ReadPorts, scope: Scope) -> tuple[tuple[str, str], ...]:
    """What a new instance will be, after everything that the plan names was found. ActionNeeded MVM-810 or MVM-816
    with what exists instead."""
    return scope.remember(f"!google-choices/{machine_of(scope).name}", lambda: _check_choices(ports, scope))


def _check_choices(ports: ReadPorts, scope: Scope) -> tuple[tuple[str, str], ...]:
    compute, where, create = compute_reader(ports), place(ports, scope), gce_create(scope)
    zones = [str(item["name"]) for item in compute.zones(where.project)]
    if where.zone not in zones:
        raise ActionNeeded(
            "MVM-810", f"{where.project} has no zone {where.zone}; there are: {_some(where.zone, zones)}"
        )
    types = {str(item["name"]): item for item in compute.machine_types(where.project, where.zone)}
    _must_be_there(f"machine type in {where.zone}", create.machine_type, types)
    families = _names(lambda: compute.image_families(create.image_project), "family")
    _must_be_there(f"image family in {create.image_project}", create.image_family, families)
    if create.subnet:
        project = project_in(create.subnet, where.project)
        names = _names(lambda: compute.subnetworks(project, where.region).items)
        _must_be_there(f"subnetwork in {project}, {where.region}", short(create.subnet), names)
    else:
        project = project_in(create.network, where.project)
        networks = _names(lambda: compute.networks(project))
        _must_be_there(f"network in {project}", short(create.network), networks)
    return (
        ("machine type", f"{create.machine_type}: {shape_words(types[create.machine_type])}"),
        ("image", f"{create.image_family} of {create.image_project}"),
        ("network", short(create.subnet or create.network)),
        ("tags", ", ".join(create.tags) or "none"),
        ("external address", "yes" if create.external_address else "none"),
    )


def _names(listed: Callable[[], Iterable[JSON]], key: str = "name") -> list[str] | None:
    """The names of a list; None where it may not be seen, which does not mean that it may not be used (another
    project's images, a Shared VPC's subnetworks)."""
    try:
        return [str(item.get(key, "")) for item in listed()]
    except Problem as problem:
        if problem.code != "MVM-805":
            raise
        return None


def _must_be_there(kind: str, name: str, existing: Iterable[str] | None) -> None:
    if existing is None:
        return
    names = sorted(set(existing) - {""})
    if name not in names:
        raise ActionNeeded("MVM-816", f"no {kind} is called {name}; there are: {_some(name, names)}")


def _some(name: str, names: Sequence[str]) -> str:
    """The names most like the wanted one, and how many more there are."""
    close = difflib.get_close_matches(name, names, CLOSE, 0.0)
    more = len(names) - len(close)
    return (", ".join(close) or "none") + (f" and {more} more" if more > 0 else "")


def elsewhere(problem: Problem, ports: ReadPorts, scope: Scope) -> ActionNeeded:
    """A quota's or a zone's problem with the zones of the region that have the type, or the types that are smaller."""
    where, create = place(ports, scope), gce_create(scope)
    try:
        advice = _advice(problem, ports, where, create.machine_type)
    except Problem:
        advice = ""  # what went wrong first is what counts; the catalogue says what may be done
    return ActionNeeded(
        problem.code,
        problem.cause,
        title=problem.title,
        next_action=advice,
        evidence=dict(problem.evidence),
    )


def _advice(problem: Problem, ports: ReadPorts, where: Place, machine_type: str) -> str:
    compute = compute_reader(ports)
    smaller = _smaller(compute.machine_types(where.project, where.zone), machine_type)
    types = f"a smaller type: {', '.join(smaller)}" if smaller else "a smaller type"
    if problem.code == "MVM-811":
        return f"Choose {types}, or another region; or ask for more of that quota."
    siblings = [str(zone["name"]) for zone in compute.zones(where.project)]
    others = [
        zone
        for zone in siblings
        if zone != where.zone
        and zone.startswith(where.region + "-")
        and any(item["name"] == machine_type for item in compute.machine_types(where.project, zone))
    ]
    zones = (
        f"another zone of {where.region} that has {machine_type}: {', '.join(others)}" if others else "another region"
    )
    return f"Choose {zones}; or {types}."


def _smaller(types: Sequence[JSON], name: str) -> list[str]:
    """At most three types of no more processors and less memory, the largest first."""
    known = {str(item["name"]): (int(item.get("guestCpus", 0)), int(item.get("memoryMb", 0))) for item in types}
    if name not in known:
        return []
    cpus, memory = known[name]
    found = [other for other, (c, m) in known.items() if c <= cpus and m < memory]
    return sorted(found, key=lambda other: known[other], reverse=True)[:3]
