"""Who may do what: tokens, RBAC, reviews, and the words of refusals."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conformance_api.driver import APPLY, Driver
from tests.conformance_api.servers import Server

JSON = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
SELF_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def token(api: Driver, namespace: str, account: str, **spec: Any) -> JSON:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return dict(api.ok("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", body))


def claims(jwt: str) -> JSON:
    body = jwt.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


@pytest.fixture
def account(api: Driver, namespace: str) -> JSON:
    made = api.ok("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "vm-sa"}})
    return dict(made)


@pytest.fixture
def login(server: Server, api: Driver, namespace: str, account: JSON) -> Iterator[Callable[[], Driver]]:
    """Opens a driver as the ServiceAccount `vm-sa`."""
    drivers: list[Driver] = []

    def open_driver() -> Driver:
        jwt = token(api, namespace, "vm-sa", expirationSeconds=600)["status"]["token"]
        drivers.append(Driver(server, jwt))
        return drivers[-1]

    yield open_driver
    for driver in drivers:
        driver.close()


def grant(api: Driver, namespace: str, *rules: JSON) -> None:
    """Gives `vm-sa` a Role of these rules, and waits until the server knows it."""
    api.ok("POST", f"{RBAC}/namespaces/{namespace}/roles", {"metadata": {"name": "some"}, "rules": list(rules)})
    binding = {
        "metadata": {"name": "some"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"},
        "subjects": [{"kind": "ServiceAccount", "name": "vm-sa", "namespace": namespace}],
    }
    api.ok("POST", f"{RBAC}/namespaces/{namespace}/rolebindings", binding)
    asked = {
        "user": f"system:serviceaccount:{namespace}:vm-sa",
        "resourceAttributes": {
            "namespace": namespace,
            "verb": rules[0]["verbs"][0],
            "group": rules[0]["apiGroups"][0],
            "resource": rules[0]["resources"][0],
            "name": (rules[0].get("resourceNames") or [""])[0],
        },
    }
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": asked}
    for _ in range(200):  # kube-apiserver's authorizer reads a cache that its own watch fills
        answer = api.ok("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        if answer["status"]["allowed"]:
            return
    pytest.fail("the role was not known in time")


def test_a_token_says_who_for_whom_and_until_when(api: Driver, namespace: str, account: JSON) -> None:
    answer = token(api, namespace, "vm-sa", audiences=["istio-ca"], expirationSeconds=3600)
    said = claims(answer["status"]["token"])
    assert said["aud"] == ["istio-ca"]
    assert said["sub"] == f"system:serviceaccount:{namespace}:vm-sa"
    assert said["exp"] - said["iat"] == 3600
    assert said["kubernetes.io"]["namespace"] == namespace
    assert said["kubernetes.io"]["serviceaccount"] == {"name": "vm-sa", "uid": account["metadata"]["uid"]}
    assert answer["status"]["expirationTimestamp"].endswith("Z")


def test_a_token_lasts_an_hour_where_nothing_is_said(api: Driver, namespace: str, account: JSON) -> None:
    answer = token(api, namespace, "vm-sa", audiences=["istio-ca"], expirationSeconds=None, boundObjectRef=None)
    said = claims(answer["status"]["token"])
    assert said["exp"] - said["iat"] == 3600


def test_tokens_that_cannot_be_had(api: Driver, namespace: str, account: JSON) -> None:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    short = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 60}}
    refused = api.refused(422, "POST", f"{path}/vm-sa/token", short)
    assert refused["details"]["causes"][0]["message"].endswith("may not specify a duration less than 10 minutes")
    assert api.refused(404, "POST", f"{path}/none/token", {**short, "spec": {}})["message"] == (
        'serviceaccounts "none" not found'
    )


def test_a_token_is_reviewed_by_audience(api: Driver, namespace: str, account: JSON) -> None:
    jwt = token(api, namespace, "vm-sa", audiences=["istio-ca"], expirationSeconds=600)["status"]["token"]

    def review(jwt: str, *audiences: str) -> JSON:
        spec = {"token": jwt, "audiences": list(audiences)}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        return dict(api.ok("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)["status"])

    good = review(jwt, "istio-ca")
    assert (good["authenticated"], good["audiences"]) == (True, ["istio-ca"])
    assert good["user"]["username"] == f"system:serviceaccount:{namespace}:vm-sa"
    assert good["user"]["uid"] == account["metadata"]["uid"]
    wrong = review(jwt, "other")
    assert not wrong.get("authenticated")
    assert wrong["error"] == (
        '[invalid bearer token, token audiences ["istio-ca"] is invalid for the target audiences ["other"]]'
    )
    assert not review("not.a.token", "istio-ca").get("authenticated")


def test_without_a_right_the_refusal_names_who_what_and_where(namespace: str, login: Callable[[], Driver]) -> None:
    user = login()
    who = f'User "system:serviceaccount:{namespace}:vm-sa" cannot'
    where = f'in the namespace "{namespace}"'
    path = f"/api/v1/namespaces/{namespace}"
    for method, place, named, what in (
        ("GET", f"{path}/configmaps", "configmaps", 'list resource "configmaps"'),
        ("GET", f"{path}/configmaps/x", 'configmaps "x"', 'get resource "configmaps"'),
        ("DELETE", f"{path}/configmaps/x", 'configmaps "x"', 'delete resource "configmaps"'),
        ("GET", path, f'namespaces "{namespace}"', 'get resource "namespaces"'),
        (
            "POST",
            f"{path}/serviceaccounts/vm-sa/token",
            'serviceaccounts "vm-sa"',
            'create resource "serviceaccounts/token"',
        ),
    ):
        refused = user.refused(403, method, place, {} if method == "POST" else None)
        assert refused["reason"] == "Forbidden"
        assert refused["message"] == f'{named} is forbidden: {who} {what} in API group "" {where}'
    wide = user.refused(403, "GET", "/apis/networking.istio.io/v1/workloadgroups")
    assert wide["message"] == (
        f'workloadgroups.networking.istio.io is forbidden: {who} list resource "workloadgroups" '
        'in API group "networking.istio.io" at the cluster scope'
    )
    assert wide["details"] == {"group": "networking.istio.io", "kind": "workloadgroups"}


def test_a_role_gives_what_it_says_and_no_more(api: Driver, namespace: str, login: Callable[[], Driver]) -> None:
    grant(api, namespace, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["mine"]})
    for name in ("mine", "other"):
        api.ok("POST", f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": name}})
    user = login()
    assert user.ok("GET", f"/api/v1/namespaces/{namespace}/configmaps/mine")["metadata"]["name"] == "mine"
    user.refused(403, "GET", f"/api/v1/namespaces/{namespace}/configmaps/other")
    user.refused(403, "GET", f"/api/v1/namespaces/{namespace}/configmaps")


def test_an_apply_that_would_create_needs_the_right_to_create(
    api: Driver, namespace: str, login: Callable[[], Driver]
) -> None:
    grant(api, namespace, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}}
    path = f"/api/v1/namespaces/{namespace}/configmaps/new?fieldManager=one"
    refused = login().refused(403, "PATCH", path, body, media=APPLY)
    assert 'cannot create resource "configmaps"' in refused["message"]


def test_everybody_may_ask_about_themselves(api: Driver, namespace: str, login: Callable[[], Driver]) -> None:
    grant(api, namespace, {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]})
    user = login()

    def may(**attributes: str) -> bool:
        spec = {"resourceAttributes": {"namespace": namespace, **attributes}}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
        return bool(user.ok("POST", SELF_ACCESS, body)["status"]["allowed"])

    assert may(verb="list", resource="secrets")
    assert not may(verb="create", resource="secrets")
    assert not may(verb="create", resource="serviceaccounts", subresource="token")
    who = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    info = user.ok("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", who)["status"]["userInfo"]
    assert info["username"] == f"system:serviceaccount:{namespace}:vm-sa"
    assert f"system:serviceaccounts:{namespace}" in info["groups"]
    rules = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    found = user.ok("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", rules)["status"]
    assert any(rule["resources"] == ["secrets"] and rule["verbs"] == ["list"] for rule in found["resourceRules"])


def test_an_access_review_asks_exactly_one_thing(api: Driver) -> None:
    empty = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {}}
    assert (
        "exactly one of nonResourceAttributes or resourceAttributes"
        in api.refused(422, "POST", SELF_ACCESS, empty)["message"]
    )


def test_a_credential_that_is_not_taken_is_401(server: Server) -> None:
    stranger = Driver(server, "not-a-token")
    refused = stranger.refused(401, "GET", "/api/v1/namespaces")
    stranger.close()
    assert (refused["reason"], refused["message"]) == ("Unauthorized", "Unauthorized")


def test_without_a_credential_one_is_anonymous(server: Server) -> None:
    nobody = Driver(server, "")
    refused = nobody.refused(403, "GET", "/api/v1/namespaces")
    path = nobody.refused(403, "GET", "/apis")
    version = nobody.ok("GET", "/version")
    nobody.close()
    assert refused["message"] == (
        'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" '
        'in API group "" at the cluster scope'
    )
    assert path["message"] == 'forbidden: User "system:anonymous" cannot get path "/apis"'
    assert version["major"] == "1"
