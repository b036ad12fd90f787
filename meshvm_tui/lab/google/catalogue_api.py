"""What Compute Engine offers: zones, regions, machine types, images, networks, subnetworks, disks and their types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from meshvm_tui.lab.google import catalogue, quotas
from meshvm_tui.lab.google.answers import aggregated, by_zone, listed
from meshvm_tui.lab.google.catalogue import PROJECT
from meshvm_tui.lab.google.errors import not_found
from meshvm_tui.lab.google.routes import Call, Route, compute
from meshvm_tui.lab.google.state import Cloud

JSON = dict[str, Any]
Items = Callable[[Call], Sequence[JSON]]


class CatalogueApi:
    """Lists and gets of all of it; nothing here changes anything."""

    def __init__(self, cloud: Cloud, pod_range: str) -> None:
        self._cloud = cloud
        self._pod_range = pod_range

    def routes(self) -> list[Route]:
        """All of them."""
        made = [
            *_pair("zones", "zones", "zone", lambda call: catalogue.zones()),
            *_pair("regions", "regions", "region", self._regions),
            *_pair("zones/{zone}/machineTypes", "machineTypes", "machineType", _machine_types),
            *_pair("zones/{zone}/diskTypes", "diskTypes", "diskType", lambda call: catalogue.disk_types(call.zone)),
            *_pair("zones/{zone}/disks", "disks", "disk", self._disks_of_zone),
            *_pair("global/images", "images", "image", lambda call: catalogue.images(call.values["project"])),
            *_pair("global/networks", "networks", "network", lambda call: catalogue.networks()),
            *_pair("regions/{region}/subnetworks", "subnetworks", "subnetwork", self._subnetworks),
        ]
        family, view = "global/images/family/{family}", "zones/{zone}/imageFamilyViews/{family}"
        get = "compute.images.getFromFamily"
        lists = "aggregatedList"
        return [
            compute("GET", family, "images.getFromFamily", self._family, get),
            compute("GET", view, "imageFamilyViews.get", lambda call: {"image": self._family(call)}, get),
            *made,
            compute("GET", "aggregated/machineTypes", f"machineTypes.{lists}", self._all_machine_types),
            compute("GET", "aggregated/subnetworks", f"subnetworks.{lists}", self._all_subnetworks),
            compute("GET", "aggregated/disks", f"disks.{lists}", self._all_disks),
        ]

    def _regions(self, call: Call) -> Sequence[JSON]:
        used = quotas.usage(list(self._cloud.instances.values()))
        return catalogue.regions(used, quotas.limits(self._cloud.faults, used))

    def _family(self, call: Call) -> JSON:
        found = catalogue.newest_image(call.values["project"], call.values["family"])
        if found is None:
            raise not_found(f"projects/{call.values['project']}/global/images/family/{call.values['family']}")
        return found

    def _subnetworks(self, call: Call) -> Sequence[JSON]:
        region = catalogue.link(f"projects/{PROJECT}/regions/{call.values['region']}")
        return [one for one in catalogue.subnetworks(self._pod_range) if one["region"] == region]

    def _disks(self) -> list[JSON]:
        return [_disk(instance, disk) for instance in self._cloud.instances.values() for disk in instance["disks"]]

    def _disks_of_zone(self, call: Call) -> Sequence[JSON]:
        return by_zone(self._disks())[f"zones/{call.zone}"]

    def _all_disks(self, call: Call) -> JSON:
        return aggregated(call, "disk", "disks", by_zone(self._disks()))

    def _all_machine_types(self, call: Call) -> JSON:
        scopes = {f"zones/{zone}": catalogue.machine_types(zone) for zone in catalogue.ZONES}
        return aggregated(call, "machineType", "machineTypes", scopes)

    def _all_subnetworks(self, call: Call) -> JSON:
        scopes: dict[str, list[JSON]] = {f"regions/{region}": [] for region in catalogue.REGIONS}
        for one in catalogue.subnetworks(self._pod_range):
            scopes[f"regions/{one['region'].rpartition('/')[2]}"].append(one)
        return aggregated(call, "subnetwork", "subnetworks", dict(scopes))


def _pair(path: str, plural: str, kind: str, items: Items) -> list[Route]:
    """The list and the get of one kind."""

    def get(call: Call) -> JSON:
        for item in items(call):
            if item["name"] == call.values[kind]:
                return item
        raise not_found(call.resource)

    def all_of_it(call: Call) -> JSON:
        return listed(call, kind, items(call))

    return [
        compute("GET", path, f"{plural}.list", all_of_it, f"compute.{plural}.list"),
        compute("GET", f"{path}/{{{kind}}}", f"{plural}.get", get, f"compute.{plural}.get"),
    ]


def _machine_types(call: Call) -> Sequence[JSON]:
    return catalogue.machine_types(call.zone)


def _disk(instance: JSON, disk: JSON) -> JSON:
    path = disk.get("source", "").removeprefix(catalogue.API) or (
        f"projects/{PROJECT}/zones/{instance['zone'].rpartition('/')[2]}/disks/{instance['name']}"
    )
    made = catalogue.base("disk", path, zone=instance["zone"], sizeGb=disk["diskSizeGb"], status="READY")
    kind = catalogue.link(path.rpartition("/disks/")[0] + "/diskTypes/pd-standard")
    return made | {"users": [instance["selfLink"]], "type": kind, "creationTimestamp": instance["creationTimestamp"]}
