"""What is applied to the cluster: control plane, gateway, exposure, WorkloadGroup."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.istio import exposure, gateway, operator, workload_group, yaml_dialect
from meshvm_tui.plan import Probe, Workload
from meshvm_tui.problems import PermanentError

# What the load balancer controllers of GKE, AWS and Azure document.
INTERNAL = {
    "networking.gke.io/load-balancer-type": "Internal",
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
}


def by_kind(objects: tuple[dict[str, Any], ...]) -> dict[str, dict[str, Any]]:
    return {obj["kind"]: obj for obj in objects}


def test_a_control_plane_for_vms() -> None:
    made = yaml_dialect.load(operator.control_plane(mesh_id="mesh1", cluster_id="Kubernetes"))
    assert made["apiVersion"] == "install.istio.io/v1alpha1"
    assert made["spec"]["values"] == {
        "global": {"meshID": "mesh1", "multiCluster": {"clusterName": "Kubernetes"}, "network": ""},
        "pilot": {
            "env": {
                "PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION": "true",
                "PILOT_ENABLE_WORKLOAD_ENTRY_HEALTHCHECKS": "true",
            }
        },
    }
    assert "revision" not in made["spec"]
    assert "namespace" not in made["spec"]


def test_a_control_plane_of_a_revision_in_another_namespace() -> None:
    made = operator.control_plane_object(
        mesh_id="m", cluster_id="c", network="net", revision="1-27", namespace="mesh", profile="minimal"
    )
    assert made["spec"]["revision"] == "1-27"
    assert made["spec"]["profile"] == "minimal"
    assert made["spec"]["namespace"] == "mesh"
    assert made["spec"]["values"]["global"] == {
        "meshID": "m",
        "multiCluster": {"clusterName": "c"},
        "network": "net",
        "istioNamespace": "mesh",
    }


def test_the_gateway_as_objects() -> None:
    objects = gateway.gateway_objects(source_ranges=("10.0.0.0/8",))
    assert [obj["kind"] for obj in objects] == ["ServiceAccount", "Role", "RoleBinding", "Deployment", "Service"]
    made = by_kind(objects)
    template = made["Deployment"]["spec"]["template"]
    assert template["metadata"]["annotations"] == {"inject.istio.io/templates": "gateway"}
    assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"
    assert template["spec"]["containers"][0]["image"] == "auto"
    assert "env" not in template["spec"]["containers"][0]
    service = made["Service"]["spec"]
    assert service["type"] == "LoadBalancer"
    assert [port["port"] for port in service["ports"]] == [15021, 15443, 15012, 15017]
    assert service["loadBalancerSourceRanges"] == ["10.0.0.0/8"]
    assert "annotations" not in made["Service"]["metadata"]
    assert service["selector"].items() <= template["metadata"]["labels"].items()
    assert made["RoleBinding"]["subjects"][0]["name"] == template["spec"]["serviceAccountName"]
    assert {obj["metadata"]["namespace"] for obj in objects} == {"istio-system"}


def test_a_gateway_of_a_network_and_a_revision() -> None:
    made = by_kind(
        gateway.gateway_objects("istio-east", namespace="mesh", revision="rev-1", network="net", internal=True)
    )
    pod = made["Deployment"]["spec"]["template"]
    assert pod["metadata"]["labels"]["istio.io/rev"] == "rev-1"
    assert pod["metadata"]["labels"]["topology.istio.io/network"] == "net"
    assert pod["spec"]["containers"][0]["env"] == [{"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": "net"}]
    assert made["Service"]["metadata"]["labels"]["topology.istio.io/network"] == "net"
    assert made["Service"]["metadata"]["annotations"] == INTERNAL
    assert "topology.istio.io/network" not in made["Deployment"]["spec"]["selector"]["matchLabels"]
    assert made["Service"]["spec"]["selector"] == {"app": "istio-east", "istio": "east"}


@pytest.mark.parametrize("revision", ["", "default"])
def test_the_default_revision_gets_no_label(revision: str) -> None:
    made = by_kind(gateway.gateway_objects(revision=revision))
    assert "istio.io/rev" not in made["Deployment"]["spec"]["template"]["metadata"]["labels"]


def test_the_gateway_for_istioctl() -> None:
    made = yaml_dialect.load(
        gateway.gateway_operator(revision="rev-1", network="net", internal=True, source_ranges=("10.0.0.0/8",))
    )
    spec = made["spec"]
    entry = spec["components"]["ingressGateways"][0]
    assert (spec["profile"], spec["revision"]) == ("empty", "rev-1")
    assert entry["label"] == {
        "app": "istio-eastwestgateway",
        "istio": "eastwestgateway",
        "topology.istio.io/network": "net",
    }
    assert [port["port"] for port in entry["k8s"]["service"]["ports"]] == [15021, 15443, 15012, 15017]
    assert entry["k8s"]["service"]["loadBalancerSourceRanges"] == ["10.0.0.0/8"]
    assert entry["k8s"]["serviceAnnotations"] == INTERNAL
    assert spec["values"]["gateways"]["istio-ingressgateway"]["injectionTemplate"] == "gateway"
    assert spec["values"]["global"] == {"network": "net"}


def test_the_gateway_for_istioctl_in_a_single_network() -> None:
    spec = gateway.gateway_operator_object()["spec"]
    assert "env" not in spec["components"]["ingressGateways"][0]["k8s"]
    assert "global" not in spec["values"]
    assert "revision" not in spec


def test_istiod_is_exposed() -> None:
    made = by_kind(exposure.expose_istiod())
    servers = made["Gateway"]["spec"]["servers"]
    assert [(server["port"]["number"], server["tls"]["mode"]) for server in servers] == [
        (15012, "PASSTHROUGH"),
        (15017, "PASSTHROUGH"),
    ]
    assert made["Gateway"]["spec"]["selector"] == {"istio": "eastwestgateway"}
    service = made["VirtualService"]
    assert service["metadata"] == {"name": "istiod-vs", "namespace": "istio-system"}
    routes = service["spec"]["tls"]
    assert [route["route"][0]["destination"]["port"]["number"] for route in routes] == [15012, 443]
    assert all(route["match"][0]["sniHosts"] == ["*"] for route in routes)
    assert routes[0]["route"][0]["destination"]["host"] == "istiod.istio-system.svc.cluster.local"


def test_a_revision_is_exposed_by_its_own_name_in_its_own_namespace() -> None:
    made = by_kind(exposure.expose_istiod(istio_namespace="mesh", revision="rev-1", selector={"istio": "east"}))
    assert made["Gateway"]["metadata"] == {"name": "istiod-gateway", "namespace": "mesh"}
    assert made["Gateway"]["spec"]["selector"] == {"istio": "east"}
    service = made["VirtualService"]
    assert service["metadata"]["name"] == "istiod-vs-rev-1"
    for route in service["spec"]["tls"]:
        assert route["match"][0]["sniHosts"] == ["istiod-rev-1.mesh.svc", "istiod-rev-1.mesh.svc.cluster.local"]
        assert route["route"][0]["destination"]["host"] == "istiod-rev-1.mesh.svc.cluster.local"


def test_services_are_exposed() -> None:
    (made,) = exposure.expose_services(namespace="mesh")
    assert made["metadata"] == {"name": "cross-network-gateway", "namespace": "mesh"}
    server = made["spec"]["servers"][0]
    assert (server["port"]["number"], server["tls"]["mode"], server["hosts"]) == (
        15443,
        "AUTO_PASSTHROUGH",
        ["*.local"],
    )


def test_the_group_of_a_plan() -> None:
    workload = Workload(
        name="hello",
        namespace="vms",
        service_account="sa",
        labels={"app": "hello"},
        annotations={"a": "b"},
        ports={"http": 8080},
        network="net",
        locality="r/z",
        weight=3,
        probe=Probe.model_validate({"httpGet": {"port": 8080}, "periodSeconds": 5}),
    )
    assert workload_group.workload_group(workload) == {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": "hello", "namespace": "vms"},
        "spec": {
            "metadata": {"labels": {"app": "hello"}, "annotations": {"a": "b"}},
            "template": {
                "serviceAccount": "sa",
                "ports": {"http": 8080},
                "network": "net",
                "locality": "r/z",
                "weight": 3,
            },
            "probe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 5},
        },
    }


def test_a_small_group_is_written_as_istioctl_writes_it() -> None:
    workload = Workload(name="foo", namespace="bar", service_account="default", labels={}, ports={})
    assert workload_group.workload_group_yaml(workload) == (
        "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata:\n  name: foo\n  namespace: bar\n"
        "spec:\n  metadata: {}\n  template:\n    serviceAccount: default\n"
    )


@pytest.mark.parametrize(
    ("version", "api_version"),
    [
        ("1.22.0", "networking.istio.io/v1alpha3"),
        ("1.23.9", "networking.istio.io/v1alpha3"),
        ("1.24.0", "networking.istio.io/v1"),
        ("1.31.0-alpha.1", "networking.istio.io/v1"),
        ("", "networking.istio.io/v1"),
        ("unknown", "networking.istio.io/v1"),
    ],
)
def test_the_version_that_a_release_writes(version: str, api_version: str) -> None:
    assert workload_group.api_version_for(version) == api_version


def test_a_group_reads_back_as_it_was_written() -> None:
    workload = Workload(labels={"app": "x"}, ports={"http": 80}, annotations={"k": "v"})
    group = workload_group.parse_file(workload_group.workload_group_yaml(workload), "f")
    assert (group.name, group.namespace, group.service_account) == ("hello-vm", "vm-namespace", "vm-sa")
    assert (group.labels, group.ports, group.template_annotations) == ({"app": "x"}, {"http": 80}, {"k": "v"})
    assert group.notes == ()


def test_a_bare_group_of_the_api_gets_the_defaults_of_a_file() -> None:
    group = workload_group.parse_object(
        {"metadata": {"name": "foo", "namespace": "bar"}, "spec": {}}, "WorkloadGroup bar/foo"
    )
    assert (group.service_account, group.ports, group.probe) == ("default", {}, None)
    assert group.notes == ("WorkloadGroup bar/foo names no serviceAccount: default is used",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no WorkloadGroup"),
        ("- a\n", "holds no WorkloadGroup"),
        ("a: [", "line 1"),
        ("metadata: {name: foo}\nspec: {}\n", "metadata.namespace is missing"),
        ("metadata: {namespace: bar}\n", "metadata.name is missing"),
        ("metadata: {name: 12e5, namespace: bar}\n", "metadata.name must be a text (put it between quotes)"),
        ("metadata: {name: on, namespace: bar}\n", "metadata.name must be a text (put it between quotes)"),
        ("metadata: x\n", "metadata must be a mapping"),
        ("metadata: {name: a, namespace: b}\nspec: {template: {ports: {http: eighty}}}\n", "spec.template.ports.http"),
        ("metadata: {name: a, namespace: b}\nspec: {template: {ports: {http: -1}}}\n", "spec.template.ports.http"),
        (
            "metadata: {name: a, namespace: b}\nspec: {metadata: {labels: {version: 1.0}}}\n",
            "spec.metadata.labels.version",
        ),
        ("metadata: {name: a, namespace: b}\nspec: {probe: {httpGet: 5}}\n", "spec.probe.httpGet"),
        ("metadata: {name: a, namespace: b, annotations: {k: {x: 1}}}\n", "metadata.annotations.k"),
    ],
)
def test_an_unreadable_group_names_the_place(text: str, words: str) -> None:
    with pytest.raises(PermanentError) as caught:
        workload_group.parse_file(text, "group.yaml")
    assert caught.value.code == "MVM-501"
    assert "group.yaml" in caught.value.cause
    assert words in caught.value.cause
