"""What a step may ask of Google Cloud. The adapter fulfils it; tests may fake it.

Resources are plain JSON in the spelling of Google's REST API (`networkInterfaces`, `clusterIpv4Cidr`), exactly as the
discovery documents have them. A reading half and a mutating one, as with every port: observing and planning are never
given the latter. Every call has a timeout of its own and raises `problems.Problem`, never a library's exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

JSON = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """A value with where it came from, such as `CLOUDSDK_CORE_PROJECT` or `gcloud configuration work`.

    Both are "" where nothing sets it."""

    value: str = ""
    source: str = ""


@dataclass(frozen=True)
class GoogleDefaults:
    """What gcloud's flags, variables and active configuration say; read without the network."""

    account: Setting = Setting()
    project: Setting = Setting()
    region: Setting = Setting()
    zone: Setting = Setting()
    cluster: Setting = Setting()
    impersonate_service_account: Setting = Setting()
    quota_project: Setting = Setting()


@dataclass(frozen=True)
class GoogleIdentity:
    """Who Google takes us for. `kind` is user, service account, impersonated service account, metadata or external;
    `source` is where the credentials came from; `email` is "" where it cannot be known."""

    kind: str
    source: str
    email: str = ""


@dataclass(frozen=True)
class Listing:
    """What a list over many locations gave, and the locations that did not answer."""

    items: tuple[JSON, ...] = ()
    unreachable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """The durable handle of work that Google goes on with; `zone` is "" for a global one."""

    project: str
    name: str
    zone: str = ""


class ComputeReader(Protocol):
    """The reading half: lists and gets of Compute Engine and GKE, and questions about our own permissions."""

    def defaults(self) -> GoogleDefaults:
        """As gcloud resolves them."""

    def identity(self) -> GoogleIdentity:
        """Who we are; a Problem of 80x where there are no credentials that work."""

    def instance(self, project: str, zone: str, name: str) -> JSON | None:
        """One instance, or None where there is none of that name."""

    def instances(self, project: str) -> Listing:
        """All instances of a project, in all zones."""

    def zones(self, project: str) -> tuple[JSON, ...]:
        """The zones with their status."""

    def region(self, project: str, region: str) -> JSON:
        """One region with its quotas."""

    def machine_types(self, project: str, zone: str) -> tuple[JSON, ...]:
        """The machine types of a zone; deprecated ones are left out."""

    def image_families(self, project: str) -> tuple[JSON, ...]:
        """The newest image of each family of a project that publishes images, such as debian-cloud."""

    def networks(self, project: str) -> tuple[JSON, ...]:
        """The VPC networks of a project."""

    def subnetworks(self, project: str, region: str = "") -> Listing:
        """The subnetworks of a region, or of all regions."""

    def firewall(self, project: str, name: str) -> JSON | None:
        """One firewall rule, or None."""

    def firewalls(self, project: str) -> tuple[JSON, ...]:
        """The firewall rules of a project."""

    def effective_firewalls(self, project: str, zone: str, instance: str, interface: str = "nic0") -> JSON:
        """Everything that filters an instance's traffic: rules and policies (instances.getEffectiveFirewalls)."""

    def guest_attributes(self, project: str, zone: str, instance: str, path: str) -> Mapping[str, str]:
        """Guest attributes below a path such as `hostkeys/`, by key; empty while there are none."""

    def project(self, project: str) -> JSON:
        """The project with commonInstanceMetadata and quotas. ActionNeeded MVM-809 where there is no such project."""

    def permissions(self, project: str, wanted: Sequence[str]) -> frozenset[str]:
        """Those of the wanted permissions that we have (projects.testIamPermissions); changes nothing."""

    def enabled_services(self, project: str, wanted: Sequence[str]) -> frozenset[str]:
        """Those of the wanted APIs, such as compute.googleapis.com, that are on (services.batchGet)."""

    def clusters(self, project: str) -> Listing:
        """The GKE clusters of all locations; `unreachable` are the zones that did not answer (missingZones)."""

    def cluster(self, project: str, location: str, name: str) -> JSON | None:
        """One GKE cluster, or None."""

    def close(self) -> None:
        """Ends every call under way."""


class Compute(ComputeReader, Protocol):
    """Google Cloud where it may be changed. `request_id` is a UUID: the same one never makes a thing twice."""

    def insert_instance(self, project: str, zone: str, body: JSON, request_id: str) -> Operation:
        """instances.insert. ActionNeeded MVM-814 where the name is taken."""

    def start_instance(self, project: str, zone: str, name: str, request_id: str) -> Operation:
        """instances.start."""

    def set_metadata(self, project: str, zone: str, name: str, metadata: JSON, request_id: str) -> Operation:
        """instances.setMetadata: replaces all of it; needs the fingerprint that was read. TransientError MVM-815
        where it has moved."""

    def insert_firewall(self, project: str, body: JSON, request_id: str) -> Operation:
        """firewalls.insert. ActionNeeded MVM-814 where the name is taken."""

    def patch_firewall(self, project: str, name: str, body: JSON, request_id: str) -> Operation:
        """firewalls.patch."""

    def wait(
        self, operation: Operation, said: Callable[[str, int | None], None], cancelled: Callable[[], bool]
    ) -> None:
        """Returns when it is done; `said(status, percent)` on the way. Raises the Problem with which it failed, and
        Cancelled while it goes on there."""


@dataclass(frozen=True)
class AccessState:
    """How SSH would go to an instance, and whether it is open to us now.

    `way` is external, internal or iap; `address` the IP that SSH connects to ("" for iap); `login` is metadata,
    os-login or own-key; `open` whether a key that this process holds stands there and has not expired.
    `host_keys` says where the host keys come from; `details` are values worth showing.
    """

    way: str
    address: str
    user: str
    login: str
    open: bool
    host_keys: str = ""
    until: str = ""
    details: tuple[tuple[str, str], ...] = field(default=())


class InstanceAccessReader(Protocol):
    """The way into one machine on Compute Engine, for looking."""

    def look(self, instance: JSON) -> AccessState:
        """How it would be entered now; reads only."""


class InstanceAccess(InstanceAccessReader, Protocol):
    """The way into one machine on Compute Engine. The private key is made in memory and stays there."""

    def public_line(self) -> str:
        """The line of `ssh-keys` for an insert body: USER:TYPE KEY google-ssh {"userName":…,"expireOn":…}."""

    def grant(
        self, instance: JSON, said: Callable[[str], None], cancelled: Callable[[], bool], *, seconds: float
    ) -> AccessState:
        """Puts our public key where the instance takes it from (its metadata, or OS Login), with an expiry, and waits
        until it opens the instance, not longer than so many seconds."""

    def revoke(self) -> None:
        """Takes the key away again; nothing where none was put. Called when the connections close."""
