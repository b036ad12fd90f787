"""Preflight of a cluster: each check alone, with what it says where and keeps to itself elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.checks.cluster_access import missing_permissions
from meshvm_tui.checks.cluster_limits import pod_security, policy_engines, quota_room
from meshvm_tui.checks.cluster_mesh import (
    discovery_selectors,
    injection_webhooks,
    ip_families,
    istio_kinds,
    istiod_scale,
)
from meshvm_tui.checks.cluster_versions import (
    gateway_beside_istiod,
    istio_release,
    nodes_beside_server,
    sidecar_beside_istiod,
)
from meshvm_tui.findings import Finding, Severity
from meshvm_tui.ports import SERVICE_ACCOUNTS, WORKLOAD_GROUPS, Access

JSON = dict[str, Any]


def one(findings: tuple[Finding, ...]) -> tuple[str, str]:
    assert len(findings) == 1, findings
    return findings[0].code, findings[0].evidence


def test_missing_permissions_are_named_verb_by_verb() -> None:
    asked = [Access(verb, WORKLOAD_GROUPS, "vms") for verb in ("create", "patch")]
    asked += [Access("create", SERVICE_ACCOUNTS, "vms", "token"), Access("patch", SERVICE_ACCOUNTS, "vms")]
    told = missing_permissions(asked, (False, False, False, True))
    assert [(finding.code, finding.evidence) for finding in told] == [
        ("MVM-107", "not allowed: create, patch workloadgroups.networking.istio.io in vms"),
        ("MVM-107", "not allowed: create serviceaccounts/token in vms"),
    ]
    assert missing_permissions(asked, (True, True, True, True)) == ()


def node(name: str, version: str) -> JSON:
    return {"metadata": {"name": name}, "status": {"nodeInfo": {"kubeletVersion": version}}}


@pytest.mark.parametrize(
    ("kubelet", "apart"),
    [("v1.33.1", False), ("v1.30.9-gke.1", False), ("v1.29.0", True), ("v1.34.0", True), ("", False)],
)
def test_kubelets_may_be_three_minors_older_and_never_newer(kubelet: str, apart: bool) -> None:
    told = nodes_beside_server("v1.33.2", [node("n-1", "v1.33.0"), node("n-2", kubelet)])
    assert [finding.evidence for finding in told] == ([f"API server v1.33.2; n-2 {kubelet}"] if apart else [])


@pytest.mark.parametrize(
    ("version", "said"), [("1.21.9", 1), ("1.22.0", 0), ("1.31.4-distroless", 0), ("1.32.0", 1), ("", 0), ("latest", 0)]
)
def test_istio_is_known_from_1_22_to_1_31(version: str, said: int) -> None:
    assert len(istio_release(version)) == said


def test_proxies_stay_one_minor_version_away() -> None:
    assert sidecar_beside_istiod("1.29.1", "1.30.3") == ()
    assert sidecar_beside_istiod("", "1.30.3") == ()
    assert one(sidecar_beside_istiod("1.28.1", "1.30.3")) == ("MVM-242", "sidecar.version is 1.28.1, istiod is 1.30.3")
    images = {"gw-1": "1.30.1", "gw-2": "1.27.0"}
    assert one(gateway_beside_istiod(images, "1.30.3")) == ("MVM-243", "Pod gw-2 runs 1.27.0; istiod is 1.30.3")


def test_istiod_of_no_replicas_is_not_available_whatever_its_condition_says() -> None:
    metadata = {"name": "istiod", "namespace": "istio-system"}
    assert one(istiod_scale({"metadata": metadata, "spec": {"replicas": 0}}))[0] == "MVM-244"
    assert istiod_scale({"metadata": metadata, "spec": {"replicas": 1}}) == ()
    assert istiod_scale({"metadata": metadata, "spec": {}}) == ()


def webhook(revision: str, **hook: Any) -> JSON:
    client = {"service": {"name": "istiod"}, "caBundle": "Zm9v", **hook.pop("clientConfig", {})}
    metadata = {"name": f"injector-{revision}", "labels": {"istio.io/rev": revision}}
    return {"metadata": metadata, "webhooks": [{"clientConfig": client, "failurePolicy": "Fail", **hook}]}


@pytest.mark.parametrize(
    ("configurations", "code"),
    [
        ([webhook("prod")], ""),
        ([webhook("other")], "MVM-245"),
        ([webhook("prod", clientConfig={"caBundle": ""})], "MVM-245"),
        ([webhook("prod", failurePolicy="Ignore")], "MVM-248"),
        ([webhook("prod", clientConfig={"caBundle": "", "url": "https://elsewhere"})], ""),
    ],
)
def test_what_injects_for_the_revision(configurations: list[JSON], code: str) -> None:
    assert [finding.code for finding in injection_webhooks(configurations, "prod")] == ([code] if code else [])


def test_a_lenient_webhook_is_no_warning() -> None:
    (finding,) = injection_webhooks([webhook("prod", failurePolicy="Ignore")], "prod")
    assert finding.severity is Severity.INFO


def test_kinds_that_are_not_served() -> None:
    assert istio_kinds(True, "networking.istio.io/v1") == ()
    assert one(istio_kinds(False, "networking.istio.io/v1"))[0] == "MVM-246"


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({"matchLabels": {"mesh": "yes"}}, True),
        ({"matchLabels": {"mesh": "no"}}, False),
        ({"matchExpressions": [{"key": "mesh", "operator": "In", "values": ["yes", "maybe"]}]}, True),
        ({"matchExpressions": [{"key": "mesh", "operator": "NotIn", "values": ["yes"]}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_discovery_selectors_as_kubernetes_reads_them(selector: JSON, selected: bool) -> None:
    told = discovery_selectors({"discoverySelectors": [selector]}, "vms", {"mesh": "yes"})
    assert (told == ()) is selected
    if not selected:
        assert one(told)[0] == "MVM-247"
        assert "namespace vms has mesh=yes" in told[0].evidence


def test_without_selectors_every_namespace_is_looked_at() -> None:
    assert discovery_selectors({}, "vms", {}) == ()
    several = {"discoverySelectors": [{"matchLabels": {"a": "b"}}, {"matchLabels": {"mesh": "yes"}}]}
    assert discovery_selectors(several, "vms", {"mesh": "yes"}) == (), "one of them is enough"


def test_ip_families_of_vm_and_gateway() -> None:
    machines = {"vm-1": "10.0.0.7", "vm-2": "fd00::7", "vm-3": "vm3.example.test"}
    assert one(ip_families("34.1.2.3", machines)) == ("MVM-249", "the gateway is 34.1.2.3; vm-2 fd00::7")
    assert one(ip_families("fd00::1", machines)) == ("MVM-249", "the gateway is fd00::1; vm-1 10.0.0.7")
    assert ip_families("", machines) == ()


def quota(hard: JSON, used: JSON) -> JSON:
    return {"metadata": {"name": "q", "namespace": "istio-system"}, "status": {"hard": hard, "used": used}}


@pytest.mark.parametrize(
    ("hard", "used", "said"),
    [
        ({"services.loadbalancers": "1"}, {"services.loadbalancers": "1"}, "services.loadbalancers 1 of 1 used"),
        ({"services.loadbalancers": "2"}, {"services.loadbalancers": "1"}, ""),
        ({"count/pods": "0"}, {}, "count/pods 0 of 0 used"),
        ({"requests.memory": "1Gi"}, {"requests.memory": "1Gi"}, ""),
    ],
)
def test_quotas_that_count_objects(hard: JSON, used: JSON, said: str) -> None:
    told = quota_room([quota(hard, used)], {"services.loadbalancers": 1, "pods": 1})
    assert [finding.code for finding in told] == (["MVM-133"] if said else [])
    assert all(f"ResourceQuota istio-system/q: {said}" in finding.evidence for finding in told)


@pytest.mark.parametrize(
    ("level", "cni", "said"),
    [("restricted", False, 1), ("baseline", False, 1), ("baseline", True, 0), ("privileged", False, 0)],
)
def test_pod_security_and_the_init_container(level: str, cni: bool, said: int) -> None:
    assert len(pod_security("default", {"pod-security.kubernetes.io/enforce": level}, cni=cni)) == said


def test_policy_engines_by_their_webhooks() -> None:
    hooks = ["gatekeeper-validating-webhook-configuration", "istio-validator-istio-system", "kyverno-policy-validating"]
    assert [finding.evidence for finding in policy_engines(hooks)] == [
        "Gatekeeper (gatekeeper-validating-webhook-configuration)",
        "Kyverno (kyverno-policy-validating)",
    ]
