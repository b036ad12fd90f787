"""What the lab's controllers make of objects: Deployments, load balancers, namespaces, injection, ownership."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from meshvm_tui.lab.mesh import world
from meshvm_tui.lab.mesh.installation import ControlPlaneWanted
from tests.lab_mesh.worlds import World, eventually, mesh_world, run

LABELS = {"app": "hello-world"}
PLANE = ControlPlaneWanted(version="1.30.3", mesh_id="mesh1", cluster_id="Kubernetes")


def deployment(lab: World, *, pod_labels: dict[str, str] | None = None, namespace: str = "default") -> None:
    """A small Deployment."""
    template = {
        "metadata": {"labels": {**LABELS, **(pod_labels or {})}},
        "spec": {"containers": [{"name": "app", "image": "hello:1", "ports": [{"containerPort": 3000}]}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template}
    lab.make("apps/v1", "Deployment", "hello-world", namespace, spec=spec)


def pods(lab: World, namespace: str = "default") -> list[dict[str, Any]]:
    """The Pods of a namespace."""
    return lab.objects.list("core/pods", namespace)


def condition(lab: World, kind: str) -> dict[str, Any]:
    """A condition of the Deployment."""
    found = lab.objects.get("apps/deployments", "default", "hello-world") or {}
    conditions: list[dict[str, Any]] = (found.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind), {})


def reasons(lab: World, name: str) -> list[str]:
    """The reasons of an object's Events, the first one first."""
    events = lab.objects.list("core/events", "default")
    return [one["reason"] for one in events if one["involvedObject"]["name"] == name]


async def installed(lab: World) -> None:
    """Istio installed and istiod Available."""
    lab.mesh.install_istio(PLANE)
    await eventually(lambda: lab.objects.list("security.istio.io/peerauthentications"), "istiod and its policy")


def test_a_deployment_becomes_available_and_rolls(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            deployment(lab)
            await eventually(lambda: condition(lab, "Available").get("status") == "True", "Available")
            (first,) = pods(lab)
            assert first["status"]["phase"] == "Running"
            assert first["status"]["podIP"].startswith("127.")
            assert not (first["metadata"].get("annotations") or {})
            image = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "hello:2"}]}}}}
            lab.objects.patch("apps/deployments", "default", "hello-world", image)

            def rolled() -> bool:
                images = [pod["spec"]["containers"][0]["image"] for pod in pods(lab)]
                return images == ["hello:2"]

            await eventually(rolled, "the new ReplicaSet")
            lab.objects.delete("apps/deployments", "default", "hello-world")
            await eventually(lambda: not pods(lab), "the garbage collector")
            assert lab.objects.list("apps/replicasets", "default") == []

    run(story())


def test_a_load_balancer_gets_an_address_and_events(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            spec = {"type": "LoadBalancer", "selector": LABELS, "ports": [{"port": 15012}]}
            lab.make("v1", "Service", "front", "default", spec=spec)

            def address() -> str:
                found = lab.objects.get("core/services", "default", "front") or {}
                entries = found["status"]["loadBalancer"].get("ingress") or [{}]
                return str(entries[0].get("ip", ""))

            assert address() == ""
            await eventually(address, "an address")
            await eventually(lambda: "EnsuredLoadBalancer" in reasons(lab, "front"), "the Event")
            assert reasons(lab, "front")[0] == "EnsuringLoadBalancer"

    run(story())


def test_a_pending_load_balancer_says_why_and_a_mended_one_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path, faults={"gateway-pending": ""}) as lab:
            spec = {"type": "LoadBalancer", "selector": LABELS, "ports": [{"port": 15012}]}
            lab.make("v1", "Service", "front", "default", spec=spec)
            await eventually(lambda: "SyncLoadBalancerFailed" in reasons(lab, "front"), "the Event")
            lab.faults.clear("gateway-pending")
            lab.faults.set("gateway-hostname", "front.example.test")

            def entries() -> list[dict[str, str]]:
                found = lab.objects.get("core/services", "default", "front") or {}
                ingress: list[dict[str, str]] = found["status"]["loadBalancer"].get("ingress") or []
                return ingress

            await eventually(entries, "a host name")
            assert entries() == [{"hostname": "front.example.test"}]

    run(story())


def test_every_namespace_gets_an_account_and_the_root_once_istiod_runs(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            lab.make("v1", "Namespace", "early")
            await eventually(lambda: lab.objects.get("core/serviceaccounts", "early", "default"), "an account")
            assert lab.objects.get("core/configmaps", "early", "istio-ca-root-cert") is None
            await installed(lab)
            lab.make("v1", "Namespace", "late")
            for name in ("early", "late", "istio-system"):
                found = await eventually(partial(lab.objects.get, "core/configmaps", name, "istio-ca-root-cert"), name)
                assert found["data"] == {"root-cert.pem": lab.root_pem}
                assert found["metadata"]["labels"] == {"istio.io/config": "true"}
            lab.objects.patch("core/configmaps", "late", "istio-ca-root-cert", {"data": {"root-cert.pem": "x"}})

            def mended() -> bool:
                found = lab.objects.get("core/configmaps", "late", "istio-ca-root-cert") or {}
                return bool(found["data"] == {"root-cert.pem": lab.root_pem})

            await eventually(mended, "the root is put right")

    run(story())


def test_injection_follows_labels_and_fails_with_istiod(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await installed(lab)
            deployment(lab, pod_labels={"sidecar.istio.io/inject": "true"})
            await eventually(lambda: condition(lab, "Available").get("status") == "True", "Available")
            (pod,) = pods(lab)
            status = json.loads(pod["metadata"]["annotations"]["sidecar.istio.io/status"])
            assert status["initContainers"] == ["istio-init", "istio-proxy"]
            assert [one["name"] for one in pod["spec"]["initContainers"]] == ["istio-init", "istio-proxy"]
            lab.objects.delete("apps/deployments", "default", "hello-world")
            await eventually(lambda: not pods(lab), "the old Pod goes")
            lab.objects.patch("apps/deployments", "istio-system", "istiod", {"spec": {"replicas": 0}})
            await eventually(lambda: not pods(lab, "istio-system"), "istiod is gone")
            await eventually(lambda: world.serving(lab.objects) is None, "istiod is away")
            deployment(lab, pod_labels={"sidecar.istio.io/inject": "true"})
            failure = await eventually(lambda: condition(lab, "ReplicaFailure"), "the webhook refuses")
            assert 'no endpoints available for service "istiod"' in failure["message"]
            lab.objects.patch("apps/deployments", "istio-system", "istiod", {"spec": {"replicas": 1}})
            await eventually(lambda: condition(lab, "Available").get("status") == "True", "it goes on by itself")

    run(story())


def test_a_gateway_image_stays_auto_without_an_injector(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            container = {"name": "istio-proxy", "image": "auto"}
            meta = {
                "annotations": {"inject.istio.io/templates": "gateway"},
                "labels": {"sidecar.istio.io/inject": "true"},
            }
            lab.make("v1", "Pod", "before", "default", metadata=meta, spec={"containers": [container]})

            def waiting() -> str:
                pod = lab.objects.get("core/pods", "default", "before") or {}
                states = (pod.get("status") or {}).get("containerStatuses") or [{"state": {}}]
                return str((states[0]["state"].get("waiting") or {}).get("reason", ""))

            assert await eventually(waiting, "the state") == "ErrImagePull"
            await installed(lab)
            lab.make("v1", "Pod", "after", "default", metadata=meta, spec={"containers": [container]})
            injected = lab.objects.get("core/pods", "default", "after") or {}
            assert injected["spec"]["containers"][0]["image"] == "docker.io/istio/proxyv2:1.30.3"

    run(story())


def test_the_seed_decides_the_names(tmp_path: Path) -> None:
    async def names(folder: Path, seed: int) -> list[str]:
        folder.mkdir()
        async with mesh_world(folder, seed=seed) as lab:
            deployment(lab)
            await eventually(lambda: pods(lab), "a Pod")
            return [pod["metadata"]["name"] for pod in pods(lab)]

    async def story() -> None:
        first = await names(tmp_path / "a", 1)
        assert first != await names(tmp_path / "b", 2)

    run(story())
