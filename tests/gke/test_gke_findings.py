"""What the kind of a GKE cluster means, in words; and what the step tells of it."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.checks.cluster_gke import gke_findings
from meshvm_tui.events import Observation
from meshvm_tui.findings import Finding, Severity
from meshvm_tui.gcp.clusters import ClusterView
from meshvm_tui.gcp.pod_ranges import pod_ranges
from meshvm_tui.plan import Plan
from meshvm_tui.ports import ReadPorts
from meshvm_tui.problems import PermanentError, Problem, TransientError
from meshvm_tui.steps.cluster import ClusterReachable
from tests.fakes.cluster import FakeCluster
from tests.fakes.compute import FakeCompute
from tests.fakes.scope import NoIstioctl, a_scope
from tests.gke.gke_world import LOCATION, NAME, PROJECT, a_cluster, a_plan

UPDATE = f"gcloud container clusters update {NAME} --location={LOCATION} --project={PROJECT}"
NODE_POOL = {"name": "big", "networkConfig": {"podIpv4CidrBlock": "10.64.0.0/20"}}


def findings(**changed: Any) -> dict[str, Finding]:
    body = a_cluster(**changed)
    return {finding.code: finding for finding in gke_findings(ClusterView(body), PROJECT, pod_ranges(body))}


def test_a_plain_cluster_has_none() -> None:
    assert findings() == {}


def test_autopilot_without_net_admin_is_a_warning_with_the_command() -> None:
    found = findings(autopilot={"enabled": True})["MVM-842"]
    assert (found.severity, found.next_action) == (
        Severity.WARNING,
        f"Run: {UPDATE} --workload-policies=allow-net-admin",
    )
    assert "may not add NET_ADMIN" in found.evidence


def test_autopilot_with_net_admin_is_worth_knowing_only() -> None:
    allowed = {"enabled": True, "workloadPolicyConfig": {"allowNetAdmin": True}}
    assert findings(autopilot=allowed)["MVM-842"].severity is Severity.INFO


@pytest.mark.parametrize(
    "private",
    [
        {"privateClusterConfig": {"enablePrivateNodes": True}},
        {"networkConfig": {"defaultEnablePrivateNodes": True}},
    ],
)
def test_private_nodes_pull_images_and_are_reached_at_two_ports(private: dict[str, Any]) -> None:
    found = findings(**private)["MVM-843"]
    assert "pull images" in found.next_action
    assert "15017" in found.next_action


def test_authorized_networks_and_the_dns_endpoint() -> None:
    networks = {"enabled": True, "cidrBlocks": [{"cidrBlock": "198.51.100.0/24"}]}
    found = findings(masterAuthorizedNetworksConfig=networks)["MVM-835"]
    assert found.severity is Severity.INFO
    assert found.evidence.endswith("198.51.100.0/24 only; its DNS endpoint lets nobody in")
    dns = {"dnsEndpointConfig": {"endpoint": "x.gke.goog", "allowExternalTraffic": True}}
    found = findings(masterAuthorizedNetworksConfig=networks, controlPlaneEndpointsConfig=dns)["MVM-835"]
    assert found.evidence.endswith("its DNS endpoint x.gke.goog lets users in")


def test_several_ranges_of_pods_are_named_with_their_origins() -> None:
    found = findings(nodePools=[NODE_POOL])["MVM-849"]
    assert found.evidence == "lab: 10.8.0.0/14 (the cluster's default range), 10.64.0.0/20 (node pool big)"


def test_a_range_without_addresses_is_named() -> None:
    policy = {"additionalPodRangesConfig": {"podRangeNames": ["more-pods"]}}
    assert "more-pods" in findings(ipAllocationPolicy=policy)["MVM-847"].evidence


def observed(compute: FakeCompute, plan: Plan, cluster: FakeCluster | None = None) -> Observation:
    ports = ReadPorts(cluster or FakeCluster(), NoIstioctl(), compute=compute)
    return ClusterReachable().observe(ports, a_scope(plan))


def test_the_step_tells_what_google_says() -> None:
    seen = observed(FakeCompute(cluster_items=[a_cluster()]), a_plan())
    details = dict(seen.details)
    assert details["GKE"] == "lab in us-central1-a, project lab-project-1, Standard"
    assert details["GKE version"] == "1.34.1-gke.1829001, release channel regular"
    assert details["control plane"] == "https://203.0.113.7 (IP)"
    assert details["network"] == "shared of project host-project"
    assert details["Pods come from"] == "10.8.0.0/14 (the cluster's default range)"
    assert details["Google login"] == "ann@example.com (user, application default credentials)"
    wanted = f"gcloud container clusters get-credentials {NAME} --location={LOCATION} --project={PROJECT}"
    assert details["kubeconfig by hand"] == wanted


def test_with_a_context_google_is_asked_for_the_pods_only() -> None:
    seen = observed(FakeCompute(cluster_items=[a_cluster(endpoint="")]), a_plan(context="mine"))
    assert dict(seen.details)["control plane"] == "as the context says"


def test_with_a_context_a_google_that_fails_is_a_finding() -> None:
    refusal = PermanentError("MVM-805", "Required container.clusters.get permission")
    compute = FakeCompute(cluster_items=[a_cluster()], fails={"cluster": [refusal]})
    seen = observed(compute, a_plan(context="mine"))
    assert [(found.code, found.evidence) for found in seen.findings] == [(refusal.code, refusal.cause)]


def test_without_a_context_it_is_a_failure() -> None:
    with pytest.raises(Problem) as caught:
        observed(FakeCompute(), a_plan())
    assert caught.value.code == "MVM-834"


def test_a_control_plane_that_is_open_to_all_and_silent_is_tried_again() -> None:
    cluster = FakeCluster()
    silence = TransientError("MVM-103", "no answer")

    def version() -> str:
        raise silence

    cluster.version = version  # type: ignore[method-assign]
    with pytest.raises(TransientError) as caught:
        observed(FakeCompute(cluster_items=[a_cluster()]), a_plan(), cluster)
    assert caught.value is silence
