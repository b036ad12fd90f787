"""What every namespace gets, and what the mesh's owner wants: ServiceAccount, root certificate, strictness."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.lab.mesh import world

if TYPE_CHECKING:
    from meshvm_tui.lab.objects import Objects

ROOT_CERT = "istio-ca-root-cert"
KUBE_CONTROLLER = "kube-controller-manager"
ISTIOD = "pilot-discovery"
UNTOUCHED = frozenset({"kube-system", "kube-public", "kube-node-lease"})  # istiod writes nothing there


class NamespaceContents:
    """The `default` ServiceAccount, and `istio-ca-root-cert` as long as an istiod runs."""

    keys: Sequence[str] = (world.NAMESPACES, world.CONFIG_MAPS, world.SERVICE_ACCOUNTS, world.DEPLOYMENTS)
    tick = 0.0

    def __init__(self, objects: Objects, root_pem: str) -> None:
        self._objects = objects
        self._root_pem = root_pem

    def reconcile(self) -> None:
        """Creates what is missing and mends a changed root certificate."""
        serving = world.serving(self._objects) is not None
        for namespace in self._objects.list(world.NAMESPACES):
            if namespace["metadata"].get("deletionTimestamp"):
                continue
            name = namespace["metadata"]["name"]
            if self._objects.get(world.SERVICE_ACCOUNTS, name, "default") is None:
                account = _named("v1", "ServiceAccount", name, "default")
                self._objects.create(world.SERVICE_ACCOUNTS, account, KUBE_CONTROLLER)
            if serving and name not in UNTOUCHED:
                self._root_certificate(name)

    def _root_certificate(self, namespace: str) -> None:
        data = {"root-cert.pem": self._root_pem}
        found = self._objects.get(world.CONFIG_MAPS, namespace, ROOT_CERT)
        if found is None:
            made = _named("v1", "ConfigMap", namespace, ROOT_CERT)
            made["metadata"]["labels"] = {"istio.io/config": "true"}
            self._objects.create(world.CONFIG_MAPS, {**made, "data": data}, ISTIOD)
        elif found.get("data") != data:
            self._objects.patch(world.CONFIG_MAPS, namespace, ROOT_CERT, {"data": data}, ISTIOD)


class WebhookBundles:
    """istiod's part of its webhooks: the certificate authority by which the API server knows it."""

    keys: Sequence[str] = (world.WEBHOOKS, world.VALIDATORS, world.DEPLOYMENTS)
    tick = 0.0

    def __init__(self, objects: Objects, root_pem: str) -> None:
        self._objects = objects
        self._bundle = base64.b64encode(root_pem.encode()).decode()

    def reconcile(self) -> None:
        """Fills in the bundle of every webhook whose istiod is available."""
        serving = {(plane.namespace, plane.service) for plane in world.control_planes(self._objects) if plane.available}
        for key in (world.WEBHOOKS, world.VALIDATORS):
            for configuration in self._objects.list(key):
                hooks = configuration.get("webhooks") or []
                for hook in hooks:
                    service = hook["clientConfig"].get("service") or {}
                    if (service.get("namespace"), service.get("name")) in serving:
                        hook["clientConfig"]["caBundle"] = self._bundle
                name = configuration["metadata"]["name"]
                self._objects.patch(key, "", name, {"webhooks": hooks}, ISTIOD)


class StrictPolicy:
    """The policy of the lab's owner: once, after Istio was installed, the whole mesh is made STRICT."""

    keys: Sequence[str] = (world.DEPLOYMENTS,)
    tick = 0.0

    def __init__(self, objects: Objects, marker: Path) -> None:
        self._objects = objects
        self._marker = marker

    def reconcile(self) -> None:
        """Creates the PeerAuthentication the first time an istiod is available."""
        plane = world.serving(self._objects)
        if plane is None or self._marker.exists():
            return
        if self._objects.get(world.PEER_AUTHENTICATIONS, plane.namespace, "default") is None:
            policy = _named("security.istio.io/v1", "PeerAuthentication", plane.namespace, "default")
            self._objects.create(world.PEER_AUTHENTICATIONS, {**policy, "spec": {"mtls": {"mode": "STRICT"}}}, "lab")
        self._marker.touch(mode=0o600)


def _named(api_version: str, kind: str, namespace: str, name: str) -> world.JSON:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}
