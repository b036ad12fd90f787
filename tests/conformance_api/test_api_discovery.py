"""Discovery, health, and the part of OpenAPI that kubectl reads."""

from __future__ import annotations

import time
from threading import Event
from typing import Any

import pytest

from meshvm_tui.lab.cluster_api import built_in_fields
from tests.conformance_api.driver import Driver
from tests.conformance_api.servers import Server

JSON = dict[str, Any]


def test_groups_and_their_preferred_versions(api: Driver) -> None:
    assert api.ok("GET", "/api")["versions"] == ["v1"]
    groups = {group["name"]: group for group in api.ok("GET", "/apis")["groups"]}
    networking = groups["networking.istio.io"]
    assert networking["preferredVersion"]["groupVersion"] == "networking.istio.io/v1"
    assert [one["version"] for one in networking["versions"]] == ["v1", "v1beta1", "v1alpha3"]
    assert {"apps", "authentication.k8s.io", "rbac.authorization.k8s.io"} <= set(groups)
    single = api.ok("GET", "/apis/networking.istio.io")
    assert (single["kind"], single["preferredVersion"]["version"]) == ("APIGroup", "v1")


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("/api/v1", "pods", {"kind": "Pod", "namespaced": True, "singularName": "pod", "shortNames": ["po"]}),
        ("/api/v1", "namespaces", {"kind": "Namespace", "namespaced": False, "shortNames": ["ns"]}),
        ("/api/v1", "namespaces/status", {"kind": "Namespace", "singularName": ""}),
        ("/api/v1", "serviceaccounts/token", {"kind": "TokenRequest", "group": "authentication.k8s.io"}),
        ("/apis/apps/v1", "deployments", {"kind": "Deployment", "shortNames": ["deploy"]}),
        (
            "/apis/networking.istio.io/v1",
            "workloadentries",
            {"kind": "WorkloadEntry", "shortNames": ["we"], "singularName": "workloadentry", "namespaced": True},
        ),
        ("/apis/networking.istio.io/v1", "workloadentries/status", {"verbs": ["get", "patch", "update"]}),
        ("/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", {"verbs": ["create"]}),
    ],
)
def test_resources_of_a_version(api: Driver, path: str, name: str, expected: JSON) -> None:
    resources = {one["name"]: one for one in api.ok("GET", path)["resources"]}
    assert expected.items() <= resources[name].items()


def test_what_is_not_served_is_404(api: Driver) -> None:
    for path in ("/apis/networking.istio.io/v9", "/apis/none.example.com", "/apis/networking.istio.io/v1/nothings"):
        assert api.call("GET", path).code == 404
    assert api.refused(404, "GET", "/apis/apps/v1/nothings")["message"] == (
        "the server could not find the requested resource"
    )


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health(api: Driver, path: str) -> None:
    reply = api.call("GET", path)
    assert (reply.code, reply.text) == (200, "ok")


def test_every_patch_can_be_validated(api: Driver) -> None:
    places = api.ok("GET", "/openapi/v3")["paths"]
    for group, kind in (
        ("api/v1", "Service"),
        ("apis/apps/v1", "Deployment"),
        ("apis/networking.istio.io/v1", "WorkloadGroup"),
    ):
        document = api.ok("GET", places[group]["serverRelativeURL"])
        patches = [item["patch"] for item in document["paths"].values() if "patch" in item]
        found = next(one for one in patches if one["x-kubernetes-group-version-kind"]["kind"] == kind)
        assert "fieldValidation" in {parameter["name"] for parameter in found["parameters"]}


def test_a_definition_makes_its_kind_served_and_its_end_takes_it_away(api: Driver) -> None:
    names = {"plural": "probes", "singular": "probe", "kind": "Probe", "listKind": "ProbeList"}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "probes.conformance.test"},
        "spec": {"group": "conformance.test", "names": names, "scope": "Namespaced", "versions": [version]},
    }
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    api.ok("POST", path, definition)
    with api.watch(f"{path}?watch=1&fieldSelector=metadata.name%3Dprobes.conformance.test&timeoutSeconds=20") as events:
        for event in events:
            conditions = event["object"].get("status", {}).get("conditions") or ()
            if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
                break
        for _ in range(100):  # kube-apiserver answers 429 while it opens the storage of a new kind
            listed = api.call("GET", "/apis/conformance.test/v1/namespaces/default/probes")
            if listed.code == 200:
                break
            Event().wait(0.05)
        assert listed.json["items"] == []
        api.ok("DELETE", f"{path}/probes.conformance.test")
        assert any(event["type"] == "DELETED" for event in events)
    end = time.monotonic() + 10  # kube-apiserver's handlers hear of it a moment after the watch does
    while api.call("GET", "/apis/conformance.test/v1/namespaces/default/probes").code != 404:
        assert time.monotonic() < end
        Event().wait(0.05)


def test_the_fields_that_the_lab_knows_are_those_of_a_real_server(api: Driver, server: Server) -> None:
    if not server.real:
        assert built_in_fields.tables()["kinds"]["core/pods/v1"] == "Pod"
        return
    places = api.ok("GET", "/openapi/v3")["paths"]
    for group, name in (("api/v1", "PodSpec"), ("api/v1", "ServiceSpec"), ("apis/apps/v1", "DeploymentSpec")):
        document = api.ok("GET", places[group]["serverRelativeURL"])
        found = next(one for key, one in document["components"]["schemas"].items() if key.endswith(f".{name}"))
        known = next(one for key, one in built_in_fields.tables()["types"].items() if key.split(".")[-1] == name)
        assert set(found["properties"]) <= set(known)
