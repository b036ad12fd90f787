"""What Google offers in the lab, whatever is made there: zones, machine types, images, networks, quotas."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

JSON = dict[str, Any]
PROJECT, NUMBER = "lab-project-1", "100000000001"
API = "https://www.googleapis.com/compute/v1/"
ACCOUNT = f"operator@{PROJECT}.iam.gserviceaccount.com"
ACCOUNT_ID = "110000000000000000001"
DEFAULT_ACCOUNT = f"{NUMBER}-compute@developer.gserviceaccount.com"
MESH_ACCOUNT = f"mesh-vm@{PROJECT}.iam.gserviceaccount.com"
ACCOUNTS = {ACCOUNT: ACCOUNT_ID, DEFAULT_ACCOUNT: "110000000000000000002", MESH_ACCOUNT: "110000000000000000003"}
MADE = "2026-01-05T09:00:00.000-08:00"
ZONES = {
    "us-central1-a": "us-central1",
    "us-central1-b": "us-central1",
    "us-central1-f": "us-central1",
    "europe-west1-b": "europe-west1",
    "europe-west1-c": "europe-west1",
}
REGIONS = ("europe-west1", "us-central1")
# name: (CPUs, MiB, shared core, architecture, quota of its CPUs)
_TYPES = {
    "n1-standard-1": (1, 3840, False, "X86_64", "CPUS"),
    "n1-standard-2": (2, 7680, False, "X86_64", "CPUS"),
    "n1-standard-4": (4, 15360, False, "X86_64", "CPUS"),
    "e2-micro": (2, 1024, True, "X86_64", "CPUS"),
    "e2-small": (2, 2048, True, "X86_64", "CPUS"),
    "e2-medium": (2, 4096, True, "X86_64", "CPUS"),
    "e2-standard-2": (2, 8192, False, "X86_64", "CPUS"),
    "e2-standard-4": (4, 16384, False, "X86_64", "CPUS"),
    "n2-standard-2": (2, 8192, False, "X86_64", "N2_CPUS"),
    "n2-standard-4": (4, 16384, False, "X86_64", "N2_CPUS"),
    "t2a-standard-1": (1, 4096, False, "ARM64", "T2A_CPUS"),
}
_ONLY_IN_US = {"t2a-standard-1"}
# (project, family, name, GB, architecture, deprecated)
_IMAGES = (
    ("debian-cloud", "debian-12", "debian-12-bookworm-v20261013", 10, "X86_64", True),
    ("debian-cloud", "debian-12", "debian-12-bookworm-v20261110", 10, "X86_64", False),
    ("debian-cloud", "debian-12-arm64", "debian-12-bookworm-arm64-v20261110", 10, "ARM64", False),
    ("debian-cloud", "debian-13", "debian-13-trixie-v20261110", 10, "X86_64", False),
    ("ubuntu-os-cloud", "ubuntu-2204-lts", "ubuntu-2204-jammy-v20261105", 10, "X86_64", False),
    ("ubuntu-os-cloud", "ubuntu-2404-lts-amd64", "ubuntu-2404-noble-amd64-v20261105", 10, "X86_64", False),
)
IMAGE_PROJECTS = frozenset(image[0] for image in _IMAGES)
LIMITS = {
    "CPUS": 24.0,
    "N2_CPUS": 8.0,
    "T2A_CPUS": 8.0,
    "INSTANCES": 24.0,
    "IN_USE_ADDRESSES": 8.0,
    "DISKS_TOTAL_GB": 4096.0,
    "SSD_TOTAL_GB": 500.0,
}
PROJECT_LIMITS = {"FIREWALLS": 100.0, "NETWORKS": 15.0}
# network: (made in every region by itself, {region: (name, range, secondary ranges)})
_NETWORKS: dict[str, tuple[bool, dict[str, tuple[str, str]]]] = {
    "default": (
        True,
        {"us-central1": ("default", "10.128.0.0/20"), "europe-west1": ("default", "10.132.0.0/20")},
    ),
    "isolated": (False, {"us-central1": ("isolated-us", "10.90.0.0/20")}),
}
_DISK_TYPES = ("pd-balanced", "pd-ssd", "pd-standard")


def link(path: str) -> str:
    """The selfLink of a path such as projects/p/zones/z."""
    return API + path


def fixed_id(path: str) -> str:
    """The id of something that is always there."""
    return str(10**18 + int(hashlib.sha256(path.encode()).hexdigest()[:15], 16))


def base(kind: str, path: str, **more: Any) -> JSON:
    """What every resource of Compute Engine begins with."""
    named = {
        "kind": f"compute#{kind}",
        "id": fixed_id(path),
        "creationTimestamp": MADE,
        "name": path.rpartition("/")[2],
    }
    return {**named, "selfLink": link(path), **more}


def zones() -> list[JSON]:
    """zones.list."""
    return [_zone(name) for name in ZONES]


def regions(usage: dict[str, dict[str, float]], limits: dict[str, dict[str, float]]) -> list[JSON]:
    """regions.list with what is used of each quota."""
    made = []
    for region in REGIONS:
        within = [link(f"projects/{PROJECT}/zones/{zone}") for zone, home in ZONES.items() if home == region]
        quotas = [
            {"metric": metric, "limit": limit, "usage": usage[region].get(metric, 0.0)}
            for metric, limit in limits[region].items()
        ]
        path = f"projects/{PROJECT}/regions/{region}"
        made.append(base("region", path, description=region, status="UP", zones=within, quotas=quotas))
    return made


def machine_types(zone: str) -> list[JSON]:
    """machineTypes.list of a zone."""
    names = [name for name in _TYPES if name not in _ONLY_IN_US or zone.startswith("us-")]
    return [_machine_type(zone, name) for name in names]


def cpus(machine_type: str) -> tuple[str, int]:
    """The quota that a machine type counts for, and how much."""
    count, _, _, _, metric = _TYPES[machine_type]
    return metric, count


def architecture(machine_type: str) -> str:
    """X86_64 or ARM64."""
    return _TYPES[machine_type][3]


def images(project: str) -> list[JSON]:
    """images.list of a project that publishes some."""
    return [_image(given) for given in _IMAGES if given[0] == project]


def newest_image(project: str, family: str) -> JSON | None:
    """images.getFromFamily."""
    found = [image for image in images(project) if image["family"] == family and "deprecated" not in image]
    return found[-1] if found else None


def networks() -> list[JSON]:
    """networks.list."""
    made = []
    for name, (automatic, parts) in _NETWORKS.items():
        within = [link(f"projects/{PROJECT}/regions/{region}/subnetworks/{one[0]}") for region, one in parts.items()]
        more = {"autoCreateSubnetworks": automatic, "subnetworks": within, "mtu": 1460}
        routing = {"routingConfig": {"routingMode": "REGIONAL"}}
        made.append(base("network", f"projects/{PROJECT}/global/networks/{name}", **more, **routing))
    return made


def subnetworks(pod_range: str) -> list[JSON]:
    """All subnetworks; the cluster's Pods have a secondary range of the default one."""
    made = []
    for network, (_, parts) in _NETWORKS.items():
        for region, (name, cidr) in parts.items():
            path = f"projects/{PROJECT}/regions/{region}/subnetworks/{name}"
            more: JSON = {
                "network": link(f"projects/{PROJECT}/global/networks/{network}"),
                "region": link(f"projects/{PROJECT}/regions/{region}"),
                "ipCidrRange": cidr,
                "gatewayAddress": cidr.replace(".0/20", ".1"),
                "purpose": "PRIVATE",
                "stackType": "IPV4_ONLY",
                "privateIpGoogleAccess": False,
                "fingerprint": "bGFiLXN1Ym5ldA==",
            }
            if (network, region) == ("default", "us-central1"):
                more["secondaryIpRanges"] = [{"rangeName": "gke-lab-pods", "ipCidrRange": pod_range}]
            made.append(base("subnetwork", path, **more))
    return made


def disk_types(zone: str) -> list[JSON]:
    """diskTypes.list of a zone."""
    place = {"zone": link(f"projects/{PROJECT}/zones/{zone}"), "defaultDiskSizeGb": "100"}
    return [base("diskType", f"projects/{PROJECT}/zones/{zone}/diskTypes/{name}", **place) for name in _DISK_TYPES]


def default_firewalls() -> list[JSON]:
    """The rules with which a default network comes."""
    ssh, rdp = [{"IPProtocol": "tcp", "ports": ["22"]}], [{"IPProtocol": "tcp", "ports": ["3389"]}]
    inner = [{"IPProtocol": name, "ports": ["0-65535"]} for name in ("tcp", "udp")] + [{"IPProtocol": "icmp"}]
    return [
        _default_rule("default-allow-icmp", "Allow ICMP from anywhere", ["0.0.0.0/0"], [{"IPProtocol": "icmp"}]),
        _default_rule("default-allow-internal", "Allow internal traffic", ["10.128.0.0/9"], inner),
        _default_rule("default-allow-rdp", "Allow RDP from anywhere", ["0.0.0.0/0"], rdp),
        _default_rule("default-allow-ssh", "Allow SSH from anywhere", ["0.0.0.0/0"], ssh),
    ]


def _default_rule(name: str, words: str, ranges: Sequence[str], allowed: Sequence[JSON]) -> JSON:
    return base(
        "firewall",
        f"projects/{PROJECT}/global/firewalls/{name}",
        description=f"{words} on the default network",
        network=link(f"projects/{PROJECT}/global/networks/default"),
        direction="INGRESS",
        priority=65534,
        sourceRanges=list(ranges),
        allowed=list(allowed),
        disabled=False,
        logConfig={"enable": False},
    )


def _zone(name: str) -> JSON:
    path = f"projects/{PROJECT}/zones/{name}"
    region = link(f"projects/{PROJECT}/regions/{ZONES[name]}")
    platforms = ["Intel Broadwell", "Intel Cascade Lake"]
    return base("zone", path, description=name, status="UP", region=region, availableCpuPlatforms=platforms)


def _machine_type(zone: str, name: str) -> JSON:
    count, memory, shared, architecture_, _ = _TYPES[name]
    return base(
        "machineType",
        f"projects/{PROJECT}/zones/{zone}/machineTypes/{name}",
        description=f"{count} vCPUs, {memory / 1024:g} GB RAM",
        guestCpus=count,
        memoryMb=memory,
        imageSpaceGb=0,
        isSharedCpu=shared,
        architecture=architecture_,
        maximumPersistentDisks=128,
        maximumPersistentDisksSizeGb="263168",
        zone=zone,
    )


def _image(given: tuple[str, str, str, int, str, bool]) -> JSON:
    project, family, name, size, architecture_, deprecated = given
    path = f"projects/{project}/global/images/{name}"
    day = name[-8:]
    more: JSON = {
        "family": family,
        "description": f"{family}, {architecture_}, built on {day}",
        "diskSizeGb": str(size),
        "archiveSizeBytes": "1234567890",
        "architecture": architecture_,
        "status": "READY",
        "sourceType": "RAW",
        "guestOsFeatures": [{"type": "UEFI_COMPATIBLE"}, {"type": "VIRTIO_SCSI_MULTIQUEUE"}],
    }
    if deprecated:
        successor = link(f"projects/{project}/global/images/{name[:-8]}20261110")
        more["deprecated"] = {"state": "DEPRECATED", "replacement": successor}
    made = base("image", path, **more)
    return {**made, "creationTimestamp": f"{day[:4]}-{day[4:6]}-{day[6:]}T03:00:00.000-07:00"}
