"""The cluster behind a context: thin JSON calls that fulfil `ports.ClusterReader` and `ports.Cluster`.

Untyped JSON on purpose: foreign objects may hold what a typed model would refuse. Every write names our field
manager; server-side apply is never forced.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from meshvm_tui import ports
from meshvm_tui.adapters import kubeconfig
from meshvm_tui.adapters.kubeconfig import ClusterAccess
from meshvm_tui.adapters.kubernetes_transport import HttpTransport, Request, Transport
from meshvm_tui.adapters.list_watch import ListWatch, list_all
from meshvm_tui.adapters.read_only_transport import ReadOnlyTransport
from meshvm_tui.ports import JSON, Access, Resource, Token, WatchEvent
from meshvm_tui.problems import PermanentError, Problem

FIELD_MANAGER = "meshvm-tui"
_REVIEWS_AT_ONCE = 8
GRANTED_LASTS = 30.0
"""Seconds for which a permission that was there is not asked for again: a form that is open asks for some fifty with
every look. One that was not there is asked for each time, for somebody may just be granting it."""
# What the server keeps for itself and refuses, or would misread, in a server-side apply.
_SERVER_FIELDS = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")
_KNOWN = {(found.group, found.kind): found for found in vars(ports).values() if isinstance(found, ports.Resource)}


def connect(kubeconfig_path: str = "", context: str = "") -> HttpTransport:
    """A transport to the context's API server; nothing is sent yet. Problems of the kubeconfig are raised."""
    return connect_to(kubeconfig.load(kubeconfig_path).access(context))


def connect_to(access: ClusterAccess) -> HttpTransport:
    """A transport to an API server that is known already; nothing is sent yet."""
    return HttpTransport(access)


class KubernetesReader:
    """The reading half. It puts the fence around whatever transport it is given."""

    def __init__(self, transport: Transport, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport: Transport = ReadOnlyTransport(transport)
        self._clock = clock
        self._granted: dict[Access, float] = {}
        self._watches: set[ListWatch] = set()
        self._served: dict[str, Sequence[JSON]] = {}
        self._lock = threading.Lock()

    @property
    def context(self) -> str:
        """The context's name."""
        return self._transport.access.context

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._transport.access.server

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> JSON | None:
        """One object, with its managedFields; None where there is none or the kind is not served."""
        return self._get(resource.path(namespace, name))

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[JSON]:
        """All objects by pages, without managedFields; empty where the kind is not served."""
        query = tuple((key, value) for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value)
        try:
            return list_all(self._transport, resource.path(namespace), query)[0]
        except Problem as problem:
            if problem.code == "MVM-115":
                return []
            raise

    def first(self, resource: Resource, count: int) -> Sequence[JSON]:
        """The first page of a kind, for looks that need not see all of it; empty where the kind is not served."""
        try:
            answer = self._transport.send(Request("GET", resource.path(), (("limit", str(count)),))).json()
        except Problem as problem:
            if problem.code == "MVM-115":
                return []
            raise
        return tuple(answer.get("items") or ())

    def watch(self, resource: Resource, namespace: str | None, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """List, then watch for ever; see `list_watch`."""
        watch = ListWatch(self._transport, resource, namespace, stop)
        with self._lock:
            self._watches.add(watch)
        try:
            yield from watch.events()
        finally:
            with self._lock:
                self._watches.discard(watch)

    def version(self) -> str:
        """The server's gitVersion."""
        return str(self._transport.send(Request("GET", "/version")).json().get("gitVersion") or "")

    def server_time(self) -> float | None:
        """The server's clock now, by its last Date header; seconds since the epoch."""
        if self._transport.server_time() is None:
            self.version()
        return self._transport.server_time()

    def serves(self, resource: Resource) -> bool:
        """Whether the kind is served, by discovery."""
        return any(item.get("name") == resource.plural for item in self._discover(resource.api_version))

    def user(self) -> str:
        """Who we are; "" where the server is older than 1.28 or does not say."""
        body = _review("authentication.k8s.io/v1", "SelfSubjectReview", {})
        try:
            answer = self._post("/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
        except Problem as problem:
            if problem.code in ("MVM-115", "MVM-107"):
                return ""
            raise
        return str(((answer.get("status") or {}).get("userInfo") or {}).get("username") or "")

    def allowed(self, questions: Sequence[Access]) -> tuple[bool, ...]:
        """The answers in the questions' order; asked side by side. What was granted holds for `GRANTED_LASTS`."""
        now = self._clock()
        asked = [question for question in questions if not self._still_granted(question, now)]
        if asked:
            with ThreadPoolExecutor(min(_REVIEWS_AT_ONCE, len(asked)), "access-review") as pool:
                granted = [
                    question for question, yes in zip(asked, pool.map(self._is_allowed, asked), strict=True) if yes
                ]
            for question in asked:
                self._granted.pop(question, None)
            self._granted.update(dict.fromkeys(granted, now))
        return tuple(self._still_granted(question, now) for question in questions)

    def pod_log(self, namespace: str, name: str, container: str, *, tail_lines: int = 200) -> str:
        """The end of a container's log."""
        path = ports.PODS.path(namespace, name) + "/log"
        query = (("container", container), ("tailLines", str(tail_lines)))
        reply = self._transport.send(Request("GET", path, query, accept="*/*"))
        return reply.body.decode("utf-8", errors="replace")

    def close(self) -> None:
        """Ends every call and watch under way."""
        with self._lock:
            watches = list(self._watches)
        for watch in watches:
            watch.close()
        self._transport.close()

    def _get(self, path: str) -> JSON | None:
        try:
            found: JSON = self._transport.send(Request("GET", path)).json()
        except Problem as problem:
            if problem.code == "MVM-115":
                return None
            raise
        return found

    def _post(self, path: str, body: JSON, query: tuple[tuple[str, str], ...] = ()) -> JSON:
        answer: JSON = self._transport.send(Request("POST", path, query, body)).json()
        return answer

    def _still_granted(self, question: Access, now: float) -> bool:
        since = self._granted.get(question)
        return since is not None and now - since < GRANTED_LASTS

    def _is_allowed(self, question: Access) -> bool:
        attributes = {
            "verb": question.verb,
            "group": question.resource.group,
            "version": question.resource.version,
            "resource": question.resource.plural,
            "subresource": question.subresource,
            "namespace": question.namespace,
        }
        spec = {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
        body = _review("authorization.k8s.io/v1", "SelfSubjectAccessReview", spec)
        answer = self._post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        return bool((answer.get("status") or {}).get("allowed"))

    def _discover(self, api_version: str) -> Sequence[JSON]:
        """The resources of a group and version; what was found is kept, what was not is asked again."""
        if api_version not in self._served:
            answer = self._get(f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}")
            if answer is None:
                return []
            self._served[api_version] = answer.get("resources") or []
        return self._served[api_version]


class KubernetesCluster(KubernetesReader):
    """The cluster with its mutating half."""

    def __init__(self, transport: Transport, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(transport, clock)
        self._transport = transport

    def apply(self, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Server-side apply, never forced; unknown fields are refused. MVM-110 where another manager owns a field."""
        metadata = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_FIELDS}
        body = {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}
        path = self._resource_of(obj).path(metadata.get("namespace"), metadata["name"])
        query = [("fieldManager", FIELD_MANAGER), ("force", "false"), ("fieldValidation", "Strict")]
        if dry_run:
            query.append(("dryRun", "All"))
        request = Request("PATCH", path, tuple(query), body, content_type="application/apply-patch+yaml")
        applied: JSON = self._transport.send(request).json()
        return applied

    def create(self, obj: JSON) -> JSON:
        """Creates one object; its metadata may say generateName."""
        path = self._resource_of(obj).path(obj["metadata"].get("namespace"))
        return self._post(path, obj, (("fieldManager", FIELD_MANAGER),))

    def delete(self, resource: Resource, name: str, namespace: str | None, *, uid: str = "") -> None:
        """Deletes one object, only if it still has that uid; done as well where it is already gone."""
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            self._transport.send(Request("DELETE", resource.path(namespace, name), (), body))
        except Problem as problem:
            if problem.code != "MVM-115":
                raise

    def create_token(self, namespace: str, service_account: str, *, audience: str, seconds: int) -> Token:
        """A bound token of a ServiceAccount. The server may shorten its life: `expires` is what it says."""
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": seconds},
        }
        path = ports.SERVICE_ACCOUNTS.path(namespace, service_account) + "/token"
        status = self._post(path, body).get("status") or {}
        if not status.get("token"):
            raise PermanentError("MVM-119", f"POST {path}: the answer holds no token")
        return Token(str(status["token"]), str(status.get("expirationTimestamp") or ""))

    def _resource_of(self, obj: JSON) -> Resource:
        group, _, version = str(obj["apiVersion"]).rpartition("/")
        kind = str(obj["kind"])
        if known := _KNOWN.get((group, kind)):
            return Resource(group, version, known.plural, kind, known.namespaced)
        for item in self._discover(obj["apiVersion"]):
            if item.get("kind") == kind and "/" not in str(item.get("name")):
                return Resource(group, version, str(item["name"]), kind, bool(item.get("namespaced")))
        raise PermanentError("MVM-115", f"the API server serves no {kind} of {obj['apiVersion']}")


def _review(api_version: str, kind: str, spec: JSON) -> JSON:
    return {"apiVersion": api_version, "kind": kind, "metadata": {}, "spec": spec}
