"""What the fields about Google Cloud make, from the plan alone: bodies of Google's API, and the gcloud commands.

Words in capitals stand for what only looking there can tell: a project that nothing names, the cluster's Pod ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meshvm_tui.events import Stage

if TYPE_CHECKING:
    from meshvm_tui.gcp.places import Place
    from meshvm_tui.plan import Machine, Plan

JSON = dict[str, Any]
Step = tuple[str, str]
"""A step's id and its machine."""
Settings = Mapping[str, tuple[str, str]]
"""gcloud's settings by name, each with where it stands."""

PROJECT, ZONE, POD_RANGES, ACCOUNT = "PROJECT", "ZONE", "POD_RANGES", "DEFAULT_SERVICE_ACCOUNT"
_ENDPOINT_FLAGS = {"dns": " --dns-endpoint", "private": " --internal-ip"}
_SSH_FLAGS = {"internal": ("--internal-ip",), "iap": ("--tunnel-through-iap",)}


def google_documents(plan: Plan, stage: Stage, settings: Settings) -> dict[Step, tuple[str, JSON]]:
    """Each body with its method and place; none where the stage makes nothing at Google."""
    if stage is not Stage.MACHINE:
        return {}
    from meshvm_tui.gcp.instance import insert_body

    made: dict[Step, tuple[str, JSON]] = {}
    for machine in _created(plan):
        place, create = _place(machine, settings), machine.gce.create if machine.gce else None
        if create:
            method = f"instances.insert  {place.project}, {place.zone}"
            made["machine", machine.name] = method, insert_body(machine.name, create, place)
    if rule := _firewall(plan, settings):
        made["firewall", _created(plan)[0].name] = f"firewalls.insert  {rule[0]}", rule[1]
    return made


def google_commands(plan: Plan, stage: Stage, settings: Settings) -> dict[Step, tuple[str, str]]:
    """Title and command for what the fields say."""
    if stage is Stage.CLUSTER:
        return _cluster_command(plan, settings)
    if stage is not Stage.MACHINE:
        return {}
    from meshvm_tui.gcp.gcloud_commands import create_firewall, create_instance

    made: dict[Step, tuple[str, str]] = {}
    for machine in _created(plan):
        place = _place(machine, settings)
        if machine.gce and machine.gce.create:
            command = create_instance(machine.name, machine.gce.create, place)
            made["machine", machine.name] = f"Instance {machine.name}", command
    if rule := _firewall(plan, settings):
        made["firewall", _created(plan)[0].name] = "Firewall rule", create_firewall(*rule)
    for machine in plan.machines:
        if machine.gce and machine.ssh.via.value != "jump":
            made["guest-reachable", machine.name] = f"Log in to {machine.name}", _ssh(machine, settings)
    return made


def _created(plan: Plan) -> list[Machine]:
    return [machine for machine in plan.machines if machine.gce and machine.gce.create]


def _place(machine: Machine, settings: Settings) -> Place:
    from meshvm_tui.gcp.places import Place

    gce = machine.gce
    project = (gce.project if gce else "") or _setting(settings, "project") or PROJECT
    return Place(project, (gce.zone if gce else "") or _setting(settings, "zone") or ZONE)


def _setting(settings: Settings, name: str) -> str:
    return settings.get(name, ("", ""))[0]


def _firewall(plan: Plan, settings: Settings) -> tuple[str, JSON] | None:
    """The rule's project and body for the first machine that is created; None where none is made. That of an
    existing one depends on its tags."""
    from meshvm_tui.gcp.firewall import Rule, Targets
    from meshvm_tui.gcp.instance import network_path
    from meshvm_tui.gcp.places import project_in

    machine = next(iter(_created(plan)), None)
    create = machine.gce.create if machine and machine.gce else None
    if machine is None or create is None or not plan.firewall.manage:
        return None
    place = _place(machine, settings)
    network = network_path(create, place.project)
    sources = (POD_RANGES,) if isinstance(plan.firewall.sources, str) else tuple(plan.firewall.sources)
    targets = Targets(tags=tuple(create.tags))
    if plan.firewall.target.value == "serviceAccount":
        targets = Targets(service_accounts=(create.service_account or ACCOUNT,))
    purpose = f"cluster={plan.cluster.gke.name if plan.cluster.gke else plan.cluster.context}"
    ports = tuple(sorted(plan.firewall.ports))
    return project_in(network, place.project), Rule(
        plan.firewall.name, network, sources, ports, targets, purpose
    ).body()


def _cluster_command(plan: Plan, settings: Settings) -> dict[Step, tuple[str, str]]:
    from meshvm_tui.gcp.clusters import get_credentials

    gke = plan.cluster.gke
    if gke is None:
        return {}
    project = gke.project or _setting(settings, "project") or PROJECT
    command = get_credentials(project, gke.location, gke.name) + _ENDPOINT_FLAGS.get(gke.endpoint.value, "")
    return {("cluster-reachable", ""): ("For kubectl; not needed here", command)}


def _ssh(machine: Machine, settings: Settings) -> str:
    from meshvm_tui.gcp.gcloud_commands import gcloud

    place = _place(machine, settings)
    login = f"{machine.ssh.user}@{machine.name}" if machine.ssh.user else machine.name
    flags = _SSH_FLAGS.get(machine.ssh.via.value, ())
    return gcloud("compute", "ssh", login, *flags, f"--zone={place.zone}", f"--project={place.project}")
