"""Which TLS connections to the gateway's 15012 reach an istiod, and which are refused or cut."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from meshvm_tui.lab.mesh.client_hello import NoClientHello, server_name
from meshvm_tui.lab.mesh.installation import ControlPlaneWanted
from tests.lab_mesh.worlds import PATIENCE, World, eventually, mesh_world, run

REVISIONED = ControlPlaneWanted(version="1.30.3", revision="blue", cluster_id="Kubernetes")


async def handshake(lab: World, name: str, root: str = "") -> str:
    """The outcome of a TLS handshake: the names in the certificate, or the error's name."""
    context = ssl.create_default_context(cadata=root or lab.root_pem)
    try:
        _, writer = await asyncio.open_connection(lab.gateway_address(), 15012, ssl=context, server_hostname=name)
    except (OSError, ssl.SSLError) as error:
        return type(error).__name__
    certificate = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return " ".join(value for _, value in certificate["subjectAltName"])


async def becomes(lab: World, name: str, outcome: str) -> None:
    """Waits until a handshake ends like this: listeners follow the cluster within a moment."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while (found := await handshake(lab, name)) != outcome:
        assert loop.time() < end, f"{name} stays {found}, wanted {outcome}"
        await asyncio.sleep(0.02)


def test_what_stands_between_a_client_and_istiod(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway(exposed=False)
            name = "istiod.istio-system.svc"
            await becomes(lab, name, "ConnectionResetError")
            lab.expose(host="istiod.elsewhere.svc.cluster.local")
            assert await handshake(lab, name) == "ConnectionResetError"
            lab.objects.delete("networking.istio.io/virtualservices", "istio-system", "istiod-vs")
            lab.objects.delete("networking.istio.io/gateways", "istio-system", "istiod-gateway")
            lab.expose(sni="istiod.istio-system.svc")
            assert name in await handshake(lab, name)
            assert await handshake(lab, "istiod-blue.istio-system.svc") == "ConnectionResetError"
            selector = {"spec": {"selector": {"istio": "ingressgateway"}}}
            lab.objects.patch("networking.istio.io/gateways", "istio-system", "istiod-gateway", selector)
            assert await handshake(lab, name) == "ConnectionResetError"
            lab.objects.delete("apps/deployments", "istio-system", "istio-eastwestgateway")
            await becomes(lab, name, "ConnectionRefusedError")

    run(story())


def test_a_revision_answers_to_its_own_name(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway(exposed=False)
            lab.mesh.install_istio(REVISIONED)
            lab.expose(host="istiod-blue.istio-system.svc.cluster.local", sni="istiod-blue.istio-system.svc")

            def ready() -> bool:
                found = lab.objects.get("apps/deployments", "istio-system", "istiod-blue") or {}
                return bool((found.get("status") or {}).get("availableReplicas"))

            await eventually(ready, "istiod-blue")
            names = await handshake(lab, "istiod-blue.istio-system.svc")
            assert "istiod-blue.istio-system.svc" in names.split()
            assert await handshake(lab, "istiod.istio-system.svc") == "ConnectionResetError"

    run(story())


def test_a_server_name_is_read_from_a_client_hello() -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    client = context.wrap_bio(incoming, outgoing, server_hostname="istiod.istio-system.svc")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    assert server_name(hello) == "istiod.istio-system.svc"
    for cut in (4, 40, 60):
        with pytest.raises(NoClientHello):
            server_name(hello[:cut])
