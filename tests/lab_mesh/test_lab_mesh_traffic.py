"""Requests that really cross the sockets: VM to Pod, Pod to VM, with mutual TLS, without it, and through a firewall."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.lab_mesh.worlds import NAMESPACE, Agent, World, eventually, mesh_world, run

FORMAT = "%{http_code} %{time_total} %{remote_ip}\\n"
VM_URL = "http://hello-vm.vm-namespace"


class VmServer:
    """The HTTP server of a VM: answers, and remembers who asked for what."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(3)
        if head != b"GET":  # TLS, which this server does not speak
            writer.close()
            return
        head += await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.split(b"\r\n", 1)[0].decode())
        writer.write(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def whole_lab(state: Path, **more: Any) -> AsyncIterator[tuple[World, Agent, VmServer]]:
    """One VM that serves 8080, hello-world in the cluster, and a Service for each."""
    async with mesh_world(state, **more) as lab:
        await lab.with_gateway()
        lab.workload()
        agent = await lab.vm().start()
        server = VmServer()
        listening = await asyncio.start_server(server.serve, agent.address, 8080)
        ports = [{"name": "http", "port": 80, "targetPort": 8080}]
        lab.make("v1", "Service", "hello-vm", NAMESPACE, spec={"selector": {"app": "hello-vm"}, "ports": ports})
        _hello_world(lab)
        await agent.says("Envoy proxy is ready")
        await eventually(lambda: _available(lab), "hello-world")
        try:
            yield lab, agent, server
        finally:
            listening.close()


def _hello_world(lab: World) -> None:
    labels = {"app": "hello-world"}
    container = {"name": "app", "image": "hello-world:1", "ports": [{"containerPort": 3000}]}
    template = {
        "metadata": {"labels": {**labels, "sidecar.istio.io/inject": "true"}},
        "spec": {"containers": [container]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    lab.make("apps/v1", "Deployment", "hello-world", "default", spec=spec)
    ports = [{"name": "http", "port": 80, "targetPort": 3000}]
    lab.make("v1", "Service", "hello-world", "default", spec={"selector": labels, "ports": ports})


def _available(lab: World) -> bool:
    found = lab.objects.get("apps/deployments", "default", "hello-world") or {}
    return bool((found.get("status") or {}).get("availableReplicas"))


async def curl_pod(lab: World, url: str, *, injected: bool, name: str = "meshvm-curl-x") -> tuple[int, str]:
    """Runs a curl Pod to its end: exit code and log."""
    command = ["curl", "-sS", "-o", "/dev/null", "-w", FORMAT, "--max-time", "10", url]
    lab.make(
        "v1",
        "Pod",
        name,
        "default",
        metadata={"labels": {"sidecar.istio.io/inject": "true" if injected else "false"}},
        spec={"restartPolicy": "Never", "containers": [{"name": "curl", "image": "curl", "command": command}]},
    )

    def ended() -> dict[str, Any] | None:
        pod = lab.objects.get("core/pods", "default", name) or {}
        statuses = (pod.get("status") or {}).get("containerStatuses") or [{}]
        found: dict[str, Any] | None = (statuses[0].get("state") or {}).get("terminated")
        return found

    state = await eventually(ended, "the Pod's end")
    assert state is not None
    log = lab.mesh.pod_log("default", name, "curl")
    lab.objects.delete("core/pods", "default", name)
    return int(state["exitCode"]), log


async def vm_request(agent: Agent, host: str, target: str = "/") -> str:
    """One request of an application on the VM, through its sidecar."""
    reader, writer = await asyncio.open_connection(agent.address, 15001)
    writer.write(f"CONNECT {host}:80\nGET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
    await writer.drain()
    answer = (await reader.read()).decode()
    writer.close()
    return answer


def test_both_ways_with_mutual_tls(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole_lab(tmp_path) as (lab, agent, server):
            answer = await vm_request(agent, "hello-world.default", "/?id=abc123")
            assert answer.startswith("HTTP/1.1 200")
            assert "Hello World" in answer
            pods = [pod["metadata"]["name"] for pod in lab.objects.list("core/pods", "default")]
            assert "id=abc123" in lab.mesh.pod_log("default", pods[0], "app")
            names = (agent.root / "run/meshvm-agent/names.json").read_text(encoding="utf-8")
            assert '"hello-world.default.svc.cluster.local"' in names
            assert '"hello-vm"' in names

            code, log = await curl_pod(lab, f"{VM_URL}?id=def456", injected=True)
            address = (lab.objects.get("core/services", NAMESPACE, "hello-vm") or {})["spec"]["clusterIP"]
            assert (code, log.split()[0], log.split()[2]) == (0, "200", address)
            assert server.requests == ["GET /?id=def456 HTTP/1.1"]

    run(story())


def test_strict_means_that_plaintext_gets_nowhere(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole_lab(tmp_path) as (lab, agent, server):
            code, log = await curl_pod(lab, VM_URL, injected=False)
            assert code == 7
            assert log.startswith("000 ")
            code, log = await curl_pod(lab, f"http://{agent.address}:8080", injected=False)
            assert code == 56
            assert "Connection reset by peer" in log
            lab.objects.patch(
                "security.istio.io/peerauthentications",
                "istio-system",
                "default",
                {"spec": {"mtls": {"mode": "PERMISSIVE"}}},
            )
            await eventually(
                lambda: '"strict": false' in (agent.root / "run/meshvm-agent/names.json").read_text(encoding="utf-8"),
                "the push",
            )
            code, log = await curl_pod(lab, f"http://{agent.address}:8080", injected=False)
            assert (code, log[:3]) == (0, "200")
            assert len(server.requests) == 1

    run(story())


def test_a_closed_firewall_stops_pods_and_not_the_vm(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole_lab(tmp_path) as (lab, agent, server):
            lab.faults.set("firewall-closed")
            code, log = await curl_pod(lab, VM_URL, injected=True)
            assert (code, log[:3]) == (0, "503")
            code, log = await curl_pod(lab, f"http://{agent.address}:8080", injected=False)
            assert code == 28
            assert "timed out after 10000 milliseconds" in log
            assert server.requests == []
            assert (await vm_request(agent, "hello-world.default")).startswith("HTTP/1.1 200")

    run(story())


def test_a_dead_server_a_dead_sidecar_and_an_uncaptured_port(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole_lab(tmp_path, grace=30.0) as (lab, agent, server):
            lab.objects.patch(
                "core/services",
                NAMESPACE,
                "hello-vm",
                {
                    "spec": {
                        "ports": [
                            {"name": "http", "port": 80, "targetPort": 8080},
                            {"name": "other", "port": 81, "targetPort": 9999},
                        ]
                    }
                },
            )
            code, log = await curl_pod(lab, f"{VM_URL}:81", injected=True)
            assert (code, log[:3]) == (0, "503")
            await agent.stop()
            code, log = await curl_pod(lab, VM_URL, injected=True)
            assert (code, log[:3]) == (0, "503")
            await agent.start(ISTIO_INBOUND_PORTS="9999")
            await eventually(lambda: agent.log().count("Envoy proxy is ready") == 2, "the second start")
            code, log = await curl_pod(lab, VM_URL, injected=True)
            assert (code, log[:3]) == (0, "503")
            assert server.requests == []

    run(story())


def test_what_the_sidecar_cannot_reach_is_503(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole_lab(tmp_path) as (lab, agent, _):
            lab.objects.patch("apps/deployments", "default", "hello-world", {"spec": {"replicas": 0}})
            await eventually(lambda: not lab.objects.list("core/pods", "default"), "no Pods")

            async def refused() -> bool:
                return "no healthy upstream" in await vm_request(agent, "hello-world.default")

            while not await refused():
                await asyncio.sleep(0.02)
            assert (await vm_request(agent, "nowhere.default")).startswith("HTTP/1.1 503")

    run(story())


def test_a_command_that_is_not_curl_is_never_run(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            target = tmp_path / "touched"
            container = {"name": "sh", "image": "busybox", "command": ["touch", str(target)]}
            lab.make("v1", "Pod", "p", "default", spec={"restartPolicy": "Never", "containers": [container]})

            def state() -> dict[str, Any]:
                pod = lab.objects.get("core/pods", "default", "p") or {}
                found: dict[str, Any] = ((pod.get("status") or {}).get("containerStatuses") or [{}])[0].get(
                    "state"
                ) or {}
                return found

            await eventually(lambda: "terminated" in state(), "the end")
            assert state()["terminated"]["reason"] == "StartError"
            assert state()["terminated"]["exitCode"] == 128
            assert not target.exists()

    run(story())
