"""Merge patch, JSON patch and strategic merge patch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance_api.driver import JSON_PATCH, MERGE, STRATEGIC, Driver

JSON = dict[str, Any]


@pytest.fixture
def group(api: Driver, namespace: str) -> str:
    path = f"/apis/networking.istio.io/v1/namespaces/{namespace}/workloadgroups"
    spec = {"template": {"labels": {"app": "vm", "tier": "x"}, "ports": {"http": 80}, "network": "n"}}
    body = {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroup", "metadata": {"name": "vm"}, "spec": spec}
    api.ok("POST", path, body)
    return f"{path}/vm"


@pytest.fixture
def deployment(api: Driver, namespace: str) -> str:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    containers = [
        {"name": "web", "image": "nginx:1", "env": [{"name": "A", "value": "1"}]},
        {"name": "side", "image": "envoy:1"},
    ]
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": containers}}
    spec = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
    api.ok("POST", path, {"metadata": {"name": "web"}, "spec": spec})
    return f"{path}/web"


def test_merge_patch_sets_and_removes(api: Driver, group: str) -> None:
    patch = {"spec": {"template": {"labels": {"tier": None, "new": "y"}, "ports": None}}}
    assert api.ok("PATCH", group, patch, media=MERGE)["spec"]["template"] == {
        "labels": {"app": "vm", "new": "y"},
        "network": "n",
    }


def test_json_patch_does_every_operation(api: Driver, group: str) -> None:
    operations = [
        {"op": "test", "path": "/spec/template/network", "value": "n"},
        {"op": "add", "path": "/metadata/annotations", "value": {"example.com/ab": "1"}},
        {"op": "replace", "path": "/metadata/annotations/example.com~1ab", "value": "2"},
        {"op": "remove", "path": "/spec/template/labels/tier"},
        {"op": "copy", "from": "/spec/template/labels/app", "path": "/spec/template/labels/copy"},
        {"op": "move", "from": "/spec/template/network", "path": "/spec/template/locality"},
    ]
    made = api.ok("PATCH", group, operations, media=JSON_PATCH)
    assert made["metadata"]["annotations"] == {"example.com/ab": "2"}
    assert made["spec"]["template"] == {
        "labels": {"app": "vm", "copy": "vm"},
        "ports": {"http": 80},
        "locality": "n",
    }


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/template/network", "value": "other"},
        {"op": "remove", "path": "/spec/nothing"},
        {"op": "add", "path": "/spec/nothing/below", "value": 1},
    ],
)
def test_a_json_patch_that_cannot_be_done_changes_nothing(api: Driver, group: str, operation: JSON) -> None:
    before = api.ok("GET", group)
    first = {"op": "add", "path": "/spec/template/labels/first", "value": "done"}
    refused = api.refused(422, "PATCH", group, [first, operation], media=JSON_PATCH)
    assert refused["reason"] == "Invalid"
    assert "the server rejected our request due to an error in our request" in refused["message"]
    assert api.ok("GET", group) == before


def test_strategic_merge_patch_merges_lists_by_their_key(api: Driver, deployment: str) -> None:
    patch = {
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {"name": "web", "image": "nginx:2", "env": [{"name": "B", "value": "2"}]},
                        {"name": "side", "$patch": "delete"},
                    ]
                }
            }
        }
    }
    made = api.ok("PATCH", deployment, patch, media=STRATEGIC)
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "nginx:2"
    assert {one["name"]: one["value"] for one in container["env"]} == {"A": "1", "B": "2"}
    assert made["metadata"]["generation"] == 2


def test_strategic_merge_patch_keeps_the_order_that_it_names(api: Driver, deployment: str) -> None:
    pod = {
        "$setElementOrder/containers": [{"name": "first"}, {"name": "web"}, {"name": "side"}],
        "containers": [{"name": "first", "image": "a:1"}],
    }
    made = api.ok("PATCH", deployment, {"spec": {"template": {"spec": pod}}}, media=STRATEGIC)
    assert [one["name"] for one in made["spec"]["template"]["spec"]["containers"]] == ["first", "web", "side"]


def test_merge_patch_replaces_lists(api: Driver, deployment: str) -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "only", "image": "a:1"}]}}}}
    made = api.ok("PATCH", deployment, patch, media=MERGE)
    assert [one["name"] for one in made["spec"]["template"]["spec"]["containers"]] == ["only"]


def test_a_custom_resource_takes_no_strategic_merge_patch(api: Driver, group: str) -> None:
    refused = api.refused(415, "PATCH", group, {"spec": {}}, media=STRATEGIC)
    assert refused["reason"] == "UnsupportedMediaType"
    assert "application/merge-patch+json" in refused["message"]


def test_a_patch_can_ask_for_the_version_that_it_read(api: Driver, group: str) -> None:
    refused = api.refused(409, "PATCH", group, {"metadata": {"resourceVersion": "1"}}, media=MERGE)
    assert refused["reason"] == "Conflict"


def test_only_an_apply_can_be_forced(api: Driver, group: str) -> None:
    refused = api.refused(422, "PATCH", f"{group}?force=true", {}, media=MERGE)
    assert refused["details"]["causes"][0]["field"] == "force"


def test_the_selector_of_a_deployment_is_immutable(api: Driver, deployment: str) -> None:
    patch = {"spec": {"selector": {"matchLabels": {"app": "y"}}, "template": {"metadata": {"labels": {"app": "y"}}}}}
    refused = api.refused(422, "PATCH", deployment, patch, media=MERGE)
    assert [cause["field"] for cause in refused["details"]["causes"]] == ["spec.selector"]
    assert "field is immutable" in refused["message"]


def test_what_is_not_there_is_not_patched(api: Driver, namespace: str) -> None:
    refused = api.refused(404, "PATCH", f"/api/v1/namespaces/{namespace}/configmaps/none", {"data": {}}, media=MERGE)
    assert refused["reason"] == "NotFound"
