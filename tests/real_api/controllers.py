"""What a cluster's controllers, its cloud and istiod would do. A bare API server has none of them.

Whatever stands here was done by the test, not by software that the product meets in production: Deployments become
Available, load balancers get addresses, istiod's root certificate reaches namespaces, deleted namespaces go.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import urllib3

from tests.conformance_api.driver import Driver
from tests.conformance_api.servers import Server

JSON = dict[str, Any]
ROOT = "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n"
ADDRESS = "192.0.2.10"
_POLL_SECONDS = 0.2


class Controllers:
    """Stands in for the controllers of some namespaces."""

    def __init__(self, driver: Driver, namespaces: tuple[str, ...], rooted: str) -> None:
        self._driver, self._namespaces, self._rooted = driver, namespaces, rooted

    def turn(self) -> None:
        """One round over the namespaces."""
        there = {item["metadata"]["name"]: item for item in self._items("/api/v1/namespaces")}
        for name in self._namespaces:
            if name not in there:
                continue
            if there[name]["metadata"].get("deletionTimestamp"):
                self._finalize(there[name])
                continue
            self._deployments(name)
            self._load_balancers(name)
            if name == self._rooted:
                self._root_certificate(name)

    def _finalize(self, namespace: JSON) -> None:
        """The namespace controller: everything in it is gone, so it may go."""
        path = f"/api/v1/namespaces/{namespace['metadata']['name']}/finalize"
        self._driver.call("PUT", path, {**namespace, "spec": {"finalizers": []}})

    def _deployments(self, namespace: str) -> None:
        """The Deployment controller and kubelets: the Pods run."""
        for item in self._items(f"/apis/apps/v1/namespaces/{namespace}/deployments"):
            generation = item["metadata"]["generation"]
            if item.get("status", {}).get("observedGeneration") == generation:
                continue
            replicas = item["spec"].get("replicas", 1)
            counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), replicas)
            available = {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}
            status = {"observedGeneration": generation, **counts, "conditions": [available]}
            path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{item['metadata']['name']}/status"
            self._driver.call("PUT", path, {**item, "status": status})

    def _load_balancers(self, namespace: str) -> None:
        """The cloud: every load balancer gets an address."""
        for item in self._items(f"/api/v1/namespaces/{namespace}/services"):
            if item["spec"]["type"] != "LoadBalancer" or item["status"]["loadBalancer"]:
                continue
            path = f"/api/v1/namespaces/{namespace}/services/{item['metadata']['name']}/status"
            status = {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}}
            self._driver.call("PUT", path, {**item, "status": status})

    def _root_certificate(self, namespace: str) -> None:
        """istiod: its root certificate in the namespaces of workloads."""
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        if not any(item["metadata"]["name"] == "istio-ca-root-cert" for item in self._items(path)):
            body = {"metadata": {"name": "istio-ca-root-cert"}, "data": {"root-cert.pem": ROOT}}
            self._driver.call("POST", path, body)

    def _items(self, path: str) -> list[JSON]:
        found: list[JSON] = self._driver.ok("GET", path)["items"]
        return found


@contextmanager
def running(server: Server, namespaces: tuple[str, ...], rooted: str) -> Iterator[None]:
    """The stand-in in a thread, until the end of the block."""
    driver, stop = Driver(server), threading.Event()
    controllers = Controllers(driver, namespaces, rooted)

    def loop() -> None:
        while not stop.wait(_POLL_SECONDS):
            with suppress(urllib3.exceptions.HTTPError):  # a turn that timed out on a busy machine; the next one comes
                controllers.turn()

    thread = threading.Thread(target=loop, name="stand-in-controllers")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        driver.close()
