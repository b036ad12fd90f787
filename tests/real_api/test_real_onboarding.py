"""The cluster's part of an onboarding, applied by the engine to a real API server that knows Istio's own kinds."""

from __future__ import annotations

import base64
import json

import pytest

from meshvm_tui import cli
from meshvm_tui.events import Mode, StepState
from meshvm_tui.ports import SERVICE_ACCOUNTS
from tests.real_api.controllers import ADDRESS, ROOT
from tests.real_api.istio_release import CLUSTER_ID, MESH_ID
from tests.real_api.world import ADMIN, SHARED_STEPS, World, managers

pytestmark = pytest.mark.real_tools


def test_the_cluster_part_is_made_and_the_second_run_finds_nothing_to_do(world: World) -> None:
    world.install_istio()
    plan = world.plan()
    first = world.run(plan)
    assert first.codes == {}
    assert set(first.steps) == set(SHARED_STEPS)
    group = world.istio_object("workloadgroups", "hello-vm", world.home)
    assert group["spec"]["template"]["serviceAccount"] == "vm-sa"
    assert managers(group) == {"meshvm-tui:Apply"}
    assert world.istio_object("gateways", "istiod-gateway", world.mesh)["spec"]["servers"][0]["port"]["number"] == 15012
    assert world.istio_object("gateways", "cross-network-gateway", world.mesh)
    service = world.live(f"/api/v1/namespaces/{world.mesh}/services/istio-eastwestgateway")
    assert 15012 in [port["port"] for port in service["spec"]["ports"]]
    address = first.steps["gateway-address"].observation
    assert address is not None and ADDRESS in address.message

    world.audit.forget()
    second = world.run(plan)
    assert second.codes == {}
    assert not second.run.changed
    assert {event.state for event in second.steps.values()} == {StepState.SKIPPED}
    # The stand-in for controllers is the same admin: what it does carries another user agent.
    ours = [one for one in world.audit.asked(ADMIN) if one.get("userAgent", "").startswith("meshvm-tui")]
    assert ours
    assert [one["requestURI"] for one in ours if one["verb"] in ("patch", "update", "delete")] == []


def test_the_mesh_is_read_as_istioctl_renders_it(world: World) -> None:
    world.install_istio()
    seen = world.run(world.plan(), Mode.OBSERVE, "cluster-reachable", "control-plane")
    observation = seen.steps["control-plane"].observation
    assert observation is not None
    told = json.dumps(observation.details)
    assert CLUSTER_ID in told
    assert MESH_ID in told
    assert world.istio.version in told


def test_files_are_those_of_the_group_on_the_server_with_a_token_that_the_server_accepts(world: World) -> None:
    world.install_istio()
    assert world.run(world.plan()).codes == {}
    folder = world.folder / "out"
    arguments = ["files", "--name", "hello-vm", "-n", world.home, "-i", world.mesh, "--revision", "default"]
    where = ["--kubeconfig", str(world.kubeconfig()), "-o", str(folder)]
    assert cli.run([*arguments, *where]) == 0
    files = {path.name: path.read_text() for path in folder.iterdir()}
    assert files["root-cert.pem"] == ROOT
    assert files["hosts"] == f"{ADDRESS} istiod.{world.mesh}.svc\n"
    assert f"ISTIO_META_CLUSTER_ID='{CLUSTER_ID}'" in files["cluster.env"]
    assert MESH_ID in files["mesh.yaml"]
    review = {"spec": {"token": files["istio-token"], "audiences": ["istio-ca"]}}
    status = world.driver.ok("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)["status"]
    assert status["authenticated"]
    assert status["user"]["username"] == f"system:serviceaccount:{world.home}:vm-sa"


def test_a_token_is_of_the_audience_and_length_that_were_asked_for(world: World) -> None:
    world.make_namespaces(world.home)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "vm-sa", "namespace": world.home}}
    cluster = world.cluster()
    try:
        cluster.apply(account)
        token = cluster.create_token(world.home, "vm-sa", audience="istio-ca", seconds=1200)
    finally:
        cluster.close()
    payload = token.value.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == ["istio-ca"]
    assert claims["exp"] - claims["iat"] == 1200
    assert token.value not in repr(token)


def test_a_dry_run_is_answered_by_the_server_and_leaves_nothing(world: World) -> None:
    world.make_namespaces(world.home)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "dry", "namespace": world.home}}
    cluster = world.cluster()
    try:
        answered = cluster.apply(account, dry_run=True)
        assert answered["metadata"]["uid"]
        assert cluster.get(SERVICE_ACCOUNTS, "dry", world.home) is None
    finally:
        cluster.close()
