"""GKE's clusters: the lab's own, and two to look at (container.googleapis.com v1)."""

from __future__ import annotations

import base64
from typing import Any

from meshvm_tui.lab.faults import Faults
from meshvm_tui.lab.google.catalogue import PROJECT, ZONES
from meshvm_tui.lab.google.errors import GoogleError
from meshvm_tui.lab.google.routes import Call, Route
from meshvm_tui.lab.google.world import LabCluster

JSON = dict[str, Any]
_LINK = "https://container.googleapis.com/v1/"
_NETWORK = f"projects/{PROJECT}/global/networks/default"
_VERSION = "1.34.1-gke.1829001"


class ContainerApi:
    """Lists and gets."""

    def __init__(self, cluster: LabCluster, faults: Faults) -> None:
        self._faults = faults
        self._clusters = [_own(cluster), _autopilot(), _private()]

    def routes(self) -> list[Route]:
        """Its methods, by location and in the older form by zone."""
        made = []
        for place, kind in (("locations", "projects.locations.clusters"), ("zones", "projects.zones.clusters")):
            path = f"v1/projects/{{project}}/{place}/{{location}}/clusters"
            made += [
                Route("container", "GET", path, f"{kind}.list", self._list, ("container.clusters.list",)),
                Route("container", "GET", f"{path}/{{cluster}}", f"{kind}.get", self._get, ("container.clusters.get",)),
            ]
        return made

    def _list(self, call: Call) -> JSON:
        silent = self._faults.value("google-partial")
        place = call.values["location"]
        found = [one for one in self._clusters if place in ("-", one["location"]) and one["location"] != silent]
        answer: JSON = {"clusters": found} if found else {}
        return answer | ({"missingZones": [silent]} if silent and place in ("-", silent) else {})

    def _get(self, call: Call) -> JSON:
        place, name = call.values["location"], call.values["cluster"]
        for one in self._clusters:
            if (one["location"], one["name"]) == (place, name):
                return one
        words = f"Not found: projects/{PROJECT}/locations/{place}/clusters/{name}."
        raise GoogleError(404, words, "notFound", rpc=True)


def _own(cluster: LabCluster) -> JSON:
    made = _cluster(cluster.name, cluster.zone, cluster.endpoint, cluster.pod_range)
    made["masterAuth"] = {"clusterCaCertificate": base64.b64encode(cluster.ca_pem.encode()).decode()}
    return made


def _autopilot() -> JSON:
    made = _cluster("autopilot-1", "europe-west1", "127.0.0.1:9", "10.40.0.0/17")
    return made | {"autopilot": {"enabled": True}}


def _private() -> JSON:
    made = _cluster("private-1", "us-central1-b", "127.0.0.1:9", "10.44.0.0/14")
    made["privateClusterConfig"] = {
        "enablePrivateNodes": True,
        "enablePrivateEndpoint": True,
        "masterIpv4CidrBlock": "172.16.0.0/28",
        "privateEndpoint": "172.16.0.2",
    }
    made["endpoint"] = "172.16.0.2"
    made["controlPlaneEndpointsConfig"] = {
        "ipEndpointsConfig": {"enabled": True, "enablePublicEndpoint": False, "privateEndpoint": "172.16.0.2"},
        "dnsEndpointConfig": {"endpoint": "gke-private-1.us-central1-b.gke.goog", "allowExternalTraffic": False},
    }
    return made


def _cluster(name: str, location: str, endpoint: str, pods: str) -> JSON:
    zone = location in ZONES
    region = ZONES.get(location, location)
    subnetwork = f"projects/{PROJECT}/regions/{region}/subnetworks/default"
    place = "zones" if zone else "locations"
    return {
        "name": name,
        "id": f"{name}-0a1b2c3d4e5f",
        "location": location,
        "locations": [location] if zone else [known for known, home in ZONES.items() if home == region],
        "zone": location,
        "selfLink": f"{_LINK}projects/{PROJECT}/{place}/{location}/clusters/{name}",
        "status": "RUNNING",
        "endpoint": endpoint,
        "masterAuth": {"clusterCaCertificate": ""},
        "clusterIpv4Cidr": pods,
        "servicesIpv4Cidr": "34.118.224.0/20",
        "network": "default",
        "subnetwork": "default",
        "networkConfig": {"network": _NETWORK, "subnetwork": subnetwork},
        "ipAllocationPolicy": {
            "useIpAliases": True,
            "clusterIpv4CidrBlock": pods,
            "clusterSecondaryRangeName": f"gke-{name}-pods",
            "stackType": "IPV4",
        },
        "currentMasterVersion": _VERSION,
        "currentNodeVersion": _VERSION,
        "initialClusterVersion": _VERSION,
        "currentNodeCount": 3,
        "createTime": "2026-02-01T10:00:00+00:00",
        "nodePools": [
            {
                "name": "default-pool",
                "status": "RUNNING",
                "version": _VERSION,
                "initialNodeCount": 3,
                "config": {"machineType": "e2-medium", "diskSizeGb": 100, "imageType": "COS_CONTAINERD"},
                "networkConfig": {"podRange": f"gke-{name}-pods", "podIpv4CidrBlock": pods},
            }
        ],
    }
