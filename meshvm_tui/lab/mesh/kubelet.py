"""Runs Pods without running anything on this computer: states, logs, sockets, and the requests of curl Pods."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.lab.cluster_api.errors import ApiError
from meshvm_tui.lab.mesh import pod_status, world
from meshvm_tui.lab.mesh.cluster_events import ClusterEvents
from meshvm_tui.lab.mesh.curl_command import CurlResult, NotCurl, parse
from meshvm_tui.lab.mesh.dataplane import Identity, InboundProxy
from meshvm_tui.lab.mesh.pacing import Pacing
from meshvm_tui.lab.mesh.pod_curl import PodCurl, Sender
from meshvm_tui.lab.mesh.sockets import Sockets
from meshvm_tui.lab.mesh.view import spiffe_id

if TYPE_CHECKING:
    from meshvm_tui.lab.addresses import Addresses
    from meshvm_tui.lab.authority import Authority
    from meshvm_tui.lab.clock import Clock
    from meshvm_tui.lab.faults import Faults
    from meshvm_tui.lab.objects import Objects

ACTOR = "kubelet"
NODE = "lab-node"
LOG_LINES = 2000
ISTIO_IMAGES = ("/pilot:", "/proxyv2:", "/pilot@", "/proxyv2@")
IMAGE_PULL = "image-pull"
PULL_RETRY = 0.3
SIDECAR_CRASH = "sidecar-crash"
PROXY = "istio-proxy"
UNPULLABLE = "auto"  # a gateway's image before injection


class Kubelet:
    """One node for every Pod."""

    keys: Sequence[str] = (world.PODS,)
    tick = 0.0

    def __init__(
        self,
        *,
        objects: Objects,
        addresses: Addresses,
        authority: Authority,
        clock: Clock,
        sockets: Sockets,
        curl: PodCurl,
        faults: Faults,
        events: ClusterEvents,
        pacing: Pacing,
        folder: Path,
    ) -> None:
        self._objects = objects
        self._addresses = addresses
        self._authority = authority
        self._clock = clock
        self._sockets = sockets
        self._curl = curl
        self._faults = faults
        self._events = events
        self._pacing = pacing
        self._folder = folder
        self._running: dict[str, tuple[tuple[str, str], asyncio.Task[None]]] = {}
        self._logs: dict[tuple[str, str, str], deque[str]] = defaultdict(lambda: deque(maxlen=LOG_LINES))
        shutil.rmtree(folder, ignore_errors=True)

    def reconcile(self) -> None:
        """Starts what is new and ends what is to go."""
        living = set()
        for pod in self._objects.list(world.PODS):
            uid, key = pod["metadata"]["uid"], (pod["metadata"]["namespace"], pod["metadata"]["name"])
            if pod["metadata"].get("deletionTimestamp"):
                self._end(uid)
                self._objects.delete(world.PODS, *key)
                continue
            living.add(uid)
            if uid not in self._running:
                self._running[uid] = (key, asyncio.create_task(self._run(pod)))
        for uid in set(self._running) - living:
            self._end(uid)

    async def stop(self) -> None:
        """Ends every Pod's work; the objects stay as they are."""
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sockets.close_all()
        shutil.rmtree(self._folder, ignore_errors=True)

    def log(self, namespace: str, name: str, container: str) -> str:
        """A container's log."""
        return "".join(f"{line}\n" for line in self._logs.get((namespace, name, container), ()))

    def write_log(self, namespace: str, name: str, container: str, line: str) -> None:
        """Appends a line to a container's log."""
        self._logs[(namespace, name, container)].append(line)

    def _end(self, uid: str) -> None:
        found = self._running.pop(uid, None)
        if found is None:
            return
        (namespace, name), task = found
        task.cancel()
        self._sockets.close(namespace, name)
        self._addresses.release(_role(namespace, name))
        shutil.rmtree(self._folder / uid, ignore_errors=True)
        for key in [key for key in self._logs if key[:2] == (namespace, name)]:
            del self._logs[key]

    async def _run(self, pod: world.JSON) -> None:
        if (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
            return
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        await self._pacing.pause(0.02, 0.1)
        with contextlib.suppress(ApiError):
            self._objects.patch(world.PODS, namespace, name, {"spec": {"nodeName": NODE}}, "kube-scheduler")
        self._event(pod, "Normal", "Scheduled", f"Successfully assigned {namespace}/{name} to {NODE}")
        await self._pull(pod)
        await self._wait_for_sidecar(pod)
        main = pod["spec"]["containers"][0]
        address = self._addresses.take_pod(_role(namespace, name))
        command = list(main.get("command") or [])
        istio = _of_istio(main.get("image", ""))
        identity = self._identity(pod) if world.injected(pod) and not istio else None
        ports = () if command or istio else _container_ports(pod)
        await self._sockets.open(
            namespace,
            name,
            address,
            ports=ports,
            log=lambda line: self.write_log(namespace, name, main["name"], f"{self._clock.timestamp()} {line}"),
            proxy=self._proxy(pod, identity) if identity else None,
        )
        started = self._clock.timestamp()
        self._event(pod, "Normal", "Started", f"Started container {main['name']}")
        if not command or istio:
            self._tell(pod, pod_status.running(pod, address, started))
            return
        await self._command(pod, command, Sender(namespace, name, identity), pod_status.Place(address, started))

    async def _pull(self, pod: world.JSON) -> None:
        """Waits as long as an image cannot be pulled; says so once."""
        images = [one.get("image", "") for one in pod["spec"]["containers"]]
        told = False
        while image := next((one for one in images if self._unpullable(one)), ""):
            if not told:
                told = True
                words = f'Failed to pull image "{image}": failed to resolve reference "{image}": not found'
                self._event(pod, "Warning", "Failed", words)
                self._tell(pod, pod_status.waiting(pod, "ErrImagePull", words))
            await asyncio.sleep(PULL_RETRY)

    async def _wait_for_sidecar(self, pod: world.JSON) -> None:
        """While the fault is on, what prepares for the sidecar fails again and again."""
        told = False
        while self._faults.active(SIDECAR_CRASH) and pod["spec"].get("initContainers"):
            if not told:
                told = True
                words = self._faults.value(SIDECAR_CRASH) or "iptables-restore: unable to initialize table 'nat'"
                self._tell(pod, pod_status.crashing(pod, words))
            await asyncio.sleep(PULL_RETRY)

    def _unpullable(self, image: str) -> bool:
        return image == UNPULLABLE or (
            self._faults.active(IMAGE_PULL) and self._faults.value(IMAGE_PULL) in image and not _of_istio(image)
        )

    def _event(self, pod: world.JSON, kind: str, reason: str, message: str) -> None:
        with contextlib.suppress(ApiError):  # its namespace may be on its way out
            self._events.tell(pod, kind, reason, message, ACTOR)

    async def _command(self, pod: world.JSON, command: list[str], sender: Sender, place: pod_status.Place) -> None:
        main = pod["spec"]["containers"][0]["name"]
        try:
            request = parse([*command, *(pod["spec"]["containers"][0].get("args") or [])])
        except NotCurl as error:
            self._tell(pod, pod_status.start_error(pod, place, str(error)))
            return
        self._tell(pod, pod_status.running(pod, place.address, place.started))

        def access_log(line: str) -> None:
            self.write_log(sender.namespace, sender.name, PROXY, line)

        result: CurlResult = await self._curl.run(request, sender, access_log)
        for line in result.output(request).splitlines():
            self.write_log(sender.namespace, sender.name, main, line)
        self._tell(pod, pod_status.terminated(pod, place, result.exit_code, self._clock.timestamp()))

    def _identity(self, pod: world.JSON) -> Identity:
        plane = world.serving(self._objects)
        domain = plane.trust_domain if plane else "cluster.local"
        account = pod["spec"].get("serviceAccountName") or "default"
        uri = spiffe_id(domain, pod["metadata"]["namespace"], account)
        chain, key = self._authority.issue("", uris=[uri])
        folder = self._folder / pod["metadata"]["uid"]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        identity = Identity(folder / "cert-chain.pem", folder / "key.pem", folder / "root-cert.pem")
        for path, text in ((identity.chain, chain), (identity.key, key), (identity.root, self._authority.root_pem)):
            path.touch(mode=0o600)
            path.write_text(text, encoding="ascii")
        return identity

    def _proxy(self, pod: world.JSON, identity: Identity) -> InboundProxy:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        labels = pod["metadata"].get("labels") or {}

        def strict(_: int) -> bool:
            plane = world.serving(self._objects)
            return world.strict(self._objects, namespace, labels, plane.namespace if plane else "istio-system")

        def app(port: int) -> tuple[str, int]:
            address = pod_status.address_of(self._objects.get(world.PODS, namespace, name))
            return self._sockets.app(namespace, name, port) or (address, port)

        return InboundProxy(lambda: identity, lambda _: True, strict, app)

    def _tell(self, pod: world.JSON, status: world.JSON) -> None:
        with contextlib.suppress(ApiError):  # the Pod may have been deleted meanwhile
            meta = pod["metadata"]
            self._objects.patch(world.PODS, meta["namespace"], meta["name"], {"status": status}, ACTOR, "status")


def _of_istio(image: str) -> bool:
    return any(mark in image for mark in ISTIO_IMAGES)


def _container_ports(pod: world.JSON) -> list[int]:
    return [
        int(port["containerPort"])
        for container in pod["spec"]["containers"]
        if container["name"] != "istio-proxy"
        for port in container.get("ports") or []
    ]


def _role(namespace: str, name: str) -> str:
    return f"pod/{namespace}/{name}"
