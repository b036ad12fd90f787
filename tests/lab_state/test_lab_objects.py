"""The store as the lab's controllers use it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.cluster_api.errors import ApiError
from meshvm_tui.lab.cluster_api.istio_crds import crd_objects
from meshvm_tui.lab.objects import Objects

ENTRIES = "networking.istio.io/workloadentries"
CONFIG_MAPS = "core/configmaps"


def config_map(name: str = "cm", **labels: str) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "default", "labels": labels}, "data": {"a": "b"}}


def test_what_goes_in_and_out_is_copied() -> None:
    objects = Objects()
    given = config_map()
    made = objects.create(CONFIG_MAPS, given)
    made["data"]["a"] = "changed"
    given["data"] = {}
    found = objects.get(CONFIG_MAPS, "default", "cm")
    assert found is not None
    assert found["data"] == {"a": "b"}
    objects.list(CONFIG_MAPS)[0]["data"]["a"] = "changed"
    assert objects.list(CONFIG_MAPS)[0]["data"] == {"a": "b"}


def test_kinds_of_definitions_come_and_go_with_them() -> None:
    objects = Objects()
    assert objects.list(ENTRIES) == []
    assert objects.get(ENTRIES, "default", "e") is None
    with pytest.raises(ApiError) as refused:
        objects.create(ENTRIES, {"metadata": {"name": "e", "namespace": "default"}, "spec": {"address": "1.2.3.4"}})
    assert refused.value.code == 404
    for crd in crd_objects():
        objects.serve(crd)
    objects.create(ENTRIES, {"metadata": {"name": "e", "namespace": "default"}, "spec": {"address": "1.2.3.4"}})
    objects.delete("apiextensions.k8s.io/customresourcedefinitions", "", "workloadentries.networking.istio.io")
    assert objects.list(ENTRIES) == []


def test_controllers_write_spec_and_status_and_own_both() -> None:
    objects = Objects()
    pod = {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    objects.create("core/pods", pod, "replicaset-controller")
    status = {"status": {"phase": "Running"}, "metadata": {"labels": {"seen": "yes"}}}
    patched = objects.patch("core/pods", "default", "p", status, "kubelet", subresource="status")
    assert patched["status"]["phase"] == "Running"
    assert "labels" not in patched["metadata"]
    whole = objects.patch("core/pods", "default", "p", status, "lab")
    assert whole["metadata"]["labels"] == {"seen": "yes"}
    owners = {(one["manager"], one.get("subresource", "")) for one in whole["metadata"]["managedFields"]}
    assert owners == {("replicaset-controller", ""), ("kubelet", "status"), ("lab", "")}


def test_a_stale_update_is_a_conflict() -> None:
    objects = Objects()
    first = objects.create(CONFIG_MAPS, config_map())
    objects.patch(CONFIG_MAPS, "default", "cm", {"data": {"a": "c"}})
    with pytest.raises(ApiError) as refused:
        objects.update(CONFIG_MAPS, first)
    assert refused.value.reason == "Conflict"


def test_subscribers_hear_of_every_change() -> None:
    async def scenario() -> list[tuple[str, str]]:
        objects = Objects()
        queue = objects.subscribe(CONFIG_MAPS)
        objects.create(CONFIG_MAPS, config_map())
        objects.patch(CONFIG_MAPS, "default", "cm", {"data": {"a": "c"}})
        objects.patch(CONFIG_MAPS, "default", "cm", {"data": {"a": "c"}})
        assert objects.delete(CONFIG_MAPS, "default", "cm")
        assert not objects.delete(CONFIG_MAPS, "default", "cm")
        objects.unsubscribe(CONFIG_MAPS, queue)
        objects.create(CONFIG_MAPS, config_map("unheard"))
        heard = []
        while not queue.empty():
            type_, obj = queue.get_nowait()
            heard.append((type_, obj["metadata"]["name"]))
        return heard

    assert asyncio.run(scenario()) == [("ADDED", "cm"), ("MODIFIED", "cm"), ("DELETED", "cm")]


def test_labels_select() -> None:
    objects = Objects()
    for name, tier in (("one", "a"), ("two", "b")):
        objects.create(CONFIG_MAPS, config_map(name, tier=tier))
    assert [one["metadata"]["name"] for one in objects.list(CONFIG_MAPS, "default", "tier in (b)")] == ["two"]
    assert objects.list(CONFIG_MAPS, "kube-system") == []


def test_pods_pass_the_admission() -> None:
    objects = Objects()

    def inject(pod: dict[str, object]) -> dict[str, object]:
        return {**pod, "metadata": {**pod["metadata"], "annotations": {"injected": "yes"}}}  # type: ignore[dict-item]

    objects.mutate_pod = inject
    spec = {"containers": [{"name": "c", "image": "i"}]}
    made = objects.create("core/pods", {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    assert made["metadata"]["annotations"] == {"injected": "yes"}


def test_everything_outlives_the_process(tmp_path: Path) -> None:
    objects = Objects(tmp_path, Clock())
    for crd in crd_objects():
        objects.serve(crd)
    entry = {"metadata": {"name": "e", "namespace": "default"}, "spec": {"address": "1.2.3.4"}}
    made = objects.create(ENTRIES, entry, "istiod")
    objects.close()
    assert (tmp_path / "objects.json").stat().st_mode & 0o777 == 0o600
    again = Objects(tmp_path, Clock())
    assert again.get(ENTRIES, "default", "e") == made
    newer = again.create(CONFIG_MAPS, config_map())
    assert int(newer["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


def test_changes_are_saved_a_moment_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        objects = Objects(tmp_path)
        objects.save()
        before = (tmp_path / "objects.json").stat().st_mtime_ns
        objects.create(CONFIG_MAPS, config_map("soon"))
        async with asyncio.timeout(10):
            while (tmp_path / "objects.json").stat().st_mtime_ns == before:
                await asyncio.sleep(0.02)

    asyncio.run(scenario())
    assert "soon" in (tmp_path / "objects.json").read_text()
