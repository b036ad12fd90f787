"""Lists: selectors, paging, Tables, metadata only."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.conformance_api.driver import TABLE, Driver

JSON = dict[str, Any]


@pytest.fixture
def five(api: Driver, namespace: str) -> str:
    """The path of five ConfigMaps, a to e, each labelled by its letter."""
    path = f"/api/v1/namespaces/{namespace}/secrets"
    for letter in "abcde":
        labels = {"letter": letter, "kind": "letter"} if letter != "e" else {"kind": "last"}
        api.ok("POST", path, {"metadata": {"name": letter, "labels": labels}, "data": {}})
    return path


def names(answer: JSON) -> list[str]:
    return [item["metadata"]["name"] for item in answer["items"]]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("letter=a", "a"),
        ("letter==b", "b"),
        ("letter!=a", "bcde"),
        ("letter in (a, c)", "ac"),
        ("letter notin (a,c)", "bde"),
        ("letter", "abcd"),
        ("!letter", "e"),
        ("kind=letter,letter notin (a)", "bcd"),
        ("kind in (letter),letter in (d,e)", "d"),
    ],
)
def test_label_selectors(api: Driver, five: str, selector: str, found: str) -> None:
    assert names(api.ok("GET", f"{five}?labelSelector={quote(selector)}")) == list(found)


@pytest.mark.parametrize(
    ("selector", "found"),
    [("metadata.name=a", "a"), ("metadata.name!=a", "bcde"), ("type=Opaque,metadata.name=c", "c"), ("type=x", "")],
)
def test_field_selectors(api: Driver, five: str, selector: str, found: str) -> None:
    assert names(api.ok("GET", f"{five}?fieldSelector={quote(selector)}")) == list(found)


def test_events_are_selected_by_the_object_that_they_are_about(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/events"
    for name in ("one", "two"):
        about = {"kind": "Service", "name": name, "namespace": namespace}
        event = {"metadata": {"name": f"e-{name}"}, "involvedObject": about, "reason": "Testing", "type": "Normal"}
        api.ok("POST", path, event)
    selector = quote("involvedObject.kind=Service,involvedObject.name=two,type=Normal")
    assert names(api.ok("GET", f"{path}?fieldSelector={selector}")) == ["e-two"]


def test_selectors_that_cannot_be_are_refused(api: Driver, five: str) -> None:
    refused = api.refused(400, "GET", f"{five}?fieldSelector=data.a%3Db")
    assert refused["message"] == "field label not supported: data.a"
    assert api.refused(400, "GET", f"{five}?labelSelector=a%20in%20(")["reason"] == "BadRequest"


def test_a_list_is_paged_as_it_was_when_it_began(api: Driver, five: str) -> None:
    first = api.ok("GET", f"{five}?limit=2")
    assert names(first) == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 3
    api.ok("DELETE", f"{five}/c")
    second = api.ok("GET", f"{five}?limit=2&continue={first['metadata']['continue']}")
    assert names(second) == ["c", "d"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    last = api.ok("GET", f"{five}?limit=2&continue={second['metadata']['continue']}")
    assert names(last) == ["e"]
    assert not last["metadata"].get("continue")
    assert "remainingItemCount" not in last["metadata"]


def test_a_selected_list_does_not_tell_how_much_remains(api: Driver, five: str) -> None:
    metadata = api.ok("GET", f"{five}?limit=1&labelSelector=letter")["metadata"]
    assert metadata["continue"]
    assert "remainingItemCount" not in metadata


def test_a_broken_continue_token_is_refused(api: Driver, five: str) -> None:
    assert "continue key is not valid" in api.refused(400, "GET", f"{five}?limit=2&continue=zzzz")["message"]


def test_items_of_built_in_kinds_come_without_their_type(api: Driver, five: str) -> None:
    answer = api.ok("GET", five)
    assert (answer["kind"], answer["apiVersion"]) == ("SecretList", "v1")
    assert all("kind" not in item for item in answer["items"])


def test_a_table_has_the_printer_columns(api: Driver, namespace: str) -> None:
    path = f"/apis/networking.istio.io/v1/namespaces/{namespace}/workloadentries"
    entry = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {"name": "vm-10.0.0.1"},
        "spec": {"address": "10.0.0.1"},
    }
    api.ok("POST", path, entry)
    table = api.ok("GET", path, accept=TABLE)
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Age", "Address"]
    (row,) = table["rows"]
    assert (row["cells"][0], row["cells"][2]) == ("vm-10.0.0.1", "10.0.0.1")
    assert row["object"]["kind"] == "PartialObjectMetadata"
    one = api.ok("GET", f"{path}/vm-10.0.0.1?includeObject=None", accept=TABLE)
    assert one["rows"][0]["object"] is None


def test_metadata_only(api: Driver, five: str) -> None:
    many = api.ok("GET", five, accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")
    assert many["kind"] == "PartialObjectMetadataList"
    assert all(set(item) <= {"kind", "apiVersion", "metadata"} for item in many["items"])
    one = api.ok("GET", f"{five}/a", accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
    assert (one["kind"], one["metadata"]["name"]) == ("PartialObjectMetadata", "a")


def test_a_form_that_cannot_be_given_is_refused(api: Driver, five: str) -> None:
    assert api.refused(406, "GET", five, accept="text/html")["reason"] == "NotAcceptable"
