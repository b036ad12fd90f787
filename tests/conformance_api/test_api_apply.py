"""Server-side apply: who owns what, conflicts with names, force, and fields that are given up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance_api.driver import APPLY, MERGE, Driver, Reply

JSON = dict[str, Any]


@pytest.fixture
def path(namespace: str) -> str:
    return f"/apis/networking.istio.io/v1/namespaces/{namespace}/workloadgroups/vm"


def group(**template: Any) -> JSON:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": "vm"},
        "spec": {"template": template},
    }


def done(reply: Reply) -> JSON:
    assert reply.code in {200, 201}, reply.text
    return dict(reply.json)


def fields(obj: JSON, manager: str, operation: str = "Apply") -> JSON:
    (found,) = [
        entry
        for entry in obj["metadata"]["managedFields"]
        if (entry["manager"], entry["operation"]) == (manager, operation) and "subresource" not in entry
    ]
    return dict(found["fieldsV1"])


def test_an_apply_creates_and_owns_what_it_says(api: Driver, path: str) -> None:
    reply = api.apply(path, group(serviceAccount="vm-sa", labels={"app": "vm"}, ports={"http": 80}), "one")
    assert reply.code == 201
    (entry,) = reply.json["metadata"]["managedFields"]
    assert entry == {
        "manager": "one",
        "operation": "Apply",
        "apiVersion": "networking.istio.io/v1",
        "time": entry["time"],
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:spec": {"f:template": {"f:labels": {"f:app": {}}, "f:ports": {"f:http": {}}, "f:serviceAccount": {}}}
        },
    }


def test_the_same_apply_again_changes_nothing(api: Driver, path: str) -> None:
    first = done(api.apply(path, group(serviceAccount="vm-sa"), "one"))
    assert done(api.apply(path, group(serviceAccount="vm-sa"), "one")) == first


def test_another_managers_value_is_a_conflict_that_names_it(api: Driver, path: str) -> None:
    done(api.apply(path, group(serviceAccount="vm-sa", network="a"), "one"))
    reply = api.apply(path, group(serviceAccount="other", network="a"), "two")
    assert reply.code == 409
    status = reply.json
    assert status["reason"] == "Conflict"
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "one": .spec.template.serviceAccount'
    assert status["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "one"',
            "field": ".spec.template.serviceAccount",
        }
    ]


def test_several_conflicts_are_told_by_manager(api: Driver, path: str) -> None:
    done(api.apply(path, group(serviceAccount="vm-sa", labels={"app": "vm"}), "one"))
    api.ok("PATCH", f"{path}?fieldManager=by-hand", {"spec": {"template": {"network": "n"}}}, media=MERGE)
    reply = api.apply(path, group(serviceAccount="x", labels={"app": "x"}, network="x"), "two")
    assert reply.code == 409
    assert reply.json["message"] == (
        "Apply failed with 3 conflicts: "
        'conflicts with "by-hand" using networking.istio.io/v1:\n- .spec.template.network\n'
        'conflicts with "one":\n- .spec.template.serviceAccount\n- .spec.template.labels.app'
    )


def test_force_takes_the_field_over(api: Driver, path: str) -> None:
    done(api.apply(path, group(serviceAccount="vm-sa", network="a"), "one"))
    taken = done(api.apply(path, group(serviceAccount="other"), "two", force=True))
    assert taken["spec"]["template"] == {"serviceAccount": "other", "network": "a"}
    assert fields(taken, "one") == {"f:spec": {"f:template": {"f:network": {}}}}
    assert fields(taken, "two") == {"f:spec": {"f:template": {"f:serviceAccount": {}}}}


def test_an_equal_value_is_shared(api: Driver, path: str) -> None:
    done(api.apply(path, group(serviceAccount="vm-sa"), "one"))
    shared = done(api.apply(path, group(serviceAccount="vm-sa"), "two"))
    assert fields(shared, "one") == fields(shared, "two")
    assert api.apply(path, group(serviceAccount="x"), "two").code == 409
    left = done(api.apply(path, group(network="n"), "two"))
    assert left["spec"]["template"] == {"serviceAccount": "vm-sa", "network": "n"}


def test_a_field_that_is_applied_no_more_goes(api: Driver, path: str) -> None:
    done(api.apply(path, group(serviceAccount="vm-sa", network="n", labels={"a": "1", "b": "2"}), "one"))
    less = done(api.apply(path, group(serviceAccount="vm-sa", labels={"a": "1"}), "one"))
    assert less["spec"]["template"] == {"serviceAccount": "vm-sa", "labels": {"a": "1"}}
    assert less["metadata"]["generation"] == 2
    none = done(api.apply(path, group(serviceAccount="vm-sa"), "one"))
    assert none["spec"]["template"] == {"serviceAccount": "vm-sa"}


def test_an_update_takes_over_what_it_changes(api: Driver, path: str) -> None:
    done(api.apply(path, group(serviceAccount="vm-sa", network="n"), "one"))
    patch = {"spec": {"template": {"network": "m"}}}
    changed = api.ok("PATCH", f"{path}?fieldManager=kubectl-edit", patch, media=MERGE)
    assert fields(changed, "one") == {"f:spec": {"f:template": {"f:serviceAccount": {}}}}
    assert fields(changed, "kubectl-edit", "Update") == {"f:spec": {"f:template": {"f:network": {}}}}
    conflict = api.apply(path, group(serviceAccount="vm-sa", network="n"), "one")
    assert conflict.json["details"]["causes"][0]["message"] == (
        'conflict with "kubectl-edit" using networking.istio.io/v1'
    )


def test_lists_of_built_in_kinds_are_merged_by_their_keys(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services/web"

    def service(*ports: JSON) -> JSON:
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": list(ports)}}

    done(api.apply(path, service({"name": "http", "port": 80}), "one"))
    both = done(api.apply(path, service({"name": "tls", "port": 443, "targetPort": 8443}), "two"))
    assert [port["port"] for port in both["spec"]["ports"]] == [80, 443]
    assert fields(both, "two") == {
        "f:spec": {
            "f:ports": {'k:{"port":443,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}, "f:targetPort": {}}}
        }
    }
    reply = api.apply(path, service({"name": "secure", "port": 443}), "three")
    assert reply.json["details"]["causes"][0]["field"] == '.spec.ports[port=443,protocol="TCP"].name'
    moved = done(api.apply(path, service({"name": "other", "port": 8080}), "two"))
    assert sorted(port["port"] for port in moved["spec"]["ports"]) == [80, 8080]


def test_a_deployment_shared_by_two_managers(api: Driver, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    base: JSON = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}

    def pods(*containers: JSON) -> JSON:
        return {"template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": list(containers)}}}

    whole = {"selector": {"matchLabels": {"app": "x"}}, **pods({"name": "web", "image": "nginx:1"})}
    done(api.apply(path, {**base, "spec": whole}, "one"))
    added = {"name": "web", "env": [{"name": "A", "value": "1"}]}
    shared = done(api.apply(path, {**base, "spec": {"replicas": 3, **pods(added)}}, "two"))
    container = shared["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["env"]) == ("nginx:1", [{"name": "A", "value": "1"}])
    left = done(api.apply(path, {**base, "spec": {"replicas": 3}}, "two"))
    assert "env" not in left["spec"]["template"]["spec"]["containers"][0]
    assert left["spec"]["replicas"] == 3


def test_a_field_that_a_built_in_kind_does_not_have_is_not_applied(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services/web?fieldManager=one"
    config = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"ports": [{"port": 80, "nmae": "http"}]},
    }
    assert api.refused(500, "PATCH", path, config, media=APPLY)["message"] == (
        'failed to create typed patch object (/web; /v1, Kind=Service): .spec.ports[port=80,protocol="TCP"].nmae: '
        "field not declared in schema"
    )


def test_status_is_applied_through_its_subresource(api: Driver, path: str) -> None:
    done(api.apply(path, {**group(serviceAccount="vm-sa"), "status": {"conditions": []}}, "one"))
    config = {**group(), "status": {"conditions": [{"type": "Healthy", "status": "True"}]}}
    reported = done(api.call("PATCH", f"{path}/status?fieldManager=istiod", config, media=APPLY))
    assert reported["status"] == config["status"]
    (entry,) = [one for one in reported["metadata"]["managedFields"] if one["manager"] == "istiod"]
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:conditions": {}}})


def test_a_dry_run_tells_of_conflicts_and_changes_nothing(api: Driver, path: str) -> None:
    before = done(api.apply(path, group(serviceAccount="vm-sa"), "one"))
    query = "?fieldManager=two&dryRun=All"
    assert api.call("PATCH", path + query, group(serviceAccount="x"), media=APPLY).code == 409
    tried = done(api.call("PATCH", path + query, group(network="n"), media=APPLY))
    assert tried["spec"]["template"] == {"serviceAccount": "vm-sa", "network": "n"}
    assert api.ok("GET", path) == before


def test_yaml_is_applied_as_it_is_written(api: Driver, path: str) -> None:
    text = b"""
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: vm, annotations: {since: "2024-01-01", until: 2025-01-01x}}
spec:
  template: {serviceAccount: vm-sa, ports: {http: 8080}}
"""
    made = done(api.call("PATCH", f"{path}?fieldManager=one", text, media=APPLY))
    assert made["metadata"]["annotations"] == {"since": "2024-01-01", "until": "2025-01-01x"}
    assert made["spec"]["template"]["ports"] == {"http": 8080}


@pytest.mark.parametrize(
    ("query", "body", "code", "words"),
    [
        ("", group(), 422, "fieldManager: Required value: is required for apply patch"),
        ("?fieldManager=one", {"spec": {}}, 400, "invalid object type"),
        (
            "?fieldManager=one",
            group(serviceAcount="x"),
            500,
            "failed to create typed patch object (/vm; networking.istio.io/v1, Kind=WorkloadGroup): "
            ".spec.template.serviceAcount: field not declared in schema",
        ),
        ("?fieldManager=one", group(weight="heavy"), 500, ".weight: expected numeric (int or float), got string"),
        (
            "?fieldManager=one",
            group(weight=True),
            500,
            ".spec.template.weight: expected numeric (int or float), got bool",
        ),
        (
            "?fieldManager=one",
            group(serviceAccount=5),
            500,
            "failed to create typed patch object (/vm; networking.istio.io/v1, Kind=WorkloadGroup): "
            ".spec.template.serviceAccount: expected string, got &value.valueUnstructured{Value:5}",
        ),
        ("?fieldManager=one", group(labels=["x", "y"]), 500, ".spec.template.labels: expected map, got &{[x y]}"),
        ("?fieldManager=one", group(labels={"a": 5}), 500, ".labels.a: expected string"),
        ("?fieldManager=one", group(weight=-1), 422, "in body should be greater than or equal to 0"),
        (
            "?fieldManager=one",
            {**group(), "metadata": {"name": "vm", "managedFields": [{"manager": "x"}]}},
            400,
            "metadata.managedFields must be nil",
        ),
    ],
)
def test_what_cannot_be_applied_is_refused(  # noqa: PLR0917 - one row of the table
    api: Driver, path: str, query: str, body: JSON, code: int, words: str
) -> None:
    assert words in api.refused(code, "PATCH", path + query, body, media=APPLY)["message"]
