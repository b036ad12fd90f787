"""A mesh without API server and VMs: objects, controllers, istiod, and agents that run in folders."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshvm_tui.lab.addresses import Addresses
from meshvm_tui.lab.authority import Authority
from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.faults import Faults
from meshvm_tui.lab.mesh import world
from meshvm_tui.lab.mesh.installation import ControlPlaneWanted, GatewayWanted, gateway_objects
from meshvm_tui.lab.mesh.mesh import Ground, Mesh
from meshvm_tui.lab.objects import Objects
from meshvm_tui.lab.tokens import Tokens

JSON = dict[str, Any]
PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = 15.0
NAMESPACE, GROUP, ACCOUNT = "vm-namespace", "hello-vm", "vm-sa"
PORTS = (
    {"name": "status-port", "port": 15021, "targetPort": 15021},
    {"name": "tls-istiod", "port": 15012, "targetPort": 15012},
)


def run(story: Coroutine[Any, Any, None]) -> None:
    """Runs one story to its end."""
    asyncio.run(asyncio.wait_for(story, 60))


async def eventually(look: Callable[[], Any], what: str) -> Any:
    """Waits until something is true, and gives it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while not (found := look()):
        assert loop.time() < end, f"never: {what}"
        await asyncio.sleep(0.01)
    return found


@dataclass
class World:
    """The parts that a test looks at."""

    state: Path
    objects: Objects
    addresses: Addresses
    tokens: Tokens
    clock: Clock
    faults: Faults
    mesh: Mesh
    root_pem: str
    agents: list[Agent] = field(default_factory=list)

    def entry(self, namespace: str = NAMESPACE) -> JSON | None:
        """The only WorkloadEntry."""
        found = self.objects.list(world.WORKLOAD_ENTRIES, namespace)
        return found[0] if found else None

    def istiod_log(self) -> str:
        """What istiod has said."""
        for pod in self.objects.list(world.PODS, "istio-system"):
            if pod["metadata"]["labels"]["app"] == "istiod":
                return self.mesh.pod_log("istio-system", pod["metadata"]["name"], "discovery")
        return ""

    def gateway_address(self) -> str:
        """Where the east-west gateway is."""
        service = self.objects.get(world.SERVICES, "istio-system", "istio-eastwestgateway")
        return world.load_balancer_address(service or {})

    async def with_gateway(self, *, exposed: bool = True) -> World:
        """Istio installed, its gateway up, and istiod exposed."""
        self.mesh.install_istio(ControlPlaneWanted(version="1.30.3", mesh_id="mesh1", cluster_id="Kubernetes"))
        labels = {"istio": "eastwestgateway", "app": "istio-eastwestgateway"}
        wanted = GatewayWanted("istio-eastwestgateway", "istio-system", "1.30.3", labels=labels, ports=PORTS)
        for key, obj in gateway_objects(wanted):
            self.objects.create(key, obj)
        if exposed:
            self.expose()
        await eventually(lambda: self.gateway_address() and self.gateway_ready(), "the gateway")
        return self

    def gateway_ready(self) -> bool:
        """Whether its Deployment is Available."""
        found = self.objects.get(world.DEPLOYMENTS, "istio-system", "istio-eastwestgateway")
        return found is not None and world.available(found)

    def expose(self, host: str = "istiod.istio-system.svc.cluster.local", sni: str = "*") -> None:
        """Gateway and VirtualService for istiod."""
        server = {
            "port": {"number": 15012, "name": "tls-istiod", "protocol": "TLS"},
            "tls": {"mode": "PASSTHROUGH"},
            "hosts": ["*"],
        }
        match = {"port": 15012, "sniHosts": [sni]}
        route = {"destination": {"host": host, "port": {"number": 15012}}}
        self.make(
            "networking.istio.io/v1",
            "Gateway",
            "istiod-gateway",
            "istio-system",
            spec={"selector": {"istio": "eastwestgateway"}, "servers": [server]},
        )
        self.make(
            "networking.istio.io/v1",
            "VirtualService",
            "istiod-vs",
            "istio-system",
            spec={"hosts": ["*"], "gateways": ["istiod-gateway"], "tls": [{"match": [match], "route": [route]}]},
        )

    def make(self, api_version: str, kind: str, name: str, namespace: str = "", **rest: Any) -> JSON:
        """Creates an object."""
        group = api_version.rpartition("/")[0] or "core"
        meta = {"name": name} | ({"namespace": namespace} if namespace else {})
        plural = {"WorkloadEntry": "workloadentries", "PeerAuthentication": "peerauthentications"}.get(
            kind, f"{kind.lower()}s"
        )
        obj = {"apiVersion": api_version, "kind": kind, "metadata": meta | rest.pop("metadata", {}), **rest}
        return self.objects.create(f"{group}/{plural}", obj)

    def workload(self, **spec: Any) -> None:
        """Namespace, ServiceAccount and WorkloadGroup of the VM."""
        self.make("v1", "Namespace", NAMESPACE)
        self.make("v1", "ServiceAccount", ACCOUNT, NAMESPACE)
        group = {
            "metadata": {"labels": {"app": GROUP}},
            "template": {"serviceAccount": ACCOUNT, "ports": {"http": 8080}},
        }
        self.make("networking.istio.io/v1", "WorkloadGroup", GROUP, NAMESPACE, spec=group | spec)

    def token(self, account: str = ACCOUNT, audience: str = "istio-ca", seconds: float = 3600) -> str:
        """A token of an account."""
        found = self.objects.get(world.SERVICE_ACCOUNTS, NAMESPACE, account)
        assert found is not None
        return self.tokens.mint(NAMESPACE, account, found["metadata"]["uid"], [audience], seconds)[0]

    def vm(self, name: str = "vm-1") -> Agent:
        """A VM's files as the product would have placed them."""
        agent = Agent(self.state / name, self.addresses.take(f"vm/{name}"))
        agent.environment = {
            "POD_NAMESPACE": NAMESPACE,
            "ISTIO_NAMESPACE": NAMESPACE,
            "SERVICE_ACCOUNT": ACCOUNT,
            "TRUST_DOMAIN": "cluster.local",
            "POD_NAME": name,
            "CA_ADDR": "istiod.istio-system.svc:15012",
            "ISTIO_META_AUTO_REGISTER_GROUP": GROUP,
            "ISTIO_META_CLUSTER_ID": "Kubernetes",
            "ISTIO_META_DNS_CAPTURE": "true",
            "ISTIO_META_NETWORK": "",
            "ISTIO_METAJSON_LABELS": '{"app":"hello-vm"}',
            "ISTIO_INBOUND_PORTS": "8080",
            "ISTIO_LOCAL_EXCLUDE_PORTS": "22,15090,15021,15020",
            "ISTIO_SERVICE_CIDR": "*",
            "MESHVM_LAB_ADDRESS": agent.address,
        }
        agent.write("etc/certs/root-cert.pem", self.root_pem)
        agent.write("var/run/secrets/tokens/istio-token", self.token())
        agent.write("etc/hosts", f"127.0.0.1 localhost\n{self.gateway_address()} istiod.istio-system.svc\n")
        mesh = "defaultConfig:\n  discoveryAddress: istiod.istio-system.svc:15012\n"
        agent.write("etc/istio/config/mesh", mesh)
        self.agents.append(agent)
        return agent


class Agent:
    """The pretend pilot-agent with a folder for its `/`."""

    def __init__(self, root: Path, address: str) -> None:
        self.root = root
        self.address = address
        self.environment: dict[str, str] = {}
        self.process: asyncio.subprocess.Process | None = None

    def write(self, path: str, text: str) -> None:
        """Writes one of its files."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    async def start(self, **changed: str) -> Agent:
        """Starts the agent, with some variables changed; "-" removes one."""
        environment = {**self.environment, **changed}
        environment = {name: value for name, value in environment.items() if value != "-"}
        with (self.root / "istio.log").open("ab") as log, (self.root / "istio.err.log").open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "meshvm_tui.lab.mesh.agent",
                "proxy",
                "sidecar",
                cwd=self.root,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=errors,
            )
        return self

    async def stop(self) -> int:
        """Ends it as systemd would."""
        if self.process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        code = await self.process.wait()
        self.process = None
        return code

    def log(self) -> str:
        """Everything it has logged."""
        path = self.root / "istio.log"
        return path.read_text(encoding="utf-8") + path.with_name("istio.err.log").read_text(encoding="utf-8")

    async def says(self, words: str) -> str:
        """Waits for words in its log."""
        try:
            await eventually(lambda: words in self.log(), words)
        except AssertionError:
            raise AssertionError(f"{words!r} was never said; this was:\n{self.log()}") from None
        return self.log()


@asynccontextmanager
async def mesh_world(
    state: Path, *, grace: float = 0.3, seed: int = 0, faults: Mapping[str, str] | None = None
) -> AsyncIterator[World]:
    """Starts a mesh and takes it down, with every agent that the test has made."""
    clock, objects = Clock(), Objects()
    addresses = Addresses(state, seed)
    authority = Authority(state / "mesh-ca", name="cluster.local", clock=clock)

    def uid(namespace: str, name: str) -> str | None:
        found = objects.get(world.SERVICE_ACCOUNTS, namespace, name)
        return found["metadata"]["uid"] if found else None

    tokens = Tokens(state / "tokens", clock, account_uid=uid)
    switches = Faults()
    for name, value in (faults or {}).items():
        switches.set(name, value)
    ground = Ground(state, objects, addresses, authority, tokens, clock, switches)
    mesh = Mesh(ground, seed=seed, grace=grace)
    found = World(state, objects, addresses, tokens, clock, switches, mesh, authority.root_pem)
    await mesh.start()
    try:
        yield found
    finally:
        for agent in found.agents:
            await agent.stop()
        await mesh.stop()
        addresses.close()
