"""What is asked of the API server by POST without making an object: reviews and ServiceAccount tokens."""

from __future__ import annotations

from typing import Any

from meshvm_tui.lab.clock import rfc3339
from meshvm_tui.lab.cluster_api.access import Access, Question, User, service_account_user
from meshvm_tui.lab.cluster_api.errors import Cause, invalid
from meshvm_tui.lab.cluster_api.request_info import RequestInfo
from meshvm_tui.lab.objects import Objects
from meshvm_tui.lab.tokens import DEFAULT_AUDIENCES, TokenRejected, Tokens

JSON = dict[str, Any]
_MIN_SECONDS, _MAX_SECONDS, _DEFAULT_SECONDS = 600, 1 << 32, 3600


class Reviews:
    """Answers reviews and token requests."""

    def __init__(self, objects: Objects, access: Access, tokens: Tokens) -> None:
        self._objects = objects
        self._access = access
        self._tokens = tokens

    def answer(self, plural: str, user: User, body: JSON) -> JSON | None:
        """A review's answer; None where there is no such review."""
        spec = body.get("spec") or {}
        match plural:
            case "selfsubjectreviews":
                status: JSON = {"userInfo": user.info()}
            case "selfsubjectaccessreviews":
                status = self._access_status(user, spec)
            case "subjectaccessreviews":
                asked = User(spec.get("user", ""), tuple(spec.get("groups") or ()))
                status = self._access_status(asked, spec)
            case "selfsubjectrulesreviews":
                status = self._rules_status(user, spec.get("namespace", ""))
            case "tokenreviews":
                status = self._token_status(spec)
            case _:
                return None
        return {**body, "metadata": {}, "status": status}

    def token(self, info: RequestInfo, body: JSON) -> JSON:
        """The answer to a TokenRequest of a ServiceAccount."""
        account = self._objects.need(info.kind, info.namespace, info.name)
        spec = dict(body.get("spec") or {})
        seconds = _DEFAULT_SECONDS if spec.get("expirationSeconds") is None else spec["expirationSeconds"]
        _check_seconds(seconds)
        audiences = spec.get("audiences") or list(DEFAULT_AUDIENCES)
        uid = account["metadata"]["uid"]
        token, expires = self._tokens.mint(info.namespace, info.name, uid, audiences, seconds)
        bound = {"boundObjectRef": spec.get("boundObjectRef")}
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {
                "name": info.name,
                "namespace": info.namespace,
                "creationTimestamp": self._objects.clock.timestamp(),
            },
            "spec": {**bound, "audiences": audiences, "expirationSeconds": seconds},
            "status": {"token": token, "expirationTimestamp": rfc3339(expires)},
        }

    def _access_status(self, user: User, spec: JSON) -> JSON:
        asked = spec.get("resourceAttributes")
        if (asked is None) is (spec.get("nonResourceAttributes") is None):
            text = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"
            raise invalid("authorization.k8s.io", "", "", [Cause("FieldValueInvalid", text, "spec.resourceAttributes")])
        if asked is None:
            path = spec.get("nonResourceAttributes") or {}
            allowed = self._access.allowed(user, Question(path.get("verb", ""), path=path.get("path", "")))
            return {"allowed": allowed}
        resource = asked.get("resource", "")
        if asked.get("subresource"):
            resource += f"/{asked['subresource']}"
        question = Question(
            asked.get("verb", ""), asked.get("group", ""), resource, asked.get("namespace", ""), asked.get("name", "")
        )
        return {"allowed": self._access.allowed(user, question)}

    def _rules_status(self, user: User, namespace: str) -> JSON:
        rules = list(self._access.rules(user, namespace))
        if "system:masters" in user.groups:
            rules = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
        own = {
            "verbs": ["create"],
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        }
        paths = {"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/version"]}
        return {"resourceRules": [*rules, own], "nonResourceRules": [paths], "incomplete": False}

    def _token_status(self, spec: JSON) -> JSON:
        audiences = spec.get("audiences") or list(DEFAULT_AUDIENCES)
        try:
            claims = self._tokens.review(spec.get("token", ""), audiences)
        except TokenRejected as rejected:
            return {"user": {}, "error": str(rejected)}
        shared = [name for name in audiences if name in claims["aud"]]
        return {"authenticated": True, "user": service_account_user(claims).info(), "audiences": shared}


def _check_seconds(seconds: int) -> None:
    field = "spec.expirationSeconds"
    if seconds < _MIN_SECONDS:
        text = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
    elif seconds > _MAX_SECONDS:
        text = f"Invalid value: {seconds}: may not specify a duration larger than 2^32 seconds"
    else:
        return
    raise invalid("authentication.k8s.io", "TokenRequest", "", [Cause("FieldValueInvalid", text, field)])
