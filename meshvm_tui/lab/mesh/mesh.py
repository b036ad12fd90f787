"""The lab's mesh, whole: controllers, Pods, istiod and its gateway, put together and started in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.lab.cluster_api.istio_crds import crd_objects
from meshvm_tui.lab.mesh import world
from meshvm_tui.lab.mesh.cluster_events import ClusterEvents
from meshvm_tui.lab.mesh.controllers import Controller, Controllers
from meshvm_tui.lab.mesh.deployments import Deployments
from meshvm_tui.lab.mesh.endpoints import ServiceEndpoints
from meshvm_tui.lab.mesh.front import GatewayFront
from meshvm_tui.lab.mesh.impostor import Impostor
from meshvm_tui.lab.mesh.injection import inject
from meshvm_tui.lab.mesh.installation import ControlPlaneWanted, control_plane_objects
from meshvm_tui.lab.mesh.istiod import Istiod
from meshvm_tui.lab.mesh.kubelet import NODE, Kubelet
from meshvm_tui.lab.mesh.load_balancers import LoadBalancers
from meshvm_tui.lab.mesh.namespaces import NamespaceContents, StrictPolicy, WebhookBundles
from meshvm_tui.lab.mesh.ownership import GarbageCollector
from meshvm_tui.lab.mesh.pacing import Pacing
from meshvm_tui.lab.mesh.pod_curl import PodCurl
from meshvm_tui.lab.mesh.registration import Registrar
from meshvm_tui.lab.mesh.signing import Signer
from meshvm_tui.lab.mesh.sockets import Sockets

if TYPE_CHECKING:
    from meshvm_tui.lab.addresses import Addresses
    from meshvm_tui.lab.authority import Authority
    from meshvm_tui.lab.clock import Clock
    from meshvm_tui.lab.faults import Faults
    from meshvm_tui.lab.objects import Objects
    from meshvm_tui.lab.tokens import Tokens

WEBHOOK_UNREACHABLE = "webhook-unreachable"
GRACE_SECONDS = 10.0  # istiod's own default


@dataclass(frozen=True)
class Ground:
    """What the mesh stands on. `authority` is the mesh's CA, not the API server's.

    `drops(source, address, port)` says what a firewall throws away of what Pods send to VMs."""

    state: Path
    objects: Objects
    addresses: Addresses
    authority: Authority
    tokens: Tokens
    clock: Clock
    faults: Faults
    drops: Callable[[str, str, int], bool] = lambda source, address, port: False


class Mesh:
    """Everything that acts in the lab's cluster. `grace` is in seconds; `seed` decides delays and orders."""

    def __init__(self, ground: Ground, *, seed: int = 0, grace: float = GRACE_SECONDS) -> None:
        objects, clock = ground.objects, ground.clock
        self._objects = objects
        self._faults = ground.faults
        pacing = Pacing(seed)
        events = ClusterEvents(objects, clock)
        self.sockets = Sockets("127.0.0.1" if ground.addresses.single else "")
        curl = PodCurl(objects, self.sockets, ground.faults, self._trust_domain, clock.timestamp, drops=ground.drops)
        self._kubelet = Kubelet(
            objects=objects,
            addresses=ground.addresses,
            authority=ground.authority,
            clock=clock,
            sockets=self.sockets,
            curl=curl,
            faults=ground.faults,
            events=events,
            pacing=pacing,
            folder=ground.state / "pods",
        )
        self._registrar = Registrar(objects, clock, self._istiod_says, grace)
        self._istiod = Istiod(
            objects=objects,
            authority=ground.authority,
            clock=clock,
            signer=Signer(ground.authority, ground.tokens, ground.faults, self._istiod_says),
            registrar=self._registrar,
            sockets=self.sockets,
            folder=ground.state / "istiod",
            log=self._istiod_says,
        )
        self._front = GatewayFront(
            objects, self._istiod, Impostor(ground.faults, ground.state / "impostor"), self._istiod_says
        )
        loops: list[Controller] = [
            NamespaceContents(objects, ground.authority.root_pem),
            WebhookBundles(objects, ground.authority.root_pem),
            StrictPolicy(objects, ground.state / "istiod" / "strict"),
            Deployments(objects, events, clock, pacing),
            LoadBalancers(objects, ground.addresses, ground.faults, events, pacing),
            ServiceEndpoints(objects),
            GarbageCollector(objects),
            self._kubelet,
        ]
        self._controllers = Controllers(objects, loops, pacing, self._istiod_says)
        self._clock = clock

    async def start(self) -> None:
        """Starts everything; returns at once, the world settles by itself."""
        self._objects.mutate_pod = self.admit_pod
        if self._objects.get(world.NODES, "", NODE) is None:
            self._objects.create(world.NODES, {"metadata": {"name": NODE}})
        self._registrar.start()
        self._istiod.start()
        self._controllers.start()
        self._front.start()

    async def stop(self) -> None:
        """Ends everything; what was connected is marked as disconnected."""
        await self._front.stop()
        await self._controllers.stop()
        await self._kubelet.stop()
        await self._istiod.stop()
        await self._registrar.stop()

    def admit_pod(self, pod: world.JSON) -> world.JSON:
        """The sidecar injector's answer to a new Pod."""
        unreachable = ""
        if self._faults.active(WEBHOOK_UNREACHABLE):
            unreachable = self._faults.value(WEBHOOK_UNREACHABLE) or "context deadline exceeded"
        return inject(self._objects, pod, unreachable)

    def pod_log(self, namespace: str, name: str, container: str) -> str:
        """The log of a container, for the API server."""
        return self._kubelet.log(namespace, name, container)

    def install_istio(self, wanted: ControlPlaneWanted) -> None:
        """What somebody else has installed before the lab's story begins."""
        for definition in crd_objects():
            self._objects.serve(definition)
        for key, obj in control_plane_objects(wanted):
            meta = obj["metadata"]
            if self._objects.get(key, meta.get("namespace", ""), meta["name"]) is None:
                self._objects.create(key, obj, "istioctl")

    def _trust_domain(self) -> str:
        plane = world.serving(self._objects)
        return plane.trust_domain if plane else "cluster.local"

    def _istiod_says(self, line: str) -> None:
        scoped = line if line.startswith(("info\t", "warn\t", "error\t")) else f"info\twle\t{line}"
        for pod in self._objects.list(world.PODS):
            if (pod["metadata"].get("labels") or {}).get("app") == "istiod":
                place = (pod["metadata"]["namespace"], pod["metadata"]["name"], pod["spec"]["containers"][0]["name"])
                self._kubelet.write_log(*place, f"{self._clock.timestamp()}\t{scoped}")
