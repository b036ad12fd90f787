"""istioctl's own cases, given beside the project: fixtures, flags and golden files. Skipped where they are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.istio import yaml_dialect
from tests.fakes.cluster import FakeCluster
from tests.files.worlds import config_map, namespace, run_files, service_account

CASES = Path(__file__).parents[2].parent / "shared" / "conformance"
IPV4 = CASES / "istioctl-ipv4"
needs_cases = pytest.mark.skipif(not IPV4.is_dir(), reason="the shared conformance cases are not beside the project")


def cluster_of(case: Path) -> FakeCluster:
    return FakeCluster(
        namespace("bar"),
        service_account("vm-serviceaccount", "bar"),
        config_map("istio-ca-root-cert", "bar", **{"root-cert.pem": "fake-CA-cert"}),
        config_map("istio-rev-1", "istio-system", mesh=(case / "meshconfig.yaml").read_text()),
    )


@needs_cases
def test_ipv4(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out = tmp_path / "out"
    flags = ["--internalIP", "10.10.10.10", "--ingressIP", "10.10.10.11", "--clusterID", "Kubernetes"]
    code = run_files(
        monkeypatch, cluster_of(IPV4), "-f", IPV4 / "workloadgroup.yaml", *flags, "--revision", "rev-1", "-o", out
    )
    assert code == 0
    for name in ("cluster.env", "hosts", "mesh.yaml", "root-cert.pem"):
        assert (out / name).read_text() == (IPV4 / f"{name}.golden").read_text(), name


@needs_cases
def test_without_a_cluster_id_it_fails_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    flags = ["--internalIP", "10.10.10.10", "--ingressIP", "10.10.10.11", "--revision", "rev-1"]
    assert run_files(monkeypatch, cluster_of(IPV4), "-f", IPV4 / "workloadgroup.yaml", *flags, "-o", out) != 0
    assert "MVM-507" in capsys.readouterr().err
    assert not out.exists()


@needs_cases
def test_ipv6_differs_in_its_addresses_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out = tmp_path / "out"
    flags = ["--internalIP", "fd00:10:96::1", "--ingressIP", "fd00:10:96::2", "--clusterID", "Kubernetes"]
    code = run_files(
        monkeypatch, cluster_of(IPV4), "-f", IPV4 / "workloadgroup.yaml", *flags, "--revision", "rev-1", "-o", out
    )
    assert code == 0
    golden = (IPV4 / "cluster.env.golden").read_text()
    assert (out / "cluster.env").read_text() == golden.replace("10.10.10.10", "fd00:10:96::1")
    assert (out / "hosts").read_text() == "fd00:10:96::2 istiod-rev-1.istio-system.svc\n"
    assert (out / "mesh.yaml").read_text() == (IPV4 / "mesh.yaml.golden").read_text()


@needs_cases
def test_a_mesh_without_proxy_metadata(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cluster = cluster_of(IPV4)
    cluster.put(config_map("istio", "istio-system", mesh="defaultConfig: {}"))
    out = tmp_path / "out"
    flags = ["--internalIP", "10.10.10.10", "--ingressIP", "10.10.10.11", "--clusterID", "Kubernetes"]
    assert run_files(monkeypatch, cluster, "-f", IPV4 / "workloadgroup.yaml", *flags, "-o", out) == 0
    metadata = yaml_dialect.load((out / "mesh.yaml").read_text())["defaultConfig"]["proxyMetadata"]
    assert metadata["PROXY_CONFIG_ANNOT_VALUE"] == "bar"
