"""The reading half of Google Cloud: Compute Engine by its client library, the rest by plain REST."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from meshvm_tui.adapters.google_compute_calls import ComputeCalls
from meshvm_tui.adapters.google_projects import enabled_services, get_cluster, granted_permissions, list_clusters
from meshvm_tui.compute_ports import JSON, GoogleDefaults, GoogleIdentity, Listing
from meshvm_tui.problems import ActionNeeded, Problem

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_credentials import GoogleLogin
    from meshvm_tui.adapters.google_rest import GoogleRest


class GoogleComputeReader:
    """Fulfils `compute_ports.ComputeReader`. Nothing of Google's libraries is loaded before the first call."""

    def __init__(self, login: GoogleLogin, rest: GoogleRest, calls: ComputeCalls) -> None:
        self._login = login
        self._rest = rest
        self._calls = calls

    def defaults(self) -> GoogleDefaults:
        """As gcloud resolves them."""
        return self._login.defaults()

    def identity(self) -> GoogleIdentity:
        """Who we are."""
        return self._login.identity()

    def instance(self, project: str, zone: str, name: str) -> JSON | None:
        """One instance, or None."""
        return _or_none(
            lambda: self._calls.get("Instances", "get", "GetInstanceRequest", project=project, zone=zone, instance=name)
        )

    def instances(self, project: str) -> Listing:
        """All instances of a project, in all zones."""
        return self._aggregated("Instances", "AggregatedListInstancesRequest", "instances", project)

    def zones(self, project: str) -> tuple[JSON, ...]:
        """The zones with their status."""
        return self._calls.items("Zones", "list", "ListZonesRequest", project=project)

    def region(self, project: str, region: str) -> JSON:
        """One region with its quotas."""
        return self._calls.get("Regions", "get", "GetRegionRequest", project=project, region=region)

    def machine_types(self, project: str, zone: str) -> tuple[JSON, ...]:
        """The machine types of a zone that are not deprecated."""
        found = self._calls.items("MachineTypes", "list", "ListMachineTypesRequest", project=project, zone=zone)
        return tuple(item for item in found if not _deprecated(item))

    def image_families(self, project: str) -> tuple[JSON, ...]:
        """The newest image of each family that is not deprecated, as images.getFromFamily would give it."""
        newest: dict[str, JSON] = {}
        for image in self._calls.items("Images", "list", "ListImagesRequest", project=project):
            family = image.get("family")
            if not family or _deprecated(image) or image.get("status", "READY") != "READY":
                continue
            if family not in newest or _made_at(image) > _made_at(newest[family]):
                newest[family] = image
        return tuple(newest[family] for family in sorted(newest))

    def networks(self, project: str) -> tuple[JSON, ...]:
        """The VPC networks of a project."""
        return self._calls.items("Networks", "list", "ListNetworksRequest", project=project)

    def subnetworks(self, project: str, region: str = "") -> Listing:
        """The subnetworks of a region, or of all regions."""
        if not region:
            return self._aggregated("Subnetworks", "AggregatedListSubnetworksRequest", "subnetworks", project)
        found = self._calls.items("Subnetworks", "list", "ListSubnetworksRequest", project=project, region=region)
        return Listing(found)

    def firewall(self, project: str, name: str) -> JSON | None:
        """One firewall rule, or None."""
        return _or_none(
            lambda: self._calls.get("Firewalls", "get", "GetFirewallRequest", project=project, firewall=name)
        )

    def firewalls(self, project: str) -> tuple[JSON, ...]:
        """The firewall rules of a project."""
        return self._calls.items("Firewalls", "list", "ListFirewallsRequest", project=project)

    def effective_firewalls(self, project: str, zone: str, instance: str, interface: str = "nic0") -> JSON:
        """Everything that filters the traffic of an instance's interface."""
        return self._calls.get(
            "Instances",
            "get_effective_firewalls",
            "GetEffectiveFirewallsInstanceRequest",
            project=project,
            zone=zone,
            instance=instance,
            network_interface=interface,
        )

    def guest_attributes(self, project: str, zone: str, instance: str, path: str) -> Mapping[str, str]:
        """Guest attributes below a path, by key; empty while there are none."""
        try:
            found = self._calls.get(
                "Instances",
                "get_guest_attributes",
                "GetGuestAttributesInstanceRequest",
                project=project,
                zone=zone,
                instance=instance,
                query_path=path,
            )
        except Problem as problem:
            # "The resource 'hostkeys/' of type 'Guest Attribute' was not found": nothing was written yet.
            if problem.code == "MVM-816" and ("Guest Attribute" in problem.cause or f"'{path}'" in problem.cause):
                return {}
            raise
        items = found.get("queryValue", {}).get("items", [])
        return {item["key"]: item.get("value", "") for item in items if "key" in item}

    def project(self, project: str) -> JSON:
        """The project with commonInstanceMetadata and quotas."""
        try:
            return self._calls.get("Projects", "get", "GetProjectRequest", project=project)
        except Problem as problem:
            if problem.code == "MVM-816":
                raise ActionNeeded("MVM-809", problem.cause, evidence=problem.evidence) from None
            raise

    def permissions(self, project: str, wanted: Sequence[str]) -> frozenset[str]:
        """Those of the wanted permissions that we have."""
        return self._calls.patiently(lambda: granted_permissions(self._rest, project, wanted))

    def enabled_services(self, project: str, wanted: Sequence[str]) -> frozenset[str]:
        """Those of the wanted APIs that are on."""
        return self._calls.patiently(lambda: enabled_services(self._rest, project, wanted))

    def clusters(self, project: str) -> Listing:
        """The GKE clusters of all locations."""
        return self._calls.patiently(lambda: list_clusters(self._rest, project))

    def cluster(self, project: str, location: str, name: str) -> JSON | None:
        """One GKE cluster, or None."""
        return self._calls.patiently(lambda: get_cluster(self._rest, project, location, name))

    def close(self) -> None:
        """Ends every call under way, those of the same login elsewhere as well."""
        self._calls.close()
        self._rest.close()

    def _aggregated(self, client: str, request: str, kind: str, project: str) -> Listing:
        """A list over all locations: `items` by scope, such as zones/us-central1-a."""
        found: list[JSON] = []
        silent: list[str] = []
        for page in self._calls.pages(client, "aggregated_list", request, project=project):
            silent += page.get("unreachables", [])
            for scope, part in page.get("items", {}).items():
                found += part.get(kind, [])
                if part.get("warning", {}).get("code") == "UNREACHABLE":
                    silent.append(scope)
        return Listing(tuple(found), _locations(silent))


def _or_none(read: Callable[[], JSON]) -> JSON | None:
    """What was read, or None where Google knows nothing of that name. A project or zone that is not there is told."""
    try:
        return read()
    except Problem as problem:
        if problem.code == "MVM-816":
            return None
        raise


def _deprecated(item: JSON) -> bool:
    return item.get("deprecated", {}).get("state") in ("DEPRECATED", "OBSOLETE", "DELETED")


def _made_at(item: JSON) -> float:
    """A creationTimestamp (RFC 3339 with the offset of some place) as seconds; 0 where there is none."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(item.get("creationTimestamp", "")).timestamp()
    except ValueError:
        return 0.0


def _locations(places: Iterable[str]) -> tuple[str, ...]:
    """The bare names of locations that Google names by path or URL."""
    return tuple(sorted({place.rstrip("/").rpartition("/")[2] for place in places}))
