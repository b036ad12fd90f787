"""Where things on Compute Engine are: project, zone and region, and the short names in Google's long ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshvm_tui.problems import ActionNeeded

if TYPE_CHECKING:
    from meshvm_tui.compute_ports import GoogleDefaults
    from meshvm_tui.plan import GkeCluster, Machine

_RESOURCE = re.compile(
    r"(?:^|/)projects/(?P<project>[^/]+)/(?:global|regions/[^/]+|zones/[^/]+)/[^/]+/(?P<name>[^/]+)$"
)


@dataclass(frozen=True)
class Place:
    """The project and zone of an instance."""

    project: str
    zone: str

    @property
    def region(self) -> str:
        """The zone's region: europe-west1 of europe-west1-b."""
        return self.zone.rpartition("-")[0]


def place_of(machine: Machine, defaults: GoogleDefaults) -> Place:
    """The plan's own project and zone, or gcloud's. ActionNeeded MVM-809 or MVM-810 where nothing names one."""
    gce = machine.gce
    project = (gce.project if gce else "") or defaults.project.value
    zone = (gce.zone if gce else "") or defaults.zone.value
    if not project:
        raise ActionNeeded(
            "MVM-809",
            f"no project is named for {machine.name}: not in the plan, not by gcloud, not by the credentials",
            next_action="Set the machine's gce.project, CLOUDSDK_CORE_PROJECT, or: gcloud config set project PROJECT",
        )
    if not zone:
        raise ActionNeeded(
            "MVM-810",
            f"no zone is named for {machine.name}: not in the plan and not by gcloud",
            next_action="Set the machine's gce.zone, CLOUDSDK_COMPUTE_ZONE, or: gcloud config set compute/zone ZONE",
        )
    return Place(project, zone)


def cluster_project(cluster: GkeCluster, defaults: GoogleDefaults) -> str:
    """The project of a GKE cluster. ActionNeeded MVM-809 where nothing names one."""
    if project := cluster.project or defaults.project.value:
        return project
    raise ActionNeeded(
        "MVM-809",
        f"no project is named for the cluster {cluster.name}: not in the plan and not by gcloud",
        next_action="Set cluster.gke.project, CLOUDSDK_CORE_PROJECT, or: gcloud config set project PROJECT",
    )


def short(url: str) -> str:
    """The last part of a resource's URL or path."""
    return url.rstrip("/").rpartition("/")[2]


def full_path(reference: str, project: str, scope: str) -> str:
    """A name or path as projects/P/SCOPE/NAME, where `scope` is such as global/networks. A path keeps its project,
    which is how a Shared VPC's network stays the host project's."""
    found = _RESOURCE.search(reference)
    if found:
        return f"projects/{found['project']}/{scope}/{found['name']}"
    return f"projects/{project}/{scope}/{short(reference)}"


def project_in(reference: str, otherwise: str) -> str:
    """The project that a resource's URL or path names."""
    found = _RESOURCE.search(reference)
    return found["project"] if found else otherwise
