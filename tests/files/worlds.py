"""A cluster with a mesh and a namespace for a VM, as the tests of `files` need it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui import cli, wiring
from tests.fakes.cluster import FakeCluster

JSON = dict[str, Any]

GROUP = """
metadata: {name: foo, namespace: bar}
spec: {template: {serviceAccount: vm}}
"""


def config_map(name: str, namespace: str, **data: str) -> JSON:
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "namespace": namespace}, "data": data}


def namespace(name: str) -> JSON:
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}


def service_account(name: str, place: str) -> JSON:
    return {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": name, "namespace": place}}


def injector(cluster_name: str | None, suffix: str = "", place: str = "istio-system") -> JSON:
    multi = {} if cluster_name is None else {"clusterName": cluster_name}
    values = json.dumps({"global": {"multiCluster": multi}})
    return config_map(f"istio-sidecar-injector{suffix}", place, values=values)


def gateway(name: str = "istio-eastwestgateway", place: str = "istio-system", **parts: Any) -> JSON:
    spec = {"type": parts.pop("type", "LoadBalancer"), **parts.pop("spec", {})}
    status = {"loadBalancer": {"ingress": parts.pop("ingress", [])}}
    metadata = {"name": name, "namespace": place}
    return {"kind": "Service", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": status}


def default_tag(revision: str, name: str = "istio-revision-tag-default") -> JSON:
    return {
        "kind": "MutatingWebhookConfiguration",
        "apiVersion": "admissionregistration.k8s.io/v1",
        "metadata": {"name": name, "labels": {"istio.io/rev": revision}},
    }


def world(*more: JSON, mesh: str = "trustDomain: cluster.local\ndefaultConfig: {meshId: mesh1}\n") -> FakeCluster:
    """Everything that `files` needs: a gateway at 10.0.0.1, the cluster Kubernetes, the ServiceAccount bar/vm."""
    return FakeCluster(
        namespace("bar"),
        service_account("vm", "bar"),
        config_map("istio-ca-root-cert", "bar", **{"root-cert.pem": "fake-CA-cert"}),
        config_map("istio", "istio-system", mesh=mesh),
        injector("Kubernetes"),
        gateway(ingress=[{"ip": "10.0.0.1"}]),
        *more,
    )


def run_files(monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster, *arguments: str | Path) -> int:
    """`meshvm-tui files …` against the cluster; gives the exit code."""
    monkeypatch.setattr(wiring, "open_cluster", lambda *, kubeconfig, context: cluster)
    return cli.run(["files", *map(str, arguments)])
