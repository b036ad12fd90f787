"""Objects as they are stored: creation, defaults, updates, deletion in two phases, preconditions, dry run, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance_api.driver import MERGE, Driver

JSON = dict[str, Any]
MESH = "/apis/networking.istio.io/v1"


def group(name: str = "vm", **spec: Any) -> JSON:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": name},
        "spec": spec or {"template": {"serviceAccount": "vm-sa"}},
    }


def config_map(name: str = "cm", **more: Any) -> JSON:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **more}, "data": {"a": "b"}}


def test_creation_fills_in_metadata(api: Driver, namespace: str) -> None:
    made = api.ok("POST", f"{MESH}/namespaces/{namespace}/workloadgroups", group())
    metadata = made["metadata"]
    assert metadata["namespace"] == namespace
    assert metadata["generation"] == 1
    assert len(metadata["uid"]) == 36
    assert metadata["creationTimestamp"].endswith("Z")
    assert int(metadata["resourceVersion"]) > 0


def test_a_custom_resource_is_one_object_through_every_version(api: Driver, namespace: str) -> None:
    api.ok("POST", f"{MESH}/namespaces/{namespace}/workloadgroups", group())
    path = f"/apis/networking.istio.io/v1alpha3/namespaces/{namespace}/workloadgroups/vm"
    old = api.ok("GET", path)
    assert old["apiVersion"] == "networking.istio.io/v1alpha3"
    api.ok("PATCH", path, {"metadata": {"labels": {"seen": "yes"}}}, media=MERGE)
    new = api.ok("GET", f"{MESH}/namespaces/{namespace}/workloadgroups/vm")
    assert new["apiVersion"] == "networking.istio.io/v1"
    assert new["metadata"]["labels"] == {"seen": "yes"}


def test_a_namespace_is_named_in_its_labels(api: Driver, namespace: str) -> None:
    found = api.ok("GET", f"/api/v1/namespaces/{namespace}")
    assert found["metadata"]["labels"] == {"kubernetes.io/metadata.name": namespace}
    assert found["spec"]["finalizers"] == ["kubernetes"]
    assert found["status"]["phase"] == "Active"


def test_a_service_gets_its_defaults_and_keeps_its_address(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services"
    service: JSON = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}}
    made = api.ok("POST", path, service)
    assert made["spec"]["type"] == "ClusterIP"
    assert made["spec"]["clusterIP"].startswith("10.96.")
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    changed = api.ok("PUT", f"{path}/web", {**service, "spec": {**service["spec"], "type": "LoadBalancer"}})
    assert changed["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert changed["spec"]["ports"][0]["nodePort"] >= 30000
    refused = api.refused(422, "PATCH", f"{path}/web", {"spec": {"clusterIP": "10.96.200.200"}}, media=MERGE)
    assert refused["details"]["causes"][0]["message"].endswith("may not change once set")


def test_a_deployment_and_a_pod_get_their_defaults(api: Driver, namespace: str) -> None:
    container = {"name": "web", "image": "nginx", "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}
    deployment = {
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": template},
    }
    made = api.ok("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment)
    assert (made["spec"]["replicas"], made["spec"]["strategy"]["type"]) == (1, "RollingUpdate")
    assert made["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert made["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] == "TCP"
    pod = {"metadata": {"generateName": "web-"}, "spec": {"containers": [container]}}
    born = api.ok("POST", f"/api/v1/namespaces/{namespace}/pods", pod)
    assert born["metadata"]["name"].startswith("web-")
    assert len(born["metadata"]["name"]) == len("web-") + 5
    assert (born["status"]["phase"], born["spec"]["restartPolicy"]) == ("Pending", "Always")


def test_a_deployment_is_scaled(api: Driver, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    spec = {"selector": {"matchLabels": {"app": "x"}}, "template": template, "replicas": None}
    made = {"metadata": {"name": "web", "creationTimestamp": None}, "spec": spec, "status": {}}
    assert api.ok("POST", path, made)["spec"]["replicas"] == 1
    scale = api.ok("GET", f"{path}/web/scale")
    assert (scale["kind"], scale["apiVersion"], scale["status"]["selector"]) == ("Scale", "autoscaling/v1", "app=x")
    assert api.ok("PATCH", f"{path}/web/scale", {"spec": {"replicas": 0}}, media=MERGE)["spec"] == {}
    assert api.ok("PUT", f"{path}/web/scale", {**scale, "spec": {"replicas": 3}, "metadata": {"name": "web"}})
    assert api.ok("GET", f"{path}/web")["spec"]["replicas"] == 3
    api.refused(409, "PUT", f"{path}/web/scale", scale)


def test_status_is_written_through_its_subresource_only(api: Driver, namespace: str) -> None:
    path = f"{MESH}/namespaces/{namespace}/workloadgroups"
    made = api.ok("POST", path, {**group(), "status": {"conditions": [{"type": "Forged"}]}})
    assert "status" not in made
    status = {"conditions": [{"type": "Healthy", "status": "True"}]}
    through = api.ok(
        "PATCH", f"{path}/vm/status", {"status": status, "spec": {"template": {"network": "x"}}}, media=MERGE
    )
    assert through["status"] == status
    assert through["spec"] == made["spec"]
    assert through["metadata"]["generation"] == 1
    stripped = api.ok("PATCH", f"{path}/vm", {"status": {"conditions": []}}, media=MERGE)
    assert stripped["status"] == status
    assert stripped["metadata"]["resourceVersion"] == through["metadata"]["resourceVersion"]


def test_generation_counts_changes_of_the_spec(api: Driver, namespace: str) -> None:
    path = f"{MESH}/namespaces/{namespace}/workloadgroups"
    api.ok("POST", path, group())
    labelled = api.ok("PATCH", f"{path}/vm", {"metadata": {"labels": {"a": "b"}}}, media=MERGE)
    assert labelled["metadata"]["generation"] == 1
    changed = api.ok("PATCH", f"{path}/vm", {"spec": {"template": {"network": "n"}}}, media=MERGE)
    assert changed["metadata"]["generation"] == 2


def test_an_update_from_a_stale_read_is_refused(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    first = api.ok("POST", path, config_map())
    api.ok("PATCH", f"{path}/cm", {"data": {"a": "c"}}, media=MERGE)
    refused = api.refused(409, "PUT", f"{path}/cm", first)
    assert refused["reason"] == "Conflict"
    assert refused["message"] == (
        'Operation cannot be fulfilled on configmaps "cm": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    del first["metadata"]["resourceVersion"]
    assert api.ok("PUT", f"{path}/cm", first)["data"] == {"a": "b"}


def test_an_update_of_a_custom_resource_must_say_what_it_read(api: Driver, namespace: str) -> None:
    path = f"{MESH}/namespaces/{namespace}/workloadgroups"
    api.ok("POST", path, group())
    refused = api.refused(422, "PUT", f"{path}/vm", group())
    assert refused["details"]["causes"][0]["field"] == "metadata.resourceVersion"


def test_an_update_that_changes_nothing_makes_no_new_version(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    first = api.ok("POST", path, config_map())
    again = api.ok("PUT", f"{path}/cm", config_map())
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_finalizers_hold_an_object_until_they_are_gone(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    api.ok("POST", path, config_map(finalizers=["conformance.test/hold"]))
    held = api.ok("DELETE", f"{path}/cm")
    assert held["kind"] == "ConfigMap"
    assert held["metadata"]["deletionTimestamp"]
    assert api.ok("GET", f"{path}/cm")["metadata"]["deletionTimestamp"] == held["metadata"]["deletionTimestamp"]
    api.ok("PATCH", f"{path}/cm", {"metadata": {"finalizers": None}}, media=MERGE)
    api.refused(404, "GET", f"{path}/cm")


def test_deletion_tells_what_was_deleted_and_minds_preconditions(api: Driver, namespace: str) -> None:
    path = f"{MESH}/namespaces/{namespace}/workloadgroups"
    uid = api.ok("POST", path, group())["metadata"]["uid"]
    refused = api.refused(409, "DELETE", f"{path}/vm", {"preconditions": {"uid": "another"}})
    assert (refused["reason"], "another" in refused["message"]) == ("Conflict", True)
    done = api.ok("DELETE", f"{path}/vm", {"preconditions": {"uid": uid}})
    assert done["status"] == "Success"
    assert done["details"] == {"name": "vm", "group": "networking.istio.io", "kind": "workloadgroups", "uid": uid}
    api.refused(404, "DELETE", f"{path}/vm")


def test_a_collection_is_deleted_by_selector(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name, tier in (("one", "a"), ("two", "a"), ("three", "b")):
        api.ok("POST", path, config_map(name, labels={"tier": tier}))
    api.ok("DELETE", f"{path}?labelSelector=tier%3Da")
    left = [item["metadata"]["name"] for item in api.ok("GET", path)["items"]]
    assert {"one", "two"}.isdisjoint(left)
    assert "three" in left


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_dry_run_answers_and_changes_nothing(api: Driver, namespace: str, method: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    before = api.ok("POST", path, config_map())
    if method == "POST":
        made = api.ok("POST", f"{path}?dryRun=All", config_map("other"))
        assert made["metadata"]["uid"]
        api.refused(404, "GET", f"{path}/other")
    elif method == "PATCH":
        made = api.ok("PATCH", f"{path}/cm?dryRun=All", {"data": {"a": "z"}}, media=MERGE)
        assert made["data"] == {"a": "z"}
    else:
        api.ok("DELETE", f"{path}/cm?dryRun=All")
    assert api.ok("GET", f"{path}/cm") == before


def test_a_deleted_namespace_terminates_and_takes_nothing_new(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    api.ok("POST", path, config_map(finalizers=["conformance.test/hold"]))
    dying = api.ok("DELETE", f"/api/v1/namespaces/{namespace}")
    assert dying["status"]["phase"] == "Terminating"
    refused = api.refused(403, "POST", path, config_map("late"))
    assert refused["message"] == (
        f'configmaps "late" is forbidden: unable to create new content in namespace {namespace} '
        "because it is being terminated"
    )
    assert refused["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    api.ok("PATCH", f"{path}/cm", {"metadata": {"finalizers": None}}, media=MERGE)


def test_what_is_not_there_is_named(api: Driver, namespace: str) -> None:
    missing = api.refused(404, "GET", f"{MESH}/namespaces/{namespace}/workloadentries/zz")
    assert missing["message"] == 'workloadentries.networking.istio.io "zz" not found'
    assert missing["details"] == {"name": "zz", "group": "networking.istio.io", "kind": "workloadentries"}
    nowhere = api.refused(404, "POST", "/api/v1/namespaces/nowhere/configmaps", config_map())
    assert nowhere["message"] == 'namespaces "nowhere" not found'
    assert nowhere["details"] == {"name": "nowhere", "kind": "namespaces"}


def test_what_is_there_already_is_another_conflict(api: Driver, namespace: str) -> None:
    refused = api.refused(409, "POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    assert (refused["reason"], refused["message"]) == ("AlreadyExists", f'namespaces "{namespace}" already exists')


@pytest.mark.parametrize(
    ("path", "body", "field", "words"),
    [
        ("/api/v1/namespaces", {"metadata": {"name": "Bad_"}}, "metadata.name", "RFC 1123 label"),
        ("/api/v1/namespaces", {"metadata": {}}, "metadata.name", "name or generateName is required"),
        (
            "/api/v1/namespaces/{}/services",
            {"metadata": {"name": "Bad_"}, "spec": {"ports": [{"port": 80}]}},
            "metadata.name",
            "RFC 1123 label",
        ),
        (
            "/api/v1/namespaces/{}/services",
            {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 70000}]}},
            "spec.ports[0].port",
            "must be between 1 and 65535, inclusive",
        ),
        (
            "/api/v1/namespaces/{}/services",
            {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}, {"port": 2}]}},
            "spec.ports[0].name",
            "Required value",
        ),
        (
            "/api/v1/namespaces/{}/configmaps",
            {"metadata": {"name": "x", "labels": {"a": "b c"}}},
            "metadata.labels",
            "a valid label must be an empty string or consist of alphanumeric characters",
        ),
        ("/api/v1/namespaces/{}/serviceaccounts", {"metadata": {"name": "No"}}, "metadata.name", "RFC 1123 subdomain"),
        (MESH + "/namespaces/{}/workloadgroups", group(probe={}), "spec.template", "Required value"),
        (
            MESH + "/namespaces/{}/workloadgroups",
            group(template={"ports": {"http": "80"}}),
            "spec.template.ports.http",
            'must be of type integer: "string"',
        ),
        (
            MESH + "/namespaces/{}/workloadentries",
            {**group("e", labels={"a": "b"}), "kind": "WorkloadEntry"},
            "spec",
            "Address is required",
        ),
    ],
)
def test_invalid_objects_are_refused_field_by_field(  # noqa: PLR0917 - one row of the table
    api: Driver, namespace: str, path: str, body: JSON, field: str, words: str
) -> None:
    refused = api.refused(422, "POST", path.format(namespace), body)
    assert refused["reason"] == "Invalid"
    cause = next(one for one in refused["details"]["causes"] if one["field"] == field)
    assert words in cause["message"]
    assert f"{field}: {cause['message']}" in refused["message"]


def test_unknown_fields_of_a_custom_resource_are_dropped_with_a_warning_or_refused(api: Driver, namespace: str) -> None:
    path = f"{MESH}/namespaces/{namespace}/workloadgroups"
    wrong = group(template={"serviceAcount": "vm-sa"})
    refused = api.refused(400, "POST", f"{path}?fieldValidation=Strict", wrong)
    assert 'strict decoding error: unknown field "spec.template.serviceAcount"' in refused["message"]
    reply = api.call("POST", path, wrong)
    assert reply.json["spec"] == {"template": {}}
    assert reply.headers["Warning"] == '299 - "unknown field \\"spec.template.serviceAcount\\""'


def test_unknown_fields_of_a_built_in_kind_too(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services"
    wrong = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80, "nmae": "http"}], "selectors": {}}}
    refused = api.refused(400, "POST", f"{path}?fieldValidation=Strict", wrong)
    assert (
        'strict decoding error: unknown field "spec.ports[0].nmae", unknown field "spec.selectors"'
        in (refused["message"])
    )
    reply = api.call("POST", path, wrong)
    assert "selectors" not in reply.json["spec"]
    assert reply.headers["Warning"].startswith('299 - "unknown field')


def test_bodies_that_do_not_fit_their_path_are_refused(api: Driver, namespace: str) -> None:
    path = f"{MESH}/namespaces/{namespace}/workloadgroups"
    version = api.refused(400, "POST", path, {**group(), "apiVersion": "networking.istio.io/v1beta1"})
    assert "does not match the expected API version (networking.istio.io/v1)" in version["message"]
    elsewhere = group()
    elsewhere["metadata"]["namespace"] = "other"
    assert "the namespace of the provided object" in api.refused(400, "POST", path, elsewhere)["message"]
    numbers = {"metadata": {"name": "x"}, "data": {"a": 1}}
    broken = api.refused(400, "POST", f"/api/v1/namespaces/{namespace}/configmaps", numbers)
    assert "json: cannot unmarshal number into Go struct field ConfigMap.data of type string" in broken["message"]
