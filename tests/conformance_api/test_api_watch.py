"""Watches: where they begin, what selectors make of them, bookmarks, Tables and their end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance_api.driver import MERGE, TABLE, Driver

JSON = dict[str, Any]


@pytest.fixture
def path(namespace: str) -> str:
    return f"/apis/networking.istio.io/v1/namespaces/{namespace}/workloadentries"


def entry(name: str, **labels: str) -> JSON:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {"name": name, "labels": labels},
        "spec": {"address": "10.0.0.1"},
    }


def told(event: JSON) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"]["name"]


def test_a_watch_goes_on_from_a_list(api: Driver, path: str) -> None:
    api.ok("POST", path, entry("before"))
    since = api.ok("GET", path)["metadata"]["resourceVersion"]
    with api.watch(f"{path}?watch=1&resourceVersion={since}&timeoutSeconds=20") as events:
        made = api.ok("POST", path, entry("one"))
        assert told(event := next(events)) == ("ADDED", "one")
        assert event["object"] == made
        api.ok("PATCH", f"{path}/one", {"spec": {"network": "n"}}, media=MERGE)
        assert told(next(events)) == ("MODIFIED", "one")
        api.ok("DELETE", f"{path}/one")
        assert told(gone := next(events)) == ("DELETED", "one")
        assert int(gone["object"]["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


def test_a_watch_from_the_past_tells_what_was_missed(api: Driver, path: str) -> None:
    since = api.ok("GET", path)["metadata"]["resourceVersion"]
    api.ok("POST", path, entry("one"))
    api.ok("DELETE", f"{path}/one")
    with api.watch(f"{path}?watch=true&resourceVersion={since}&timeoutSeconds=20") as events:
        assert [told(next(events)), told(next(events))] == [("ADDED", "one"), ("DELETED", "one")]


def test_a_watch_without_a_version_begins_with_what_is_there(api: Driver, path: str) -> None:
    for name in ("a", "b"):
        api.ok("POST", path, entry(name))
    with api.watch(f"{path}?watch=1&timeoutSeconds=20") as events:
        assert {told(next(events)), told(next(events))} == {("ADDED", "a"), ("ADDED", "b")}


def test_objects_come_into_a_selection_and_leave_it(api: Driver, path: str) -> None:
    api.ok("POST", path, entry("one", app="x"))
    since = api.ok("GET", path)["metadata"]["resourceVersion"]
    query = f"watch=1&resourceVersion={since}&labelSelector=app%3Dx&timeoutSeconds=20"
    with api.watch(f"{path}?{query}") as events:
        api.ok("POST", path, entry("other", app="y"))
        api.ok("PATCH", f"{path}/one", {"metadata": {"labels": {"app": "y"}}}, media=MERGE)
        api.ok("PATCH", f"{path}/other", {"metadata": {"labels": {"app": "x"}}}, media=MERGE)
        assert [told(next(events)), told(next(events))] == [("DELETED", "one"), ("ADDED", "other")]


def test_one_object_is_watched_by_its_name(api: Driver, path: str) -> None:
    api.ok("POST", path, entry("one"))
    with api.watch(f"{path}?watch=1&fieldSelector=metadata.name%3Dtwo&timeoutSeconds=20") as events:
        api.ok("POST", path, entry("two"))
        assert told(next(events)) == ("ADDED", "two")


def test_a_watch_ends_after_its_time_with_a_bookmark(api: Driver, path: str) -> None:
    api.ok("POST", path, entry("one"))
    with api.watch(f"{path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=1") as events:
        seen = list(events)
    assert told(seen[0]) == ("ADDED", "one")
    assert seen[-1]["type"] == "BOOKMARK"
    assert seen[-1]["object"]["kind"] == "WorkloadEntry"
    assert int(seen[-1]["object"]["metadata"]["resourceVersion"]) > 0


def test_a_watch_as_a_table_names_its_columns_once(api: Driver, path: str) -> None:
    for name in ("a", "b"):
        api.ok("POST", path, entry(name))
    with api.watch(f"{path}?watch=1&timeoutSeconds=20", accept=TABLE) as events:
        first, second = next(events)["object"], next(events)["object"]
    assert [column["name"] for column in first["columnDefinitions"]] == ["Name", "Age", "Address"]
    assert not second["columnDefinitions"]
    assert {first["rows"][0]["cells"][0], second["rows"][0]["cells"][0]} == {"a", "b"}


def test_every_namespace_is_watched_at_once(api: Driver, path: str) -> None:
    cluster_wide = "/apis/networking.istio.io/v1/workloadentries"
    since = api.ok("GET", cluster_wide)["metadata"]["resourceVersion"]
    with api.watch(f"{cluster_wide}?watch=1&resourceVersion={since}&timeoutSeconds=20") as events:
        api.ok("POST", path, entry("one"))
        assert told(next(events)) == ("ADDED", "one")
