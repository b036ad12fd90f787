"""Questions about a project that change nothing: which permissions we have, which APIs are on, which clusters run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from meshvm_tui.compute_ports import JSON, Listing
from meshvm_tui.problems import Problem

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_rest import GoogleRest

PERMISSIONS_AT_ONCE = 100
"""As many as projects.testIamPermissions takes in one request."""
SERVICES_AT_ONCE = 30
"""As many as services.batchGet takes in one request."""


def granted_permissions(rest: GoogleRest, project: str, wanted: Sequence[str]) -> frozenset[str]:
    """Those of the wanted permissions that we have on a project (cloudresourcemanager projects.testIamPermissions)."""
    granted: set[str] = set()
    for names in _portions(wanted, PERMISSIONS_AT_ONCE):
        answer = rest.post(
            "cloudresourcemanager",
            f"v3/projects/{project}:testIamPermissions",
            {"permissions": list(names)},
            doing=f"projects.testIamPermissions {project}",
        )
        granted.update(answer.get("permissions", []))
    return frozenset(wanted) & granted


def enabled_services(rest: GoogleRest, project: str, wanted: Sequence[str]) -> frozenset[str]:
    """Those of the wanted APIs, such as compute.googleapis.com, that are on in a project (serviceusage
    services.batchGet)."""
    enabled: set[str] = set()
    for names in _portions(wanted, SERVICES_AT_ONCE):
        answer = rest.get(
            "serviceusage",
            f"v1/projects/{project}/services:batchGet",
            {"names": [f"projects/{project}/services/{name}" for name in names]},
            doing=f"services.batchGet {project}",
        )
        # A name comes back with the project's number in it.
        services = [service for service in answer.get("services", []) if service.get("state") == "ENABLED"]
        enabled.update(str(service.get("name", "")).rpartition("/")[2] for service in services)
    return frozenset(wanted) & enabled


def list_clusters(rest: GoogleRest, project: str) -> Listing:
    """The GKE clusters of all locations (container projects.locations.clusters.list)."""
    answer = rest.get("container", f"v1/projects/{project}/locations/-/clusters", doing=f"clusters.list {project}")
    return Listing(tuple(answer.get("clusters", [])), tuple(sorted(answer.get("missingZones", []))))


def get_cluster(rest: GoogleRest, project: str, location: str, name: str) -> JSON | None:
    """One GKE cluster, or None where there is none of that name."""
    path = f"v1/projects/{project}/locations/{location}/clusters/{name}"
    try:
        return rest.get("container", path, doing=f"clusters.get {name} in {location}")
    except Problem as problem:
        if problem.code == "MVM-816":
            return None
        raise


def _portions(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]
