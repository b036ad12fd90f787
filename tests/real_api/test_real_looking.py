"""Looking only: what the API server's own audit log says of it, and a watch that outlives the server's memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from meshvm_tui.adapters.kubernetes_api import KubernetesReader, connect
from meshvm_tui.adapters.kubernetes_transport import Request, Stream
from meshvm_tui.events import Mode
from meshvm_tui.ports import WORKLOAD_ENTRIES, WatchEvent
from tests.real_api.world import World

pytestmark = pytest.mark.real_tools
JSON = dict[str, Any]


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.PLAN])
@pytest.mark.parametrize("made", [False, True], ids=["nothing there", "all there"])
def test_looking_changes_nothing(world: World, mode: Mode, made: bool) -> None:
    if made:
        world.install_istio()
        assert world.run(world.plan()).codes == {}
    _may(world, "operator", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
    world.audit.forget()
    ended = world.run(world.plan("operator"), mode)
    assert ended.codes == ({} if made else {"control-plane": "MVM-201"})
    assert len(world.audit.asked("operator")) > 10
    assert world.audit.mutating("operator") == []


def test_a_watch_lists_and_follows_workload_entries(world: World) -> None:
    world.make_namespaces(world.home)
    _put_entry(world, "one", "192.0.2.1")
    reader = KubernetesReader(connect(str(world.kubeconfig())))
    events = reader.watch(WORKLOAD_ENTRIES, world.home, threading.Event().is_set)
    try:
        assert [item["metadata"]["name"] for item in _synced(events).objects] == ["one"]
        _put_entry(world, "two", "192.0.2.2")
        assert _next(events, "ADDED")["spec"]["address"] == "192.0.2.2"
        _put_entry(world, "two", "192.0.2.3")
        assert _next(events, "MODIFIED")["spec"]["address"] == "192.0.2.3"
        world.driver.ok("DELETE", _entry_path(world, "two"))
        changed = _next(events, "DELETED")
        assert changed["metadata"]["name"] == "two"
        assert "managedFields" not in changed["metadata"]
    finally:
        reader.close()


def test_a_watch_from_before_the_servers_memory_is_listed_anew(world: World) -> None:
    """The first watch asks from a version that the server has long forgotten; the 410 is the server's own."""
    world.make_namespaces(world.home)
    _put_entry(world, "one", "192.0.2.1")
    old = _FromLongAgo(connect(str(world.kubeconfig())))
    reader = KubernetesReader(old)
    events = reader.watch(WORKLOAD_ENTRIES, world.home, threading.Event().is_set)
    try:
        for _ in range(2):
            assert [item["metadata"]["name"] for item in _synced(events).objects] == ["one"]
        _put_entry(world, "two", "192.0.2.2")
        assert _next(events, "ADDED")["metadata"]["name"] == "two"
        assert old.watches == 2
    finally:
        reader.close()


class _FromLongAgo:
    """A transport whose first watch starts at version 1."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.watches = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def stream(self, request: Request) -> Stream:
        self.watches += 1
        if self.watches == 1:
            query = tuple((key, "1" if key == "resourceVersion" else value) for key, value in request.query)
            request = replace(request, query=query)
        stream: Stream = self._inner.stream(request)
        return stream


def _synced(events: Iterator[WatchEvent]) -> WatchEvent:
    event = next(events)
    assert event.type == "SYNCED"
    return event


def _next(events: Iterator[WatchEvent], type_: str) -> JSON:
    event = next(events)
    assert event.type == type_, event
    return event.object


def _entry_path(world: World, name: str) -> str:
    return f"/apis/networking.istio.io/v1/namespaces/{world.home}/workloadentries/{name}"


def _put_entry(world: World, name: str, address: str) -> None:
    body = {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadEntry", "metadata": {"name": name}}
    reply = world.driver.apply(_entry_path(world, name), {**body, "spec": {"address": address}}, "istiod")
    assert reply.code < 300, reply.text


def _may(world: World, user: str, rules: list[JSON]) -> None:
    """Gives a user rights by RBAC; they stay for the session, as they do in a cluster."""
    root = "/apis/rbac.authorization.k8s.io/v1"
    name = f"{user}-{world.number}"
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    world.driver.ok("POST", f"{root}/clusterroles", {**role, "rules": rules})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}],
    }
    world.driver.ok("POST", f"{root}/clusterrolebindings", binding)
