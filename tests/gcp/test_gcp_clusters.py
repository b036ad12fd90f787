"""A GKE cluster: every range of its Pods, and the address of its control plane as gcloud chooses it."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.gcp.clusters import ClusterView, context_name, get_credentials
from meshvm_tui.gcp.pod_ranges import pod_ranges
from meshvm_tui.plan import GkeEndpoint
from meshvm_tui.problems import ActionNeeded, TransientError

SUBNETS = [
    {"name": "main", "secondaryIpRanges": [{"rangeName": "pods-2", "ipCidrRange": "10.20.0.0/16"}]},
    {"name": "more", "secondaryIpRanges": [{"rangeName": "pods-2", "ipCidrRange": "10.30.0.0/16"}]},
]


def cluster(**more: Any) -> dict[str, Any]:
    return {
        "name": "prod",
        "location": "europe-west1",
        "status": "RUNNING",
        "endpoint": "34.1.2.3",
        "masterAuth": {"clusterCaCertificate": "Q0E="},
        "clusterIpv4Cidr": "10.8.0.0/14",
        "subnetwork": "main",
        **more,
    }


def test_the_default_range_is_not_all() -> None:
    found = pod_ranges(
        cluster(
            ipAllocationPolicy={
                "clusterIpv4CidrBlock": "10.8.0.0/14",
                "additionalPodRangesConfig": {"podRangeNames": ["pods-2"]},
                "additionalIpRangesConfigs": [
                    {"subnetwork": "projects/p/regions/r/subnetworks/more", "podIpv4RangeNames": ["pods-2"]}
                ],
            },
            nodePools=[
                {"name": "a", "networkConfig": {"podIpv4CidrBlock": "10.40.0.0/16", "podRange": "pods-3"}},
                {"name": "b", "networkConfig": {"podIpv4CidrBlock": "10.8.4.0/24"}},
            ],
        ),
        SUBNETS,
    )
    assert found.cidrs == ("10.8.0.0/14", "10.20.0.0/16", "10.30.0.0/16", "10.40.0.0/16")
    assert dict(found.ranges)["10.30.0.0/16"] == "a range of the additional subnetwork more"
    assert dict(found.ranges)["10.40.0.0/16"] == "node pool a"
    assert found.unexplained == ()


def test_a_range_that_only_has_a_name_is_told() -> None:
    policy = {"additionalPodRangesConfig": {"podRangeNames": ["pods-9"]}}
    found = pod_ranges(cluster(ipAllocationPolicy=policy), SUBNETS)
    assert found.cidrs == ("10.8.0.0/14",)
    assert found.unexplained == ("pods-9",)


DNS = {"endpoint": "gke-1.europe-west1.gke.goog", "allowExternalTraffic": True}
ONLY_DNS = {"dnsEndpointConfig": DNS, "ipEndpointsConfig": {"enabled": False}}
BOTH = {"dnsEndpointConfig": DNS, "ipEndpointsConfig": {"enabled": True, "privateEndpoint": "10.0.0.2"}}
CLOSED = {"dnsEndpointConfig": {**DNS, "allowExternalTraffic": False}, "ipEndpointsConfig": {"enabled": False}}


@pytest.mark.parametrize(
    ("config", "wanted", "server", "authority"),
    [
        ({}, "auto", "https://34.1.2.3", "Q0E="),
        (ONLY_DNS, "auto", "https://gke-1.europe-west1.gke.goog", ""),
        (BOTH, "auto", "https://34.1.2.3", "Q0E="),
        (BOTH, "dns", "https://gke-1.europe-west1.gke.goog", ""),
        (BOTH, "private", "https://10.0.0.2", "Q0E="),
    ],
)
def test_the_endpoint_is_gclouds_choice(config: dict[str, Any], wanted: str, server: str, authority: str) -> None:
    found = ClusterView(cluster(controlPlaneEndpointsConfig=config)).endpoint(GkeEndpoint(wanted))
    assert (found.server, found.authority) == (server, authority)


def test_an_older_private_endpoint_and_one_with_a_port() -> None:
    older = ClusterView(cluster(privateClusterConfig={"privateEndpoint": "10.0.0.9", "enablePrivateNodes": True}))
    assert older.endpoint(GkeEndpoint.PRIVATE).server == "https://10.0.0.9"
    assert older.has_private_nodes
    assert ClusterView(cluster(endpoint="127.1.2.3:6443")).endpoint(GkeEndpoint.IP).server == "https://127.1.2.3:6443"
    assert ClusterView(cluster(endpoint="fd00::1")).endpoint(GkeEndpoint.IP).server == "https://[fd00::1]"


@pytest.mark.parametrize(("config", "wanted"), [(CLOSED, "auto"), ({}, "dns"), ({}, "private")])
def test_an_endpoint_that_is_not_there_is_said(config: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ActionNeeded) as caught:
        ClusterView(cluster(controlPlaneEndpointsConfig=config)).endpoint(GkeEndpoint(wanted))
    assert caught.value.code == "MVM-835"


@pytest.mark.parametrize(
    ("status", "kind"), [("PROVISIONING", TransientError), ("ERROR", ActionNeeded), ("STOPPING", ActionNeeded)]
)
def test_a_cluster_that_does_not_run_is_no_cluster(status: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=f"prod in europe-west1 is {status}"):
        ClusterView(cluster(status=status)).check_running()
    ClusterView(cluster(status="RECONCILING")).check_running()


def test_names_are_gclouds() -> None:
    assert context_name("shop-project", "europe-west1", "prod") == "gke_shop-project_europe-west1_prod"
    assert get_credentials("shop-project", "europe-west1", "prod") == (
        "gcloud container clusters get-credentials prod --location=europe-west1 --project=shop-project"
    )
