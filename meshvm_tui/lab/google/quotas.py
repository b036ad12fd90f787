"""What instances use of a region's quotas, and the errors of operations that ask for too much."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from meshvm_tui.lab.faults import Faults
from meshvm_tui.lab.google import catalogue
from meshvm_tui.lab.google.catalogue import LIMITS, PROJECT, REGIONS
from meshvm_tui.lab.google.operations import failure

JSON = dict[str, Any]


def usage(instances: list[JSON]) -> dict[str, dict[str, float]]:
    """What is in use, by region and metric."""
    used: dict[str, dict[str, float]] = {region: defaultdict(float) for region in REGIONS}
    for instance in instances:
        mine = used[catalogue.ZONES[instance["zone"].rpartition("/")[2]]]
        for metric, amount in needs(instance).items():
            mine[metric] += amount
    return used


def needs(instance: JSON) -> dict[str, float]:
    """What one instance counts for; a stopped one needs its disks only."""
    needed: dict[str, float] = {"DISKS_TOTAL_GB": sum(float(disk["diskSizeGb"]) for disk in instance["disks"])}
    needed["INSTANCES"] = 1.0
    if instance["status"] != "TERMINATED":
        metric, count = catalogue.cpus(instance["machineType"].rpartition("/")[2])
        needed[metric] = float(count)
        addresses = [nic for nic in instance["networkInterfaces"] if nic.get("accessConfigs")]
        needed["IN_USE_ADDRESSES"] = float(len(addresses))
    return needed


def limits(faults: Faults, used: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The limits by region; the fault google-quota lowers one to what is in use."""
    made = {region: dict(LIMITS) for region in REGIONS}
    if faults.active("google-quota"):
        metric = faults.value("google-quota") or "CPUS"
        for region in REGIONS:
            made[region][metric] = used[region].get(metric, 0.0)
    return made


def exceeded(faults: Faults, instances: list[JSON], wanted: JSON) -> JSON | None:
    """The error where an instance, one of `instances` already, is more than a quota or than its zone has."""
    zone = wanted["zone"].rpartition("/")[2]
    if faults.active("google-capacity") and faults.value("google-capacity") in ("", zone):
        return _exhausted(zone)
    region = catalogue.ZONES[zone]
    before = usage([one for one in instances if one is not wanted])
    allowed = limits(faults, before)[region]
    for metric, amount in needs(wanted).items():
        if amount and before[region].get(metric, 0.0) + amount > allowed[metric]:
            return _quota(metric, allowed[metric], region)
    metric = faults.value("google-quota")
    if faults.active("google-quota") and metric not in (*LIMITS, ""):
        return _quota(metric, 0.0, region)
    return None


def _exhausted(zone: str) -> JSON:
    words = (
        f"The zone 'projects/{PROJECT}/zones/{zone}' does not have enough resources available to fulfill the request."
        "  Try a different zone, or try again later."
    )
    return failure("ZONE_RESOURCE_POOL_EXHAUSTED", words, 503, "SERVICE UNAVAILABLE")


def _quota(metric: str, limit: float, region: str) -> JSON:
    words = f"Quota '{metric}' exceeded.  Limit: {limit} in region {region}."
    info = {
        "metricName": f"compute.googleapis.com/{metric.lower()}",
        "limitName": f"{metric.replace('_', '-')}-per-project-region",
        "limit": limit,
        "dimensions": {"region": region},
    }
    return failure("QUOTA_EXCEEDED", words, 403, "FORBIDDEN", [{"quotaInfo": info}])
