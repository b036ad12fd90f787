"""Which tool manages a mesh, by what it leaves on its objects; that tool alone may change the control plane.

The label app.kubernetes.io/managed-by proves nothing: istioctl renders Helm's charts since 1.24 and leaves the word
Helm in it. Helm itself adds annotations of the release to every object (`meta.helm.sh/release-name`), istioctl's
installer the label operator.istio.io/managed, owners stand in ownerReferences. Helm's release Secrets are not read:
they hold a release's values, which are nobody's business here, and say no more than the annotation.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshvm_tui.ports import Resource
from meshvm_tui.steps.istiod_deployment import discovery_container

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts

JSON = dict[str, Any]
ISTIOCTL, HELM, UNKNOWN = "istioctl", "Helm", "an unknown tool"
_DRIVERS = (
    ("Argo CD", "annotation", "argocd.argoproj.io/tracking-id"),
    ("Argo CD", "label", "argocd.argoproj.io/instance"),
    ("Flux", "label", "helm.toolkit.fluxcd.io/name"),
    ("Flux", "label", "kustomize.toolkit.fluxcd.io/name"),
)
_INSTALLERS = ((HELM, "annotation", "meta.helm.sh/release-name"), (ISTIOCTL, "label", "operator.istio.io/managed"))
_MANAGERS = {"argocd": "Argo CD", "kustomize-controller": "Flux", "helm-controller": "Flux"}
_GOOGLE_IMAGES = "gcr.io/gke-release/"
# What istioctl itself leaves where it installs (up to 1.23); every other IstioOperator is an operator's.
_ISTIOCTL_STATE = "installed-state"
_OWNER_KINDS: dict[str, str] = {
    "IstioOperator": "Istio's operator",
    "Istio": "the Sail operator",
    "IstioRevision": "the Sail operator",
    "ServiceMeshControlPlane": "OpenShift Service Mesh",
    "ControlPlaneRevision": "Google",
    "HelmRelease": "Flux",
    "Application": "Argo CD",
}
_CUSTOM_RESOURCES = (
    Resource("mesh.cloud.google.com", "v1beta1", "controlplanerevisions", "ControlPlaneRevision"),
    Resource("sailoperator.io", "v1", "istios", "Istio", namespaced=False),
    Resource("sailoperator.io", "v1", "istiorevisions", "IstioRevision", namespaced=False),
    Resource("maistra.io", "v2", "servicemeshcontrolplanes", "ServiceMeshControlPlane"),
    Resource("install.istio.io", "v1alpha1", "istiooperators", "IstioOperator"),
)


@dataclass(frozen=True)
class Manager:
    """A tool and what gives it away: a label, an annotation, an owner or an object, as it stands there.

    `name` is the mark's value: with Helm the release."""

    tool: str
    evidence: str = ""
    name: str = ""

    def words(self) -> str:
        """Both, for an operator."""
        return f"{self.tool} ({self.evidence})" if self.evidence else self.tool


def manager_of(deployment: Mapping[str, Any]) -> Manager:
    """Who manages istiod, by its own Deployment. Tools that drive others stand before those that they drive."""
    metadata = deployment.get("metadata") or {}
    image = str(discovery_container(dict(deployment)).get("image") or "")
    if image.startswith(_GOOGLE_IMAGES):
        return Manager("Google", f"image {image}")
    found = (_by_owner(metadata), _by_mark(metadata, _DRIVERS), _by_fields(metadata), _by_mark(metadata, _INSTALLERS))
    return next((manager for manager in found if manager), Manager(UNKNOWN))


def operators_of(ports: ReadPorts) -> tuple[Manager, ...]:
    """The tools whose own objects say that they make control planes in this cluster, whether one runs yet or not."""
    found = []
    # Asked for by discovery first: a right to list a kind that is not there is rarely given.
    for resource in filter(ports.cluster.serves, _CUSTOM_RESOURCES):
        for item in ports.cluster.list(resource):
            metadata = item.get("metadata") or {}
            name = str(metadata.get("name"))
            if resource.kind == "IstioOperator" and name.startswith(_ISTIOCTL_STATE):
                continue
            place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
            found.append(Manager(_OWNER_KINDS[resource.kind], f"{resource.kind} {place}{name}"))
    return tuple(found)


def how_to_set(manager: Manager, namespace: str, version: str, name: str, value: str) -> str:
    """How a variable of istiod is set with the tool that manages it; "" where kubectl is as good as any."""
    if manager.tool == HELM:
        release = ["helm", "upgrade", manager.name, "istio/istiod", "-n", namespace]
        pinned = ["--version", version] if version else []
        return shlex.join([*release, *pinned, "--reuse-values", "--set-string", f"pilot.env.{name}={value}"])
    if manager.tool in (ISTIOCTL, UNKNOWN):
        return ""
    return f"set values.pilot.env.{name}={value} where {manager.tool} takes its settings from"


def _by_owner(metadata: Mapping[str, Any]) -> Manager | None:
    for owner in metadata.get("ownerReferences") or ():
        tool = _OWNER_KINDS.get(str(owner.get("kind")), UNKNOWN)
        return Manager(tool, f"owner {owner.get('kind')} {owner.get('name')}")
    return None


def _by_mark(metadata: Mapping[str, Any], marks: tuple[tuple[str, str, str], ...]) -> Manager | None:
    for tool, place, key in marks:
        value = (metadata.get(f"{place}s") or {}).get(key)
        if value is not None:
            return Manager(tool, f"{place} {key}: {value}", str(value))
    return None


def _by_fields(metadata: Mapping[str, Any]) -> Manager | None:
    """A tool that leaves no mark of its own but the name under which it applies fields."""
    for entry in metadata.get("managedFields") or ():
        manager = str(entry.get("manager"))
        for start, tool in _MANAGERS.items():
            if manager.startswith(start):
                return Manager(tool, f"field manager {manager}")
    return None
