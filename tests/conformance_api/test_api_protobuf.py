"""Request bodies in protobuf, built by hand, as current kubectl sends them for built-in kinds."""

from __future__ import annotations

from tests.conformance_api.driver import Driver

PROTOBUF = "application/vnd.kubernetes.protobuf"


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    type_ = field(1, api_version) + field(2, kind)
    return b"k8s\x00" + field(1, type_) + field(2, raw) + field(3, "") + field(4, "")


def named(name: str, *more: bytes) -> bytes:
    """An ObjectMeta; gogo-protobuf writes its empty strings too."""
    return field(1, name) + field(2, "") + field(3, "") + b"".join(more)


def test_a_namespace(api: Driver) -> None:
    label = field(11, field(1, "team") + field(2, "mesh"))
    raw = field(1, named("from-protobuf", label)) + field(2, b"") + field(3, field(1, ""))
    made = api.ok("POST", "/api/v1/namespaces", envelope("v1", "Namespace", raw), media=PROTOBUF)
    assert made["metadata"]["name"] == "from-protobuf"
    assert made["metadata"]["labels"]["team"] == "mesh"
    assert made["spec"]["finalizers"] == ["kubernetes"]


def test_a_service_account_and_its_token(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    raw = field(1, named("vm-sa")) + field(3, field(1, "registry")) + field(4, 0)
    made = api.ok("POST", path, envelope("v1", "ServiceAccount", raw), media=PROTOBUF)
    assert (made["imagePullSecrets"], made["automountServiceAccountToken"]) == ([{"name": "registry"}], False)
    raw = field(1, named("")) + field(2, field(1, "istio-ca") + field(1, "other") + field(4, 7200))
    body = envelope("authentication.k8s.io/v1", "TokenRequest", raw)
    token = api.ok("POST", f"{path}/vm-sa/token", body, media=PROTOBUF)
    assert token["spec"]["audiences"] == ["istio-ca", "other"]
    assert token["spec"]["expirationSeconds"] == 7200


def test_self_reviews(api: Driver) -> None:
    attributes = field(1, "default") + field(2, "list") + field(5, "pods")
    body = envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview", field(2, field(1, attributes)))
    answer = api.ok("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body, media=PROTOBUF)
    assert answer["status"]["allowed"] is True
    assert answer["spec"]["resourceAttributes"] == {"namespace": "default", "verb": "list", "resource": "pods"}
    body = envelope("authentication.k8s.io/v1", "SelfSubjectReview", field(1, named("")))
    answer = api.ok("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body, media=PROTOBUF)
    assert answer["status"]["userInfo"]["username"] == "lab-admin"


def test_delete_options(api: Driver, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    uid = api.ok("POST", path, {"metadata": {"name": "cm"}})["metadata"]["uid"]
    wrong = envelope("v1", "DeleteOptions", field(2, field(1, "another")))
    api.refused(409, "DELETE", f"{path}/cm", wrong, media=PROTOBUF)
    right = envelope("v1", "DeleteOptions", field(2, field(1, uid)))
    api.ok("DELETE", f"{path}/cm", right, media=PROTOBUF)


def test_what_is_no_protobuf_is_refused(api: Driver) -> None:
    assert api.refused(400, "POST", "/api/v1/namespaces", b"{}", media=PROTOBUF)["reason"] == "BadRequest"
