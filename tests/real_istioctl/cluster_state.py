"""The objects that both tools read, put on the API server as one example wants them and no more of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.conformance_api.driver import Driver

JSON = dict[str, Any]
MANAGER = "real-istioctl"
NAMESPACES = ("istio-system", "mesh", "bar", "edge")

_PATHS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "WorkloadGroup": "/apis/networking.istio.io/v1/namespaces/{}/workloadgroups",
    "Gateway": "/apis/networking.istio.io/v1/namespaces/{}/gateways",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/{}/virtualservices",
    "MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
}
_TAGS = _PATHS["MutatingWebhookConfiguration"]
CACHE_SECONDS = 20.0


@dataclass
class ClusterState:
    """What stands on the server by this test's doing; only what differs is written."""

    driver: Driver
    _there: dict[str, str] = field(default_factory=dict)
    _pause: threading.Event = field(default_factory=threading.Event)

    def prepare(self, definitions: Sequence[JSON] = ()) -> None:
        """The namespaces that every example uses, and Istio's kinds where the server does not know them yet."""
        if definitions:
            self._define(definitions)
        for name in NAMESPACES:
            self.driver.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def _define(self, definitions: Sequence[JSON]) -> None:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        waiting = {self.driver.ok("POST", path, one)["metadata"]["name"] for one in definitions}
        with self.driver.watch(f"{path}?watch=1&timeoutSeconds=30") as events:
            for event in events:
                conditions = event["object"].get("status", {}).get("conditions") or ()
                if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
                    waiting.discard(event["object"]["metadata"]["name"])
                if not waiting:
                    return

    def become(self, objects: Iterable[JSON]) -> None:
        """Exactly these objects, of all that were ever put here. The last of several with one name counts."""
        wanted = {path_of(one): one for one in objects}
        for path in [path for path in self._there if path not in wanted]:
            del self._there[path]
            self.driver.ok("DELETE", path)
        for path, one in wanted.items():
            text = json.dumps(one, sort_keys=True)
            if self._there.get(path) != text:
                self._put(path, one)
                self._there[path] = text
        self._wait_for_the_cache([one for path, one in wanted.items() if path.startswith(_TAGS)])

    def _wait_for_the_cache(self, tags: list[JSON]) -> None:
        """istioctl reads the default tag from the server's watch cache, which follows a write after a moment."""
        wanted = {one["metadata"]["name"]: one["metadata"]["labels"] for one in tags}
        end = time.monotonic() + CACHE_SECONDS
        while time.monotonic() < end:
            found = self.driver.ok("GET", f"{_TAGS}?resourceVersion=0")["items"]
            if {one["metadata"]["name"]: one["metadata"]["labels"] for one in found} == wanted:
                return
            self._pause.wait(0.01)
        raise TimeoutError(f"the server's cache never held just {wanted}")

    def _put(self, path: str, one: JSON) -> None:
        if self._there.pop(path, None) is not None:
            self.driver.ok("DELETE", path)
        made = self.driver.ok("POST", path.rpartition("/")[0], {**one, "status": {}} if "status" in one else one)
        if one.get("status"):
            self.driver.ok("PUT", f"{path}/status", {**made, "status": one["status"]})


def path_of(one: JSON) -> str:
    """Where the object stands."""
    metadata = one["metadata"]
    return f"{_PATHS[one['kind']].format(metadata.get('namespace'))}/{metadata['name']}"
