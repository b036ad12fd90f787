"""Who asks, and what they may do: bearer tokens, and RBAC over the Roles and bindings in the store."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from meshvm_tui.lab.cluster_api.errors import ApiError, forbidden, unauthorized
from meshvm_tui.lab.cluster_api.request_info import RequestInfo
from meshvm_tui.lab.objects import Objects
from meshvm_tui.lab.tokens import TokenRejected, Tokens

JSON = dict[str, Any]
_RBAC = "rbac.authorization.k8s.io"
_PUBLIC_PATHS = ("/version", "/healthz", "/livez", "/readyz")
_DISCOVERY_PATHS = ("/api", "/apis", "/openapi", *_PUBLIC_PATHS)
_SELF_REVIEWS = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
}


@dataclass(frozen=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""

    def info(self) -> JSON:
        """As UserInfo in reviews."""
        info: JSON = {"username": self.name, "groups": list(self.groups)}
        return {**info, "uid": self.uid} if self.uid else info


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
ADMIN = User("lab-admin", ("system:masters", "system:authenticated"))


def service_account_user(claims: JSON) -> User:
    """The user behind a ServiceAccount token."""
    bound = claims["kubernetes.io"]
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{bound['namespace']}", "system:authenticated")
    return User(str(claims["sub"]), groups, bound["serviceaccount"]["uid"])


@dataclass(frozen=True)
class Question:
    """One thing that somebody wants to do: on a resource, or on a `path` that is none."""

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Access:
    """Authentication and authorization of one cluster."""

    def __init__(
        self, objects: Objects, tokens: Tokens, admin_token: str, cloud_email: Callable[[str], str | None]
    ) -> None:
        """`cloud_email` tells whose access token of the cloud one is: GKE lets its owner administer the cluster."""
        self._objects = objects
        self._tokens = tokens
        self._admin_token = admin_token
        self._cloud_email = cloud_email

    def authenticate(self, authorization: str) -> User:
        """The user behind an Authorization header; 401 for a credential that is not taken."""
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return ANONYMOUS
        if hmac.compare_digest(token.encode(), self._admin_token.encode()):
            return ADMIN
        if (email := self._cloud_email(token)) is not None:
            return User(email, ("system:masters", "system:authenticated"))
        try:
            return service_account_user(self._tokens.review(token))
        except TokenRejected:
            raise unauthorized() from None

    def check(self, user: User, info: RequestInfo) -> None:
        """Raises the 403 that kube-apiserver answers, or does nothing."""
        kind = info.kind
        question = Question(info.verb, kind.group, info.resource, info.namespace, info.name)
        if not self.allowed(user, question):
            raise refusal(user, question)

    def check_path(self, user: User, verb: str, path: str) -> None:
        """The same for a path that is no resource."""
        if not self.allowed(user, Question(verb, path=path)):
            told = f'forbidden: User "{user.name}" cannot {verb} path "{path}"'
            raise ApiError(403, "Forbidden", told, {})

    def allowed(self, user: User, question: Question) -> bool:
        """Whether the user may do it."""
        if "system:masters" in user.groups:
            return True
        if question.path:
            paths = _DISCOVERY_PATHS if "system:authenticated" in user.groups else _PUBLIC_PATHS
            return question.verb in {"get", "head"} and any(
                question.path == path or question.path.startswith(f"{path}/") for path in paths
            )
        if (question.group, question.resource) in _SELF_REVIEWS:
            return question.verb == "create" and "system:authenticated" in user.groups
        return any(_covers(rule, question) for rule in self.rules(user, question.namespace))

    def rules(self, user: User, namespace: str) -> Iterator[JSON]:
        """The rules that hold for a user in a namespace; cluster-wide ones too."""
        for record in self._objects.records(f"{_RBAC}/clusterrolebindings"):
            if _binds(record.obj, user, ""):
                yield from self._role_rules(record.obj, "")
        if namespace:
            for record in self._objects.records(f"{_RBAC}/rolebindings", namespace):
                if _binds(record.obj, user, namespace):
                    yield from self._role_rules(record.obj, namespace)

    def _role_rules(self, binding: JSON, namespace: str) -> Iterable[JSON]:
        reference = binding["roleRef"]
        if reference["kind"] == "ClusterRole":
            record = self._objects.record(f"{_RBAC}/clusterroles", "", reference["name"])
        else:
            record = self._objects.record(f"{_RBAC}/roles", namespace, reference["name"])
        return (record.obj.get("rules") or ()) if record else ()


def refusal(user: User, question: Question) -> ApiError:
    """The 403 for a question on a resource."""
    where = f'in the namespace "{question.namespace}"' if question.namespace else "at the cluster scope"
    why = (
        f'User "{user.name}" cannot {question.verb} resource "{question.resource}" '
        f'in API group "{question.group}" {where}'
    )
    return forbidden(question.group, question.resource.partition("/")[0], question.name, why)


def _binds(binding: JSON, user: User, namespace: str) -> bool:
    for subject in binding.get("subjects") or ():
        match subject.get("kind"):
            case "User":
                found = subject["name"] == user.name
            case "Group":
                found = subject["name"] in user.groups
            case _:
                home = subject.get("namespace", namespace)
                found = user.name == f"system:serviceaccount:{home}:{subject['name']}"
        if found:
            return True
    return False


def _covers(rule: JSON, question: Question) -> bool:
    base, _, subresource = question.resource.partition("/")
    names = {"*", question.resource} | ({f"*/{subresource}"} if subresource else {base})
    limited = rule.get("resourceNames") or ()
    return (
        bool({"*", question.verb} & set(rule.get("verbs") or ()))
        and bool({"*", question.group} & set(rule.get("apiGroups") or ()))
        and bool(names & set(rule.get("resources") or ()))
        and (not limited or question.name in limited)
    )
