"""The product's documents before the release's own judges: group create, validate, manifest generate, the samples."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from meshvm_tui.istio import exposure, gateway, operator, workload_group, yaml_dialect
from meshvm_tui.plan import Workload
from tests.real_istioctl.cases import Place, objects
from tests.real_istioctl.cluster_state import ClusterState
from tests.real_istioctl.comparing import assert_same
from tests.real_istioctl.proxy_configs import some
from tests.real_istioctl.releases import source_of
from tests.real_istioctl.tools import Configure, Istioctl

pytestmark = [pytest.mark.real_tools, pytest.mark.timeout(0)]

JSON = dict[str, Any]
PORTS = [("status-port", 15021), ("tls", 15443), ("tls-istiod", 15012), ("tls-webhook", 15017)]

_LABEL = st.from_regex(r"[a-z]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
_VALUE = st.one_of(st.sampled_from(("true", "1.0", "1e3", "on", "0x10", "2020-01-01", "")), _LABEL)
_WORKLOADS = some(
    labels=st.dictionaries(_LABEL, _VALUE, min_size=1, max_size=4),
    annotations=st.dictionaries(_LABEL, _VALUE, min_size=1, max_size=3),
    ports=st.dictionaries(_LABEL.filter(lambda text: "." not in text), st.integers(1, 65535), min_size=1, max_size=3),
    network=_LABEL,
    locality=st.sampled_from(("us-central1/us-central1-a", "europe/1")),
    weight=st.integers(1, 2**32 - 1),
)


def _flags(given: JSON) -> list[str]:
    flags = []
    for name, value in given.items():
        text = ",".join(f"{key}={item}" for key, item in value.items()) if isinstance(value, dict) else str(value)
        flags.append(f"--{name}={text}")
    return flags


def test_the_workload_group_that_istioctl_creates(istioctls: tuple[Istioctl, ...]) -> None:
    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(st.sampled_from(istioctls), _WORKLOADS)
    def holds(tool: Istioctl, parts: JSON) -> None:
        place = {"name": "vm-1", "namespace": "bar", "serviceAccount": "sa", "labels": {}, "ports": {}}
        workload = Workload.model_validate({**place, **parts})
        flags = ["--name", "vm-1", "--namespace", "bar", "--serviceAccount", "sa", *_flags(parts)]
        made = tool.run("x", "workload", "group", "create", *flags)
        assert made.returncode == 0, made.stderr
        assert workload_group.workload_group_yaml(workload, istio_version=tool.version) == made.stdout

    holds()


OPERATORS: dict[str, JSON] = {
    "control plane": operator.control_plane_object(mesh_id="mesh1", cluster_id="c1"),
    "control plane of a network and a revision": operator.control_plane_object(
        mesh_id="mesh1", cluster_id="c1", network="n1", revision="rev-1"
    ),
    "control plane in its own namespace": operator.control_plane_object(mesh_id="m", cluster_id="c", namespace="mesh"),
    "gateway": gateway.gateway_operator_object(),
    "gateway of a network and a revision": gateway.gateway_operator_object(network="n1", revision="rev-1"),
    "internal gateway": gateway.gateway_operator_object(internal=True, source_ranges=("10.0.0.0/8",)),
}
DOCUMENTS: dict[str, tuple[JSON, ...]] = {
    **{name: (document,) for name, document in OPERATORS.items()},
    "gateway as objects": gateway.gateway_objects(network="n1", revision="rev-1"),
    "istiod exposed": exposure.expose_istiod(),
    "istiod of a revision exposed": exposure.expose_istiod(istio_namespace="mesh", revision="rev-1"),
    "services exposed": exposure.expose_services(),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_validate_takes_every_document(name: str, istioctls: tuple[Istioctl, ...], tmp_path: Path) -> None:
    path = tmp_path / "document.yaml"
    path.write_text("---\n".join(map(yaml_dialect.dump, DOCUMENTS[name])))
    for tool in istioctls:
        judged = tool.run("validate", "-f", str(path))
        assert (judged.returncode, judged.stderr) == (0, f'"{path}" is valid\n'), tool.version


def test_validate_refuses_what_is_wrong(istioctls: tuple[Istioctl, ...], tmp_path: Path) -> None:
    """The judge is awake."""
    broken = exposure.expose_istiod()[0]
    broken["spec"]["servers"][0]["port"]["protocol"] = "BOGUS"
    path = tmp_path / "document.yaml"
    path.write_text(yaml_dialect.dump(broken))
    for tool in istioctls:
        assert 'invalid protocol "BOGUS"' in tool.run("validate", "-f", str(path)).stderr


def generated(tool: Istioctl, document: JSON | str) -> list[JSON]:
    """The objects that the release's own charts make of an IstioOperator."""
    text = document if isinstance(document, str) else yaml_dialect.dump(document)
    made = tool.run("manifest", "generate", "-f", "-", given=text)
    assert made.returncode == 0, made.stderr
    return [one for one in yaml.safe_load_all(made.stdout) if one]


def one(made: list[JSON], kind: str, name: str) -> JSON:
    found = [item for item in made if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def test_the_charts_make_the_control_plane_that_vms_need(istioctls: tuple[Istioctl, ...]) -> None:
    document = OPERATORS["control plane of a network and a revision"]
    for tool in istioctls:
        made = generated(tool, document)
        mesh = yaml.safe_load(one(made, "ConfigMap", "istio-rev-1")["data"]["mesh"])
        assert mesh["defaultConfig"]["meshId"] == "mesh1"
        assert mesh["defaultConfig"]["discoveryAddress"] == "istiod-rev-1.istio-system.svc:15012"
        values = yaml.safe_load(one(made, "ConfigMap", "istio-sidecar-injector-rev-1")["data"]["values"])
        assert values["global"]["multiCluster"]["clusterName"] == "c1"
        assert values["global"]["network"] == "n1"
        container = one(made, "Deployment", "istiod-rev-1")["spec"]["template"]["spec"]["containers"][0]
        environment = {variable["name"]: variable.get("value") for variable in container["env"]}
        assert operator.VM_ENVIRONMENT.items() <= environment.items()
        assert environment["CLUSTER_ID"] == "c1"


def test_the_charts_make_the_gateway_of_our_own_objects(istioctls: tuple[Istioctl, ...]) -> None:
    """Service and Pods that the usual selectors match: what differs is only what the charts add."""
    ours = {item["kind"]: item for item in gateway.gateway_objects(network="n1")}
    for tool in istioctls:
        charts = generated(tool, gateway.gateway_operator_object(network="n1"))
        service = one(charts, "Service", "istio-eastwestgateway")
        for made in (service, ours["Service"]):
            assert [(port["name"], port["port"]) for port in made["spec"]["ports"]] == PORTS
            assert made["spec"]["type"] == "LoadBalancer"
            assert made["metadata"]["labels"]["topology.istio.io/network"] == "n1"
        deployment = one(charts, "Deployment", "istio-eastwestgateway")
        pods = [made["spec"]["template"]["metadata"]["labels"] for made in (deployment, ours["Deployment"])]
        for selecting in (service, ours["Service"]):
            for labels in pods:
                assert ours["Service"]["spec"]["selector"].items() <= labels.items()
            assert selecting["spec"]["selector"].items() <= {**pods[0]}.items()


SCRIPT = "samples/multicluster/gen-eastwest-gateway.sh"


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["--single-cluster"], {}),
        (["--single-cluster", "--revision", "rev-1"], {"revision": "rev-1"}),
        (["--network", "n1"], {"network": "n1"}),
        (["--network", "n1", "--revision", "rev-1", "--mesh", "m"], {"network": "n1", "revision": "rev-1"}),
    ],
)
def test_the_gateway_of_the_releases_own_script(
    flags: list[str], options: dict[str, Any], istioctls: tuple[Istioctl, ...]
) -> None:
    for tool in istioctls:
        told = subprocess.run(
            ["bash", str(source_of(tool) / SCRIPT), *flags],
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=True,
        )
        theirs = yaml.safe_load(told.stdout)
        ours = gateway.gateway_operator_object(**options)
        assert generated(tool, told.stdout) == generated(tool, ours)
        # Said by us alone: the namespace, which is the default one. Said by the script alone: a revision of "".
        ours["spec"]["components"]["ingressGateways"][0].pop("namespace")
        if not theirs["spec"]["revision"]:
            theirs["spec"].pop("revision")
        assert ours == theirs


@pytest.mark.parametrize(
    ("sample", "ours"),
    [
        ("expose-istiod.yaml", exposure.expose_istiod()),
        ("expose-istiod-rev.yaml.tmpl", exposure.expose_istiod(revision="rev-1")),
        ("expose-services.yaml", exposure.expose_services()),
    ],
)
def test_the_releases_own_samples_of_exposure(
    sample: str, ours: tuple[JSON, ...], istioctls: tuple[Istioctl, ...]
) -> None:
    for tool in istioctls:
        text = (source_of(tool) / "samples/multicluster" / sample).read_text().replace("{{.Revision}}", "rev-1")
        theirs = [document for document in yaml.safe_load_all(text) if document]
        made = [{**item, "metadata": {"name": item["metadata"]["name"]}} for item in ours]
        assert made == theirs


def test_files_for_the_mesh_of_the_releases_own_charts(
    istioctls: tuple[Istioctl, ...], cluster: ClusterState, configure: Configure, tmp_path: Path
) -> None:
    """The ConfigMaps are what `istioctl install` writes for the product's own IstioOperator."""
    group = tmp_path / "group.yaml"
    group.write_text("metadata: {name: foo, namespace: bar}\nspec: {template: {serviceAccount: vm, network: vm-net}}\n")
    for tool in istioctls:
        made = generated(tool, operator.control_plane_object(mesh_id="mesh1", cluster_id="c1", network="n1"))
        maps = {name: one(made, "ConfigMap", name) for name in ("istio", "istio-sidecar-injector")}
        cluster.become(objects(Place(), mesh=maps["istio"], injector=maps["istio-sidecar-injector"]))
        folder = tmp_path / tool.version
        folder.mkdir()
        flags = ("-f", str(group), "--autoregister")
        theirs, ours = configure.istioctl((tool,), flags, folder)[0], configure.ours(flags, folder)
        assert assert_same(theirs, ours) == "same files"
        assert theirs.files is not None
        assert "ISTIO_META_MESH_ID='mesh1'" in theirs.files["cluster.env"]


def test_precheck_has_nothing_against_a_cluster_with_our_documents(
    istioctls: tuple[Istioctl, ...], cluster: ClusterState, configure: Configure
) -> None:
    cluster.become((*objects(Place(), "defaultConfig: {}"), *exposure.expose_istiod(), *exposure.expose_services()))
    for tool in istioctls:
        told = tool.run("x", "precheck", "--kubeconfig", str(configure.kubeconfig))
        assert told.returncode == 0, told.stdout + told.stderr
        assert "No issues found" in told.stdout + told.stderr
