"""Control planes as other tools leave them: the lab's objects of a release, with the marks of the tool on them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from meshvm_tui.lab.cluster_api.istio_crds import crd_objects
from meshvm_tui.lab.mesh.installation import ControlPlaneWanted, control_plane_objects, gateway_objects
from meshvm_tui.lab.mesh.operator import control_plane_of, gateways_of, overlaid
from meshvm_tui.problems import ActionNeeded

from .clusters import SYSTEM, Foreign

JSON = dict[str, Any]
AVAILABLE = {"conditions": [{"type": "Available", "status": "True"}], "observedGeneration": 1}
BY_ISTIOCTL = {
    "operator.istio.io/managed": "Reconcile",
    "operator.istio.io/component": "Pilot",
    "install.operator.istio.io/owning-resource": "unknown",
    # istioctl renders Helm's charts, whose labels carry this word whoever renders them.
    "app.kubernetes.io/managed-by": "Helm",
}


@dataclass(frozen=True)
class Marks:
    """What a tool leaves on istiod's Deployment."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    image: str = ""
    field_manager: str = ""

    def on(self, deployment: JSON) -> JSON:
        """The Deployment with the marks on it."""
        made = copy.deepcopy(deployment)
        metadata = made["metadata"]
        metadata["labels"] = {**metadata.get("labels", {}), **self.labels}
        metadata["annotations"] = dict(self.annotations)
        if self.owner:
            owner = {"apiVersion": "x/v1", "kind": self.owner, "name": "default", "uid": "1", "controller": True}
            metadata["ownerReferences"] = [owner]
        if self.image:
            made["spec"]["template"]["spec"]["containers"][0]["image"] = self.image
        return made


ISTIOCTL = Marks(labels=BY_ISTIOCTL)
HELM = Marks(
    labels={"app.kubernetes.io/managed-by": "Helm"},
    annotations={"meta.helm.sh/release-name": "istiod-prod", "meta.helm.sh/release-namespace": SYSTEM},
)
OF_A_TOOL = {
    "Helm": HELM,
    "Argo CD, by its annotation": Marks(
        annotations={"argocd.argoproj.io/tracking-id": "istio:apps/Deployment:i/istiod"}
    ),
    "Argo CD, by its label": Marks(labels={"argocd.argoproj.io/instance": "istio", **BY_ISTIOCTL}),
    "Flux, through Helm": Marks({"helm.toolkit.fluxcd.io/name": "istiod"}, HELM.annotations),
    "Flux, by its Kustomization": Marks(labels={"kustomize.toolkit.fluxcd.io/name": "mesh"}),
    "the Sail operator": Marks(owner="IstioRevision"),
    "Istio's operator": Marks(labels=BY_ISTIOCTL, owner="IstioOperator"),
    "OpenShift Service Mesh": Marks(owner="ServiceMeshControlPlane"),
    "Google": Marks(labels=BY_ISTIOCTL, image="gcr.io/gke-release/asm/pilot:1.29.2-asm.1"),
    "an unknown tool": Marks(),
}


def a_mesh(marks: Marks = ISTIOCTL, *, available: bool = True, **wanted: Any) -> tuple[JSON, ...]:
    """A control plane; `wanted` is what the lab's `ControlPlaneWanted` takes."""
    plane = ControlPlaneWanted(**{"version": "1.30.3", "mesh_id": "mesh-prod", "cluster_id": "prod-eu", **wanted})
    made = []
    for _, obj in control_plane_objects(plane):
        if obj["kind"] == "Deployment":
            made.append({**marks.on(obj), "status": AVAILABLE if available else {}})
        elif obj["kind"] != "Namespace":
            made.append(obj)
    return tuple(made)


def a_tag(tag: str, revision: str) -> JSON:
    """A revision tag: what `istioctl tag set` makes."""
    service = {"name": f"istiod-{revision}", "namespace": SYSTEM, "path": "/inject", "port": 443}
    labels = {"app": "sidecar-injector", "istio.io/tag": tag, "istio.io/rev": revision}
    hook = {"name": "rev.namespace.sidecar-injector.istio.io", "clientConfig": {"service": service}}
    hook |= {"admissionReviewVersions": ["v1"], "sideEffects": "None"}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": f"istio-revision-tag-{tag}", "labels": labels},
        "webhooks": [hook],
    }


@dataclass
class Istioctl:
    """istioctl of some version, over a foreign cluster: it renders as the lab's does, and counts what it is asked.

    `changed` may alter what it renders, as another release's charts would.
    """

    foreign: Foreign
    own_version: str = "1.31.0"
    issues: str = ""
    changed: Callable[[list[JSON]], list[JSON]] = field(default=lambda objects: objects)
    asked: list[str] = field(default_factory=list)
    installed: list[JSON] = field(default_factory=list)

    def version(self) -> str:
        self.asked.append("version")
        return self.own_version

    def precheck(self, *, istio_namespace: str) -> str:
        self.asked.append(f"precheck {istio_namespace}")
        if self.issues:
            raise ActionNeeded("MVM-221", self.issues)
        return "No issues found when checking the cluster."

    def manifest(self, operator_yaml: str, *, revision: str) -> str:
        self.asked.append("manifest")
        return yaml.safe_dump_all([*crd_objects()[:1], *self._rendered(operator_yaml, revision)])

    def install(
        self, operator_yaml: str, *, revision: str, log: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> None:
        self.asked.append("install")
        self.installed.append(yaml.safe_load(operator_yaml))
        for obj in self._rendered(operator_yaml, revision):
            available = {**ISTIOCTL.on(obj), "status": AVAILABLE} if obj["kind"] == "Deployment" else obj
            self.foreign.put(available)
        log("Installation complete")

    def _rendered(self, operator_yaml: str, revision: str) -> list[JSON]:
        document = yaml.safe_load(operator_yaml)
        spec = overlaid(document, (), "" if revision == "default" else revision)
        plane = control_plane_of(spec, self.own_version)
        assert plane is not None
        # The lab's namespace carries what its own documents say; istioctl leaves labels of namespaces alone.
        objects = [obj for _, obj in control_plane_objects(plane) if obj["kind"] != "Namespace"]
        objects += [obj for gateway in gateways_of(spec, self.own_version) for _, obj in gateway_objects(gateway)]
        return self.changed(json.loads(json.dumps(objects)))
