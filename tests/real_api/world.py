"""A test's own corner of the real API server: namespaces, kubeconfigs for several users, plans, runs of the engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshvm_tui.adapters.kubernetes_api import KubernetesCluster, connect
from meshvm_tui.events import Mode
from meshvm_tui.plan import Plan
from meshvm_tui.wiring import WiredConnections
from tests.conformance_api.driver import Driver
from tests.conformance_api.servers import Server
from tests.real_api.audit import Audit
from tests.real_api.istio_release import IstioRelease
from tests.whole.in_process import Ended, Engine

JSON = dict[str, Any]
ADMIN = "lab-admin"
SHARED_STEPS = (
    *("cluster-reachable", "control-plane", "eastwest-gateway", "gateway-address", "expose-istiod"),
    *("expose-services", "namespace", "service-account", "workload-group", "hello-world", "vm-service"),
)


@dataclass
class World:
    """One test's namespaces: `mesh` for Istio, `home` for the workload, `sample` for hello-world."""

    server: Server
    driver: Driver
    audit: Audit
    istio: IstioRelease
    folder: Path
    number: int
    tokens: dict[str, str]

    @property
    def mesh(self) -> str:
        return f"istio-{self.number}"

    @property
    def home(self) -> str:
        return f"vms-{self.number}"

    @property
    def sample(self) -> str:
        return f"sample-{self.number}"

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (self.mesh, self.home, self.sample)

    def kubeconfig(self, user: str = ADMIN) -> Path:
        """A kubeconfig whose only context is of this user."""
        file = self.folder / f"kubeconfig-{user}"
        token = self.server.token if user == ADMIN else self.tokens[user]
        cluster = {"server": self.server.url, "certificate-authority": str(self.server.ca_file)}
        document = {
            "current-context": user,
            "clusters": [{"name": "real", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": user, "context": {"cluster": "real", "user": user}}],
        }
        file.write_text(json.dumps(document))
        file.chmod(0o600)
        return file

    def plan(self, user: str = ADMIN, **parts: Any) -> Plan:
        """A plan for the shared steps, in this test's namespaces."""
        document: JSON = {
            "apiVersion": "meshvm-tui/v1",
            "kind": "OnboardingPlan",
            "cluster": {"kubeconfig": str(self.kubeconfig(user))},
            "mesh": {"istioNamespace": self.mesh},
            "gateway": {"exposeServices": True},
            "workload": {"namespace": self.home},
            "services": {"helloWorld": {"namespace": self.sample}, "httpServer": None},
        }
        return Plan.model_validate({**document, **{name: {**document.get(name, {}), **parts[name]} for name in parts}})

    def run(self, plan: Plan, mode: Mode = Mode.APPLY, *steps: str) -> Ended:
        """The engine over the real adapters: these steps, or all that belong to no machine."""
        connections = WiredConnections(read_only=mode is not Mode.APPLY)
        try:
            return Engine(plan, self.folder / "files", connections).run(mode, *(steps or SHARED_STEPS))
        finally:
            connections.close()

    def cluster(self, user: str = ADMIN) -> KubernetesCluster:
        """The product's adapter; the caller closes it."""
        return KubernetesCluster(connect(str(self.kubeconfig(user))))

    def make_namespaces(self, *names: str) -> None:
        """These namespaces, by another tool."""
        for name in names:
            self.driver.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def install_istio(self) -> None:
        """Istio's control plane as its istioctl renders it, by istioctl's field manager. No istiod runs."""
        self.make_namespaces(self.mesh)
        self.put(self.istio.control_plane(self.mesh), "istio-operator")

    def put(self, objects: list[JSON], manager: str, namespace: str = "") -> None:
        """Server-side apply of another tool's objects, as `manager`."""
        for item in objects:
            path = f"{self.path(item, namespace)}/{item['metadata']['name']}"
            reply = self.driver.apply(path, item, manager)
            assert reply.code < 300, f"{path}: {reply.code} {reply.text}"

    def path(self, item: JSON, namespace: str = "") -> str:
        """The collection of an object."""
        version, kind = item["apiVersion"], item["kind"]
        plural = f"{kind}s"
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        place = namespace or item["metadata"].get("namespace", "")
        cluster_wide = kind.startswith("Cluster") or kind in ("Namespace", "CustomResourceDefinition")
        return f"{root}/{plural.lower()}" if cluster_wide else f"{root}/namespaces/{place}/{plural.lower()}"

    def live(self, path: str) -> JSON:
        """An object as the server has it."""
        found: JSON = self.driver.ok("GET", path)
        return found

    def istio_object(self, plural: str, name: str, namespace: str) -> JSON:
        """One of Istio's networking objects."""
        return self.live(f"/apis/networking.istio.io/v1/namespaces/{namespace}/{plural}/{name}")


def managers(item: JSON) -> set[str]:
    """Who owns fields of an object, and how."""
    return {f"{entry['manager']}:{entry['operation']}" for entry in item["metadata"]["managedFields"]}
