"""What the screens ask of Google Cloud, through its reading port only: what there is to pick from, and the defaults.

An empty project or zone is gcloud's own. Resources are JSON in the spelling of Google's REST API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from meshvm_tui.candidates import Candidate, Found
from meshvm_tui.gcp.clusters import ClusterView
from meshvm_tui.gcp.instance import InstanceView
from meshvm_tui.gcp.places import short
from meshvm_tui.inquiries import Topic
from meshvm_tui.problems import ActionNeeded, Problem

if TYPE_CHECKING:
    from meshvm_tui.compute_ports import JSON, ComputeReader, Listing

About = Mapping[str, str]

PUBLISHERS = ("debian-cloud", "ubuntu-os-cloud")
"""Google's projects that publish the distributions for which Istio has a sidecar package."""
_GCE = "machines.{machine}.gce"
_NETWORK_PATH = re.compile(r"projects/(?P<project>[^/]+)/global/networks/(?P<name>[^/]+)$")
MIB_IN_GIB = 1024


def _defaults(reader: ComputeReader, about: About) -> Found:
    """What gcloud's settings say, each with where it stands; without the network."""
    found = reader.defaults()
    settings = {"project": found.project, "zone": found.zone, "region": found.region}
    return Found(tuple(Candidate(name, (item.value, item.source)) for name, item in settings.items() if item.value))


def _clusters(reader: ComputeReader, about: About) -> Found:
    project = _project(reader, about)
    listing = reader.clusters(project)
    found = [
        Candidate(
            item.get("name", ""),
            (
                item.get("location", ""),
                item.get("status", ""),
                "Autopilot" if ClusterView(item).is_autopilot else "Standard",
                _privacy(ClusterView(item)),
                item.get("currentMasterVersion", ""),
            ),
            (
                ("cluster.gke", "yes"),
                ("cluster.gke.project", project),
                ("cluster.gke.location", item.get("location", "")),
                ("cluster.gke.name", item.get("name", "")),
            ),
        )
        for item in sorted(listing.items, key=lambda item: (item.get("name", ""), item.get("location", "")))
    ]
    return Found(tuple(found), f"project {project}, all locations", _unanswered(listing))


def _privacy(cluster: ClusterView) -> str:
    """What is private of a cluster: its nodes, or the control plane as well."""
    if cluster.has_private_endpoint_only:
        return "private endpoint"
    return "private nodes" if cluster.has_private_nodes else ""


def _instances(reader: ComputeReader, about: About) -> Found:
    project = _project(reader, about)
    listing = reader.instances(project)
    found = [_instance(project, item) for item in sorted(listing.items, key=lambda item: str(item.get("name", "")))]
    return Found(tuple(found), f"project {project}, all zones", _unanswered(listing))


def _instance(project: str, item: JSON) -> Candidate:
    view, zone = InstanceView(item), _place(item, "zone")
    return Candidate(
        view.name,
        (
            zone,
            view.status,
            view.internal_address,
            view.external_address or "no external IP",
            ", ".join(view.tags) or "no tags",
        ),
        (
            (_GCE, "yes"),
            ("machines.{machine}.name", view.name),
            (f"{_GCE}.project", project),
            (f"{_GCE}.zone", zone),
            (f"{_GCE}.create", "no"),
        ),
    )


def _zones(reader: ComputeReader, about: About) -> Found:
    project = _project(reader, about)
    zones = sorted(reader.zones(project), key=lambda zone: str(zone.get("name", "")))
    return Found(
        tuple(Candidate(str(zone.get("name", "")), (str(zone.get("status", "")), _deprecated(zone))) for zone in zones),
        f"project {project}",
    )


def _machine_types(reader: ComputeReader, about: About) -> Found:
    project, zone = _project(reader, about), _zone(reader, about)
    types = sorted(reader.machine_types(project, zone), key=_type_order)
    processors = _right([str(item.get("guestCpus", 0)) for item in types])
    memory = _right([f"{item.get('memoryMb', 0) / MIB_IN_GIB:.7g}" for item in types])
    found = [
        Candidate(
            str(item.get("name", "")),
            (
                f"{processors[at]} vCPU",
                f"{memory[at]} GiB",
                "shared core" if item.get("isSharedCpu") else "",
                "Arm" if item.get("architecture") == "ARM64" else "",
            ),
        )
        for at, item in enumerate(types)
    ]
    return Found(tuple(found), f"zone {zone}, project {project}")


def _right(numbers: list[str]) -> list[str]:
    """Numbers that end in the same column."""
    width = max(map(len, numbers), default=0)
    return [f"{number:>{width}}" for number in numbers]


def _type_order(item: JSON) -> tuple[str, int, int, str]:
    """A family's types by their size: n2-standard-16 comes after n2-standard-2."""
    name = str(item.get("name", ""))
    return name.partition("-")[0], int(item.get("guestCpus", 0)), int(item.get("memoryMb", 0)), name


def _images(reader: ComputeReader, about: About) -> Found:
    """The families of the publishers and of the project that stands in the form; one may fail without the others."""
    projects = list(dict.fromkeys(name for name in (about.get("imageProject", ""), *PUBLISHERS) if name))
    found: list[Candidate] = []
    failed: list[Problem] = []
    for project in projects:
        try:
            images = reader.image_families(project)
        except Problem as problem:
            failed.append(problem)
            continue
        found += [_image(project, item) for item in sorted(images, key=lambda item: str(item.get("family", "")))]
    if failed and not found:
        raise failed[0]
    note = "; ".join(f"{problem.code} {problem.cause}" for problem in failed)
    return Found(tuple(found), "the newest image of each family", note)


def _image(project: str, item: JSON) -> Candidate:
    family = str(item.get("family", ""))
    create = f"{_GCE}.create"
    return Candidate(
        family,
        (project, "Arm" if item.get("architecture") == "ARM64" else "", str(item.get("name", ""))),
        ((f"{create}.imageProject", project), (f"{create}.imageFamily", family)),
    )


def _networks(reader: ComputeReader, about: About) -> Found:
    project = _project(reader, about)
    networks = sorted(reader.networks(project), key=lambda network: str(network.get("name", "")))
    return Found(
        tuple(Candidate(str(network.get("name", "")), (_subnet_mode(network),)) for network in networks),
        f"project {project}",
    )


def _subnet_mode(network: JSON) -> str:
    if "autoCreateSubnetworks" not in network:
        return "legacy network, without subnets"
    count = len(network.get("subnetworks", []))
    mode = "a subnet in each region" if network["autoCreateSubnetworks"] else "subnets of its own"
    return f"{mode} ({count})"


def _subnets(reader: ComputeReader, about: About) -> Found:
    """The subnets of the network in the zone's region; of a Shared VPC in its host project, as paths."""
    host = _NETWORK_PATH.search(about.get("network", ""))
    project = host["project"] if host else _project(reader, about)
    network = host["name"] if host else about.get("network", "") or "default"
    region = _zone(reader, about).rpartition("-")[0]
    listing = reader.subnetworks(project, region)
    items = [item for item in listing.items if _place(item, "network") == network]
    found = []
    for item in sorted(items, key=lambda item: (str(item.get("name", "")), _place(item, "region"))):
        name = str(item.get("name", ""))
        value = f"projects/{project}/regions/{_place(item, 'region')}/subnetworks/{name}" if host else name
        found.append(Candidate(value, (str(item.get("ipCidrRange", "")), _place(item, "region"))))
    return Found(tuple(found), f"network {network} in {region}, project {project}", _unanswered(listing))


def _project(reader: ComputeReader, about: About) -> str:
    """The project of the form, else gcloud's."""
    project = about.get("project", "") or reader.defaults().project.value
    if not project:
        raise ActionNeeded(
            "MVM-809",
            "The form names no project, and neither does gcloud.",
            next_action="Type it into Project, or: gcloud config set project PROJECT_ID",
        )
    return project


def _zone(reader: ComputeReader, about: About) -> str:
    """The zone of the form, else gcloud's."""
    zone = about.get("zone", "") or reader.defaults().zone.value
    if not zone:
        raise ActionNeeded(
            "MVM-810",
            "The form names no zone, and neither does gcloud.",
            next_action="Type or pick it in Zone, or: gcloud config set compute/zone ZONE",
        )
    return zone


def _place(item: JSON, field: str) -> str:
    return short(str(item.get(field) or ""))


def _deprecated(item: JSON) -> str:
    return str(item.get("deprecated", {}).get("state", "")).lower()


def _unanswered(listing: Listing) -> str:
    return "did not answer: " + _listed(listing.unreachable) if listing.unreachable else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(short(name) for name in names))


FINDERS: dict[Topic, Callable[[ComputeReader, About], Found]] = {
    Topic.GOOGLE_DEFAULTS: _defaults,
    Topic.GKE_CLUSTERS: _clusters,
    Topic.GCE_INSTANCES: _instances,
    Topic.GCE_ZONES: _zones,
    Topic.GCE_MACHINE_TYPES: _machine_types,
    Topic.GCE_IMAGES: _images,
    Topic.GCE_NETWORKS: _networks,
    Topic.GCE_SUBNETS: _subnets,
}
