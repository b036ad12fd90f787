"""What the steps on Google Cloud share: read once per run, and again after every applied change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshvm_tui.gcp.instance import InstanceView, network_path, subnetwork_path
from meshvm_tui.gcp.places import Place, cluster_project, place_of, project_in, short
from meshvm_tui.gcp.pod_ranges import PodRanges, pod_ranges
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem
from meshvm_tui.steps.step import Scope, machine_of

if TYPE_CHECKING:
    from meshvm_tui.compute_ports import Compute, ComputeReader, GoogleDefaults
    from meshvm_tui.ports import Ports, ReadPorts

JSON = dict[str, Any]


def compute_reader(ports: ReadPorts) -> ComputeReader:
    """Google Cloud, for looking."""
    if ports.compute is None:
        raise PermanentError("MVM-901", "a step on Google Cloud was run without it")
    return ports.compute


def compute_of(ports: Ports) -> Compute:
    """Google Cloud, to be changed."""
    if ports.compute is None:
        raise PermanentError("MVM-901", "a step on Google Cloud was run without it")
    return ports.compute


def defaults(ports: ReadPorts, scope: Scope) -> GoogleDefaults:
    """As gcloud resolves them."""
    return scope.recall("!google-defaults", lambda: compute_reader(ports).defaults())


def place(ports: ReadPorts, scope: Scope) -> Place:
    """Project and zone of this machine's instance."""
    return place_of(machine_of(scope), defaults(ports, scope))


def instance(ports: ReadPorts, scope: Scope) -> InstanceView | None:
    """This machine's instance, or None where there is none of its name."""
    where, name = place(ports, scope), machine_of(scope).name

    def read() -> JSON | None:
        return compute_reader(ports).instance(where.project, where.zone, name)

    body = scope.recall(f"google-instance/{name}", read)
    return InstanceView(body) if body is not None else None


def project_of(ports: ReadPorts, scope: Scope) -> JSON:
    """The project of this machine's instance, with the metadata that all of its instances share."""
    name = place(ports, scope).project
    return scope.remember(f"google-project/{name}", lambda: compute_reader(ports).project(name))


def subnetworks(ports: ReadPorts, scope: Scope, project: str, region: str) -> tuple[JSON, ...]:
    """The subnetworks of a region."""
    key = f"google-subnetworks/{project}/{region}"
    return scope.remember(key, lambda: compute_reader(ports).subnetworks(project, region).items, lasts=bool)


def network_of(ports: ReadPorts, scope: Scope) -> str:
    """The network of this machine's instance, or the one that it will be in, as projects/P/global/networks/N."""
    if (view := instance(ports, scope)) is not None:
        return "projects/" + view.network.partition("projects/")[2]
    where, create = place(ports, scope), gce_create(scope)
    if subnet := subnetwork_path(create, where):
        project = project_in(subnet, where.project)
        for item in subnetworks(ports, scope, project, where.region):
            if item.get("name") == short(subnet):
                return "projects/" + str(item.get("network", "")).partition("projects/")[2]
    return network_path(create, where.project)


def gce_create(scope: Scope) -> Any:
    """What the plan says of an instance to create. ActionNeeded MVM-819 where it creates none."""
    gce = machine_of(scope).gce
    if gce is None or gce.create is None:
        raise ActionNeeded("MVM-819", f"{machine_of(scope).name}: the plan names it and creates none")
    return gce.create


def gke_cluster(ports: ReadPorts, scope: Scope) -> JSON | None:
    """The plan's GKE cluster; None where the plan names none. ActionNeeded MVM-834 where it is not there."""
    gke = scope.plan.cluster.gke
    if gke is None:
        return None
    project = cluster_project(gke, defaults(ports, scope))

    def read() -> JSON | None:
        return compute_reader(ports).cluster(project, gke.location, gke.name)

    # The cluster's own step asks with every look; what machines want of it, networks and ranges, hardly moves.
    key = "google-cluster"
    found = scope.remember(key, read, lasts=bool) if scope.machine else scope.recall(key, read)
    if found is None:
        raise ActionNeeded("MVM-834", f"projects/{project}/locations/{gke.location}/clusters/{gke.name}")
    return found


def cluster_network(cluster: JSON, project: str) -> str:
    """The cluster's network with its project, which is the host project's under Shared VPC."""
    full = str(cluster.get("networkConfig", {}).get("network", ""))
    return full or f"projects/{project}/global/networks/{cluster.get('network', 'default')}"


def pods_come_from(ports: ReadPorts, scope: Scope) -> PodRanges:
    """Every Pod range of the plan's cluster, or those that the plan lists. ActionNeeded MVM-847 where neither is
    known."""
    if isinstance(scope.plan.firewall.sources, list):
        return PodRanges(tuple((cidr, "the plan") for cidr in scope.plan.firewall.sources))
    cluster = gke_cluster(ports, scope)
    if cluster is None:
        raise ActionNeeded("MVM-847", "firewall.sources is auto, and the plan names no GKE cluster (cluster.gke)")
    return scope.recall("google-pod-ranges", lambda: _pod_ranges(ports, scope, cluster))


def _pod_ranges(ports: ReadPorts, scope: Scope, cluster: JSON) -> PodRanges:
    plain = pod_ranges(cluster)
    if not plain.unexplained:
        return plain
    project = cluster_project(scope.plan.cluster.gke, defaults(ports, scope)) if scope.plan.cluster.gke else ""
    region = "-".join(str(cluster.get("location", "")).split("-")[:2])
    try:
        found = subnetworks(ports, scope, project_in(cluster_network(cluster, project), project), region)
    except Problem:
        return plain  # said by a finding, with the names of the ranges
    return pod_ranges(cluster, found)
