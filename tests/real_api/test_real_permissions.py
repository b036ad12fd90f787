"""The roles of docs/rbac on a real API server: they are enough, and what they leave out is named."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshvm_tui import cli
from meshvm_tui.adapters.kubernetes_api import KubernetesReader, connect
from meshvm_tui.events import Mode
from meshvm_tui.ports import WORKLOAD_ENTRIES, WORKLOAD_GROUPS
from meshvm_tui.problems import Problem
from tests.real_api.world import World

pytestmark = pytest.mark.real_tools
JSON = dict[str, Any]
DOCUMENTS = Path(__file__).parents[2] / "docs" / "rbac"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture
def documented(world: World) -> World:
    """A server on which an administrator has applied the documents' roles, and none of their bindings yet."""
    items = [item for file in sorted(DOCUMENTS.glob("*.yaml")) for item in yaml.safe_load_all(file.read_text("utf-8"))]
    roles = [item for item in items if item["kind"] == "ClusterRole"]
    assert len(roles) == 4
    for role in roles:
        reply = world.driver.apply(f"{RBAC}/clusterroles/{role['metadata']['name']}", role, "admin", force=True)
        assert reply.code < 300, reply.text
    return world


def bind(world: World, role: str, user: str, *namespaces: str) -> None:
    """Binds a user to a role, in these namespaces or in all."""
    binding: JSON = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}],
    }
    named = {**binding, "metadata": {"name": f"{role}-{user}-{world.number}"}}
    for namespace in namespaces:
        world.driver.ok("POST", f"{RBAC}/namespaces/{namespace}/rolebindings", named)
    if not namespaces:
        world.driver.ok("POST", f"{RBAC}/clusterrolebindings", named)


def bind_all(world: World, user: str) -> None:
    """As the document says."""
    bind(world, "meshvm-tui-cluster", user)
    bind(world, "meshvm-tui-mesh", user, world.mesh)
    bind(world, "meshvm-tui-workload", user, world.home, world.sample)


def test_the_documented_roles_are_enough_and_nothing_is_said_to_be_missing(documented: World) -> None:
    world = documented
    world.install_istio()
    world.make_namespaces(world.home, world.sample)
    bind_all(world, "newcomer")
    world.audit.forget()
    ended = world.run(world.plan("newcomer"))
    assert ended.codes == {}
    seen = ended.steps["cluster-reachable"].observation
    assert seen is not None
    assert [finding for finding in seen.findings if finding.code == "MVM-107"] == []
    assert world.istio_object("workloadgroups", "hello-vm", world.home)
    assert [one["requestURI"] for one in world.audit.asked("newcomer") if "/secrets" in one["requestURI"]] == []

    arguments = ["files", "--name", "hello-vm", "-n", world.home, "-i", world.mesh, "--revision", "default"]
    where = ["--kubeconfig", str(world.kubeconfig("newcomer")), "-o", str(world.folder / "out")]
    assert cli.run([*arguments, *where]) == 0
    assert (world.folder / "out" / "istio-token").read_text().count(".") == 2


def test_what_a_role_leaves_out_is_found_before_it_is_needed(documented: World) -> None:
    world = documented
    world.install_istio()
    world.make_namespaces(world.home, world.sample)
    bind(world, "meshvm-tui-cluster", "halfway")
    bind(world, "meshvm-tui-mesh", "halfway", world.mesh)
    seen = world.run(world.plan("halfway"), Mode.OBSERVE, "cluster-reachable").steps["cluster-reachable"].observation
    assert seen is not None
    told = [str(finding) for finding in seen.findings if finding.code == "MVM-107"]
    assert any("serviceaccounts/token" in line and world.home in line for line in told)
    assert any("workloadgroups.networking.istio.io" in line for line in told)
    assert not any(f" in {world.mesh}" in line for line in told)


def test_nobody_grants_the_gateway_what_they_lack(documented: World) -> None:
    """RBAC keeps a user from making a Role with rights of which they have none; the lab does not know that rule."""
    world = documented
    world.install_istio()
    bind(world, "meshvm-tui-cluster", "halfway")
    mesh = world.live(f"{RBAC}/clusterroles/meshvm-tui-mesh")
    rules = [rule for rule in mesh["rules"] if "secrets" not in rule["resources"]]
    name = f"no-secrets-{world.number}"
    world.driver.ok("POST", f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    bind(world, name, "halfway", world.mesh)
    ended = world.run(world.plan("halfway"), Mode.APPLY, "control-plane", "eastwest-gateway")
    assert ended.codes == {"eastwest-gateway": "MVM-107"}
    problem = ended.steps["eastwest-gateway"].problem
    assert problem is not None
    assert "attempting to grant RBAC permissions not currently held" in problem.cause
    assert "secrets" in problem.cause


def test_the_monitors_role_lets_look_and_no_more(documented: World) -> None:
    world = documented
    world.make_namespaces(world.home)
    bind(world, "meshvm-tui-monitor", "monitor")
    reader = KubernetesReader(connect(str(world.kubeconfig("monitor"))))
    events = reader.watch(WORKLOAD_ENTRIES, None, threading.Event().is_set)
    try:
        assert next(events).type == "SYNCED"
        reader.list(WORKLOAD_GROUPS)
    finally:
        reader.close()
    cluster = world.cluster("monitor")
    group = {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroup", "spec": {"template": {}}}
    try:
        with pytest.raises(Problem) as caught:
            cluster.apply({**group, "metadata": {"name": "x", "namespace": world.home}})
    finally:
        cluster.close()
    assert caught.value.code == "MVM-107"
