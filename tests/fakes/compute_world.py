"""What Google Cloud has before anybody makes something: zones, machine types, images, a network, a project."""

from __future__ import annotations

import copy

from meshvm_tui.compute_ports import JSON

PROJECT = "shop-project"
ZONE = "us-central1-a"
ZONES = ("us-central1-a", "us-central1-b", "us-central1-f", "europe-west1-b", "europe-west1-c")
_ROOT = "https://www.googleapis.com/compute/v1"
_TYPES = (("n1-standard-2", 2, 7680), ("e2-medium", 2, 4096), ("e2-small", 2, 2048), ("n2-standard-2", 2, 8192))


def zones() -> tuple[JSON, ...]:
    """The zones, all UP."""
    return tuple(
        {"name": zone, "status": "UP", "region": f"{_ROOT}/projects/{PROJECT}/regions/{zone.rpartition('-')[0]}"}
        for zone in ZONES
    )


def region_of(name: str) -> JSON:
    """A region with quotas that are far from used up."""
    quotas = (("CPUS", 24.0, 2.0), ("N2_CPUS", 8.0, 0.0), ("INSTANCES", 24.0, 1.0), ("IN_USE_ADDRESSES", 8.0, 1.0))
    return {
        "name": name,
        "status": "UP",
        "quotas": [{"metric": metric, "limit": limit, "usage": usage} for metric, limit, usage in quotas],
    }


def machine_types(zone: str) -> tuple[JSON, ...]:
    """A few machine types of a zone."""
    return tuple(
        {"name": name, "zone": zone, "guestCpus": cpus, "memoryMb": memory, "isSharedCpu": name.startswith("e2-")}
        for name, cpus, memory in _TYPES
    )


def image_families(project: str) -> tuple[JSON, ...]:
    """Debian's newest images."""
    return tuple(
        {
            "name": f"{family}-v20261110",
            "family": family,
            "status": "READY",
            "diskSizeGb": "10",
            "architecture": "X86_64",
        }
        for family in ("debian-12", "debian-13")
        if project == "debian-cloud"
    )


def networks(project: str) -> tuple[JSON, ...]:
    """The default network."""
    name = f"{_ROOT}/projects/{project}/global/networks/default"
    return ({"name": "default", "selfLink": name, "autoCreateSubnetworks": True},)


def a_project() -> JSON:
    """A project without metadata of its own."""
    return {
        "name": PROJECT,
        "id": "100000000001",
        "defaultServiceAccount": "100000000001-compute@developer.gserviceaccount.com",
        "commonInstanceMetadata": {"kind": "compute#metadata", "fingerprint": "fp-0"},
        "quotas": [{"metric": "FIREWALLS", "limit": 200.0, "usage": 1.0}],
    }


def made_instance(project: str, zone: str, body: JSON, number: int) -> JSON:
    """An instance as Compute Engine gives it back for a body; `number` makes what it fills in different each time."""
    place = f"{_ROOT}/projects/{project}/zones/{zone}"
    made = copy.deepcopy(body)
    made |= {
        "id": made.get("id", str(4_000_000_000_000_000_000 + number)),
        "kind": "compute#instance",
        "zone": place,
        "selfLink": f"{place}/instances/{body['name']}",
    }
    made["metadata"] = {"kind": "compute#metadata", "items": []} | made.get("metadata", {})
    made["metadata"].setdefault("fingerprint", f"fp-{number}")
    made.setdefault("networkInterfaces", [{"network": "global/networks/default", "accessConfigs": [{}]}])
    for index, interface in enumerate(made["networkInterfaces"]):
        interface.setdefault("name", f"nic{index}")
        interface.setdefault("networkIP", f"10.128.{index}.{number % 250 + 2}")
        for access in interface.get("accessConfigs", []):
            access.setdefault("natIP", f"203.0.113.{number % 250 + 2}")
    return made
