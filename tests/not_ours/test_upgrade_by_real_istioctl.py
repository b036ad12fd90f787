"""The upgrade's document and diff by the charts that Istio's own releases carry, one release beside the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import yaml

from meshvm_tui.events import Change
from meshvm_tui.ports import JSON, Resource
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.steps.mesh import ControlPlane
from meshvm_tui.steps.mesh_facts import mesh_facts
from tests.fakes.cluster import FakeCluster
from tests.fakes.scope import TestScope, read_ports
from tests.real_istioctl.releases import istioctls
from tests.real_istioctl.tools import Istioctl as Tool

from .clusters import SYSTEM, scope_with
from .meshes import AVAILABLE, BY_ISTIOCTL

pytestmark = pytest.mark.real_tools

AT_WORK: JSON = {
    "apiVersion": "install.istio.io/v1alpha1",
    "kind": "IstioOperator",
    "spec": {
        "profile": "minimal",
        "meshConfig": {"trustDomain": "corp.example", "accessLogFile": "/dev/stdout"},
        "components": {"pilot": {"k8s": {"resources": {"requests": {"cpu": "250m", "memory": "1Gi"}}}}},
        "values": {
            "global": {
                "meshID": "mesh-prod",
                "multiCluster": {"clusterName": "prod-eu"},
                "network": "net-7",
                "proxy": {"logLevel": "info"},
            },
            "pilot": {"autoscaleMin": 2, "autoscaleMax": 7, "env": {"PILOT_SITE": "yes"}},
        },
    },
}


class Installed(FakeCluster):
    """A cluster with what a release's istioctl would have applied, of every kind."""

    def __init__(self, manifest: str) -> None:
        super().__init__()
        self.installed = [obj for obj in yaml.load_all(manifest, yaml.CSafeLoader) if obj]
        for obj in self.installed:
            if obj["kind"] == "Deployment":
                obj["metadata"]["labels"] |= BY_ISTIOCTL
                obj["status"] = AVAILABLE

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> JSON | None:
        return next(
            (o for o in self.installed if (o["kind"], o["metadata"]["name"]) == (resource.kind, name)),
            None,
        )

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[JSON]:
        wanted = dict(pair.split("=") for pair in labels.split(",") if "=" in pair).items()
        return [
            o
            for o in self.installed
            if o["kind"] == resource.kind and wanted <= (o["metadata"].get("labels") or {}).items()
        ]


@dataclass
class Asked:
    """A release's istioctl behind the port; `document` is what it was given last."""

    tool: Tool
    document: str = ""

    def version(self) -> str:
        return self.tool.version

    def precheck(self, *, istio_namespace: str) -> str:
        return ""

    def manifest(self, operator_yaml: str, *, revision: str) -> str:
        self.document = operator_yaml
        return generated(self.tool, operator_yaml)

    def install(
        self, operator_yaml: str, *, revision: str, log: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> None:
        raise AssertionError("nothing is installed here")


def generated(tool: Tool, document: str) -> str:
    done = tool.run("manifest", "generate", "-f", "-", given=document)
    assert done.returncode == 0, done.stderr
    return done.stdout


def minor(tool: Tool) -> int:
    return int(tool.version.split(".")[1])


def releases() -> list[Tool]:
    """The pinned releases in their order; what was built between two of them is no release."""
    return sorted((tool for tool in istioctls() if "-" not in tool.version), key=minor)


def two_releases() -> tuple[Tool, Tool]:
    """The newest release and the one before it."""
    older, newer = releases()[-2:]
    return older, newer


def planned(older: Tool, newer: Tool) -> tuple[Installed, Asked, tuple[Change, ...], TestScope]:
    cluster, asked = Installed(generated(older, yaml.safe_dump(AT_WORK))), Asked(newer)
    scope = scope_with(mesh={"install": "upgrade", "version": newer.version, "profile": "minimal"})
    ports = read_ports(cluster, asked)
    cluster.unserved = {"controlplanerevisions", "istios", "istiorevisions", "servicemeshcontrolplanes"}
    cluster.unserved |= {"istiooperators"}
    step = ControlPlane()
    return cluster, asked, step.changes(ports, scope, step.observe(ports, scope)), scope


def test_what_istioctl_made_is_told_from_what_helm_made() -> None:
    older, _ = two_releases()
    manifest = yaml.load_all(generated(older, yaml.safe_dump(AT_WORK)), yaml.CSafeLoader)
    istiod = next(obj for obj in manifest if obj and obj["kind"] == "Deployment")
    assert istiod["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm", "the word proves nothing"
    assert "meta.helm.sh/release-name" not in (istiod["metadata"].get("annotations") or {})


def test_the_next_release_changes_its_image_and_none_of_the_sites_settings() -> None:
    older, newer = two_releases()
    if minor(newer) - minor(older) > 1:
        with pytest.raises(ActionNeeded) as caught:
            planned(older, newer)
        assert caught.value.code == "MVM-206"
        return
    cluster, asked, changes, scope = planned(older, newer)
    by_target = {change.target: change for change in changes[1:]}
    deployment = by_target[f"Deployment {SYSTEM}/istiod"]
    changed = [line[1:].strip() for line in deployment.diff.splitlines()[2:] if line[0] in "+-"]
    assert any(line.endswith(f"pilot:{newer.version}") for line in changed)
    for setting in ("PILOT_SITE", "CLUSTER_ID", "prod-eu", "250m", "1Gi"):
        assert not any(setting in line for line in changed), deployment.diff
    assert f"HorizontalPodAutoscaler {SYSTEM}/istiod" not in by_target, "its bounds are the running ones"
    mesh = by_target.get(f"ConfigMap {SYSTEM}/istio")
    lines = [line for line in (mesh.diff if mesh else "").splitlines()[2:] if line[:1] in "+-"]
    assert not any("corp.example" in line or "mesh-prod" in line for line in lines)
    facts = mesh_facts(read_ports(cluster, asked), scope)
    assert (facts.mesh_id, facts.cluster_id, facts.network) == ("mesh-prod", "prod-eu", "net-7")


def test_no_variable_of_istiod_is_given_twice() -> None:
    older, newer = two_releases()
    if minor(newer) - minor(older) > 1:
        pytest.skip("the two releases are more than one minor version apart")
    _, asked, _, _ = planned(older, newer)
    objects: list[Any] = [o for o in yaml.load_all(generated(newer, asked.document), yaml.CSafeLoader) if o]
    istiod = next(o for o in objects if o["kind"] == "Deployment")
    names = Counter(entry["name"] for entry in istiod["spec"]["template"]["spec"]["containers"][0]["env"])
    assert [name for name, times in names.items() if times > 1] == []


def test_every_step_between_the_pinned_releases_is_either_planned_or_named() -> None:
    for older, newer in pairwise(releases()):
        if minor(newer) - minor(older) == 1:
            assert planned(older, newer)[2]
        else:
            with pytest.raises(ActionNeeded):
                planned(older, newer)
