"""What differs between a wanted object and a live one, and what server-side apply would make of it."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.steps.object_compare import after_apply, differences, unified_diff, without_server_fields

JSON = dict[str, Any]


def group(spec: JSON, **metadata: Any) -> JSON:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": "g", **metadata},
        "spec": spec,
    }


def service(ports: list[JSON], **metadata: Any) -> JSON:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", **metadata}, "spec": {"ports": ports}}


def entry(manager: str, fields: JSON, operation: str = "Apply", **more: Any) -> JSON:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


PORTS: JSON = {"f:spec": {"f:template": {"f:ports": {".": {}, "f:http": {}}}}}


@pytest.mark.parametrize(
    ("wanted", "live", "expected"),
    [
        (group({"a": 1}), group({"a": 1, "b": 2}, uid="u"), []),
        (group({"a": {}}), group({}), []),
        (group({"a": 0, "b": ""}), group({}), []),
        (group({"a": 1}), group({"a": 2}), [".spec.a: 2, wanted 1"]),
        (group({"a": 1}), group({}), [".spec.a: nothing, wanted 1"]),
        (group({"l": [1]}), group({"l": [1, 2]}), [".spec.l: [1, 2], wanted [1]"]),
        (group({"l": [{"n": 1}]}), group({"l": [{"n": 1, "added": 2}]}), []),
        (
            service([{"name": "a", "port": 1}]),
            service([{"name": "b", "port": 2}, {"name": "a", "port": 1, "nodePort": 3}]),
            [],
        ),
        (
            service([{"name": "a", "port": 1}]),
            service([{"name": "a", "port": 2}]),
            ['.spec.ports[{"name": "a"}].port: 2, wanted 1'],
        ),
    ],
)
def test_only_what_we_say_is_compared(wanted: JSON, live: JSON, expected: list[str]) -> None:
    assert [found.words() for found in differences(wanted, live)] == expected


def test_what_we_set_and_no_longer_want_is_a_difference() -> None:
    live = group({"template": {"ports": {"http": 80}}}, managedFields=[entry("meshvm-tui", PORTS)])
    assert [found.words() for found in differences(group({}), live)] == [
        ".spec.template.ports.http: 80 is no longer wanted"
    ]
    assert "http" not in str(after_apply(group({}), live))


def test_what_others_own_too_stays() -> None:
    live = group({"template": {"ports": {"http": 80}}}, managedFields=[entry("meshvm-tui", PORTS), entry("ann", PORTS)])
    assert differences(group({}), live) == ()


@pytest.mark.parametrize(
    ("managed", "owners"),
    [
        (entry("kubectl-edit", PORTS, "Update"), ("kubectl-edit",)),
        (entry("kubectl-edit", {"f:spec": {"f:template": {}}}, "Update"), ("kubectl-edit",)),
        (entry("kubectl-edit", {"f:spec": {"f:probe": {}}}, "Update"), ()),
        (entry("istiod", PORTS, "Update", subresource="status"), ()),
        (entry("meshvm-tui", PORTS), ()),
    ],
)
def test_other_managers_of_a_differing_field_are_named(managed: JSON, owners: tuple[str, ...]) -> None:
    live = group({"template": {"ports": {"http": 8080}}}, managedFields=[managed])
    (found,) = differences(group({"template": {"ports": {"http": 80}}}), live)
    assert found.owners == owners


def test_the_diff_shows_only_what_changes() -> None:
    live = group({"a": 1, "b": 2}, uid="u", resourceVersion="5")
    lines = unified_diff(without_server_fields(live), after_apply(group({"a": 3}), live), "g").splitlines()
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-  a: 1", "+  a: 3"]


def test_lists_of_built_in_kinds_keep_the_items_of_others() -> None:
    live = service([{"name": "b", "port": 2}, {"name": "a", "port": 1}])
    merged = after_apply(service([{"name": "a", "port": 5}, {"name": "c", "port": 3}]), live)
    assert [(port["name"], port["port"]) for port in merged["spec"]["ports"]] == [("b", 2), ("a", 5), ("c", 3)]
