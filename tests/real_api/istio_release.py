"""The newest pinned release of Istio: its definitions, its samples, its control plane as its istioctl renders it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

JSON = dict[str, Any]
SYSTEM = "istio-system"
CLUSTER_ID, MESH_ID = "real-cluster", "real-mesh"
# Their server is istiod, which does not run here: the API server would wait for it at every write.
_NEEDS_ISTIOD = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


@dataclass(frozen=True)
class IstioRelease:
    """A release: its istioctl and the folder of its module."""

    version: str
    istioctl: Path
    module: Path

    def definitions(self) -> list[JSON]:
        """Istio's own CustomResourceDefinitions."""
        return _documents((self.module / "manifests/charts/base/files/crd-all.gen.yaml").read_text(encoding="utf-8"))

    def sample(self, name: str) -> list[JSON]:
        """The objects of a sample file."""
        return _documents((self.module / "samples" / name).read_text(encoding="utf-8"))

    def control_plane(self, namespace: str) -> list[JSON]:
        """What `istioctl install` would apply into a namespace, but for definitions and webhooks."""
        settings = (f"values.global.meshID={MESH_ID}", f"values.global.multiCluster.clusterName={CLUSTER_ID}")
        text = self._rendered(*(part for setting in settings for part in ("--set", setting)))
        made = _documents(text.replace(SYSTEM, namespace))
        return [item for item in made if item["kind"] not in (*_NEEDS_ISTIOD, "CustomResourceDefinition")]

    def eastwest_gateway(self, namespace: str) -> list[JSON]:
        """The guide's gateway: `gen-eastwest-gateway.sh --single-cluster`, rendered by istioctl."""
        script = self.module / "samples/multicluster/gen-eastwest-gateway.sh"
        operator = subprocess.run(
            ["bash", str(script), "--single-cluster"], capture_output=True, text=True, timeout=30, check=True
        )
        return _documents(self._rendered("-f", "-", given=operator.stdout).replace(SYSTEM, namespace))

    def _rendered(self, *arguments: str, given: str = "") -> str:
        return _run((str(self.istioctl), "manifest", "generate", *arguments), given)


@cache
def _run(command: tuple[str, ...], given: str) -> str:
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=True).stdout


def _documents(text: str) -> list[JSON]:
    return [item for item in yaml.safe_load_all(text) if item]
