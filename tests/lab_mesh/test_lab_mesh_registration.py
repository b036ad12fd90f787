"""A VM that has every file right: certificate, WorkloadEntry, reconnection, end."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography import x509

from tests.lab_mesh.worlds import NAMESPACE, eventually, mesh_world, run


def test_a_vm_gets_a_certificate_and_an_entry(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway()
            lab.workload()
            agent = await lab.vm().start()
            log = await agent.says("Envoy proxy is ready")
            assert "cannot parse the cert chain, using token instead" in log
            entry = lab.entry()
            assert entry is not None
            assert entry["metadata"]["name"] == f"hello-vm-{agent.address}"
            assert entry["metadata"]["annotations"]["istio.io/autoRegistrationGroup"] == "hello-vm"
            assert entry["metadata"]["ownerReferences"][0]["kind"] == "WorkloadGroup"
            assert entry["spec"] == {
                "address": agent.address,
                "labels": {"app": "hello-vm"},
                "ports": {"http": 8080},
                "serviceAccount": "vm-sa",
            }
            assert "conditions" not in (entry.get("status") or {})
            assert "auto-registered WorkloadEntry vm-namespace/hello-vm" in lab.istiod_log()
            key = agent.root / "etc/certs/key.pem"
            assert stat.S_IMODE(key.stat().st_mode) == 0o600
            leaf = x509.load_pem_x509_certificate((agent.root / "etc/certs/cert-chain.pem").read_bytes())
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
                "spiffe://cluster.local/ns/vm-namespace/sa/vm-sa"
            ]

    run(story())


def test_an_entry_outlives_an_absence_within_the_grace(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path, grace=60) as lab:
            await lab.with_gateway()
            lab.workload()
            agent = await lab.vm().start()
            await agent.says("Envoy proxy is ready")
            uid = (lab.entry() or {})["metadata"]["uid"]
            assert await agent.stop() == 0
            away = await eventually(
                lambda: (e := lab.entry()) and "istio.io/disconnectedAt" in e["metadata"]["annotations"] and e,
                "the entry is marked",
            )
            assert "istio.io/connectedAt" not in away["metadata"]["annotations"]
            # The certificate on disk is enough: the token may be gone.
            (agent.root / "var/run/secrets/tokens/istio-token").unlink()
            await agent.start()
            back = await eventually(
                lambda: (e := lab.entry()) and "istio.io/connectedAt" in e["metadata"]["annotations"] and e,
                "the entry is connected again",
            )
            assert back["metadata"]["uid"] == uid
            assert "istio.io/disconnectedAt" not in back["metadata"]["annotations"]

    run(story())


def test_an_entry_goes_after_the_grace(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway()
            lab.workload()
            agent = await lab.vm().start()
            await agent.says("Envoy proxy is ready")
            await agent.stop()
            await eventually(lambda: lab.entry() is None, "the entry is cleaned up")
            assert f"cleaned up auto-registered WorkloadEntry {NAMESPACE}/" in lab.istiod_log()

    run(story())


def test_deleting_the_group_deletes_its_entries(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway()
            lab.workload()
            agent = await lab.vm().start()
            await agent.says("Envoy proxy is ready")
            lab.objects.delete("networking.istio.io/workloadgroups", NAMESPACE, "hello-vm")
            await eventually(lambda: lab.entry() is None, "the garbage collector")

    run(story())


def test_health_is_told_on_change_only(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway()
            lab.workload()
            agent = lab.vm()
            agent.write(
                "etc/istio/config/mesh",
                "defaultConfig:\n  discoveryAddress: istiod.istio-system.svc:15012\n"
                "  readinessProbe:\n    periodSeconds: 1\n    tcpSocket:\n      port: 8080\n",
            )
            await agent.start()

            def status() -> str:
                entry = lab.entry() or {}
                conditions = (entry.get("status") or {}).get("conditions") or []
                return conditions[0]["status"] if conditions else ""

            await eventually(lambda: status() == "False", "nothing listens")
            entry = lab.entry() or {}
            assert entry["metadata"]["annotations"]["proxy.istio.io/health-checks-enabled"] == "true"
            assert "connection refused" in entry["status"]["conditions"][0]["message"]
            import asyncio

            server = await asyncio.start_server(lambda _, writer: writer.close(), agent.address, 8080)
            await eventually(lambda: status() == "True", "something listens")
            server.close()
            assert "success threshold hit, marking as healthy" in agent.log()

    run(story())
