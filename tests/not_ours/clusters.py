"""A cluster that somebody else set up, on the lab's API server in this process, reached by the real adapter.

`sent` tells every request that the product sent, so that a test can say what was asked and what was left alone.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshvm_tui.adapters.kubernetes_api import KubernetesCluster, KubernetesReader, connect
from meshvm_tui.lab.cluster_api.kinds import Kind
from meshvm_tui.plan import Plan
from meshvm_tui.ports import Ports, ReadPorts
from tests.conformance_api.servers import LabParts, Server
from tests.fakes.scope import NoIstioctl, TestScope, a_scope

JSON = dict[str, Any]
SYSTEM = "istio-system"
CONTEXT = "production"


@dataclass
class Foreign:
    """A cluster of somebody else. `istioctl` is asked and run in its place."""

    lab: LabParts
    cluster: KubernetesCluster
    kubeconfig: Path
    istioctl: Any
    _mark: int = 0

    def put(self, *objects: JSON) -> None:
        """Puts objects there as another team's tools had, statuses and all."""
        for obj in objects:
            self.lab.call(lambda obj=obj: self._create(copy.deepcopy(obj)))

    def live(self, key: str, name: str, namespace: str = SYSTEM) -> JSON:
        """An object as it is stored."""
        found: JSON | None = self.lab.call(lambda: self.lab.objects.get(key, namespace, name))
        assert found is not None, f"{key} {namespace}/{name}"
        return found

    def serve(self, group: str, version: str, plural: str, kind: str, *, namespaced: bool) -> None:
        """Serves a kind of another product, as its CustomResourceDefinition would."""
        names = {"plural": plural, "kind": kind, "listKind": f"{kind}List", "singular": kind.lower()}
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {
                "group": group,
                "names": names,
                "scope": "Namespaced" if namespaced else "Cluster",
                "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
            },
        }
        self.lab.call(lambda: self.lab.objects.serve(definition))

    def reading(self) -> ReadPorts:
        """What a step looks through: the fenced transport."""
        return ReadPorts(KubernetesReader(self.cluster._transport), self.istioctl)

    def ports(self) -> Ports:
        """What a step changes things through."""
        return Ports(self.cluster, self.istioctl)

    def sent(self, *methods: str) -> list[str]:
        """`METHOD path` of every request so far, without the self-reviews; only of these methods where given."""
        lines = [f"{line['method']} {line['path']}" for line in self._since() if "selfsubject" not in line["path"]]
        return [line for line in lines if not methods or line.split()[0] in methods]

    def written(self) -> list[str]:
        """The requests that change something."""
        return self.sent("POST", "PUT", "PATCH", "DELETE")

    def forced(self) -> list[JSON]:
        """Server-side applies that would overwrite another manager's fields."""
        return [line for line in self._since() if line["query"].get("force") == "true"]

    def forget(self) -> None:
        """From here on, only what comes is counted."""
        self._mark = len(self.lab.requests())

    def _since(self) -> list[JSON]:
        return self.lab.requests()[self._mark :]

    def _create(self, obj: JSON) -> None:
        metadata = obj["metadata"]
        if metadata.get("namespace") and self.lab.objects.get("core/namespaces", "", metadata["namespace"]) is None:
            self.lab.objects.create("core/namespaces", {"metadata": {"name": metadata["namespace"]}})
        kind = self._kind(obj)
        self.lab.objects.delete(kind.key, metadata.get("namespace", ""), metadata["name"])
        self.lab.objects.create(kind.key, obj, "their-tool")

    def _kind(self, obj: JSON) -> Kind:
        group = obj["apiVersion"].rpartition("/")[0]
        return next(kind for kind in self.lab.objects.kinds.all() if (kind.group, kind.kind) == (group, obj["kind"]))


@contextmanager
def foreign_cluster(server: Server, directory: Path) -> Iterator[Foreign]:
    """The adapter over a server, with no mesh and an istioctl that must not be asked."""
    assert server.lab is not None
    file = directory / "kubeconfig"
    document = {
        "current-context": CONTEXT,
        "clusters": [{"name": "c", "cluster": {"server": server.url, "certificate-authority": str(server.ca_file)}}],
        "users": [{"name": "u", "user": {"token": server.token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(json.dumps(document))
    cluster = KubernetesCluster(connect(str(file)))
    try:
        yield Foreign(server.lab, cluster, file, NoIstioctl())
    finally:
        cluster.close()


def plan_with(**parts: Any) -> Plan:
    """A plan with these parts."""
    return Plan.model_validate({"apiVersion": "meshvm-tui/v1", "kind": "OnboardingPlan", **parts})


def scope_with(**parts: Any) -> TestScope:
    """A scope over such a plan."""
    return a_scope(plan_with(**parts))
