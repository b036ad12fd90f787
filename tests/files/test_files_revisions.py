"""`files` on meshes with revisions, of other namespaces and with other IDs."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.istio import yaml_dialect
from tests.fakes.cluster import FakeCluster
from tests.files.made import metadata_of, variables
from tests.files.worlds import (
    config_map,
    default_tag,
    gateway,
    injector,
    run_files,
    world,
)


@pytest.mark.parametrize("mesh_id", ["", "mesh1"])
def test_the_mesh_id(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path, mesh_id: str) -> None:
    mesh = f"defaultConfig: {{meshId: '{mesh_id}'}}"
    run_files(monkeypatch, world(mesh=mesh), "-f", group, "-o", out)
    assert metadata_of(out)["ISTIO_META_MESH_ID"] == mesh_id


def revisioned(revision: str, place: str = "istio-system") -> FakeCluster:
    return world(
        config_map(f"istio-{revision}", place, mesh="defaultConfig: {proxyMetadata: {OF: revision}}"),
        injector("other", f"-{revision}", place),
    )


def test_a_revision(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path) -> None:
    assert run_files(monkeypatch, revisioned("rev-1"), "-f", group, "-o", out, "-r", "rev-1") == 0
    values = variables(out)
    assert values["CA_ADDR"] == "istiod-rev-1.istio-system.svc:15012"
    assert (values["OF"], values["ISTIO_META_CLUSTER_ID"]) == ("revision", "other")
    assert (out / "hosts").read_text() == "10.0.0.1 istiod-rev-1.istio-system.svc\n"


def test_a_tag_instead_of_a_revision_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], group: Path, out: Path
) -> None:
    assert run_files(monkeypatch, world(), "-f", group, "-o", out, "--revision", "prod", "--clusterID", "x") == 3
    assert "configmap istio-prod was not found in namespace istio-system" in capsys.readouterr().err


def test_the_default_revision_is_looked_up(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path) -> None:
    cluster = revisioned("rev-1")
    cluster.put(default_tag("rev-1"))
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out) == 0
    assert variables(out)["OF"] == "revision"
    assert "istiod-rev-1." in (out / "hosts").read_text()


def test_a_given_revision_is_not_looked_up(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path) -> None:
    cluster = revisioned("rev-1")
    cluster.put(default_tag("rev-1"))
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out, "-r", "default") == 0
    assert "OF" not in variables(out)
    assert not [read for read in cluster.reads if read[1] == "MutatingWebhookConfiguration"]


def test_another_istio_namespace(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path) -> None:
    cluster = world(
        config_map("istio-rev-2", "mesh", mesh=""),
        injector("c2", "-rev-2", "mesh"),
        gateway(place="mesh", ingress=[{"ip": "10.9.9.9"}]),
        default_tag("rev-2", "istio-revision-tag-default-mesh"),
    )
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out, "-i", "mesh") == 0
    assert (out / "hosts").read_text() == "10.9.9.9 istiod-rev-2.mesh.svc\n"
    assert yaml_dialect.load((out / "mesh.yaml").read_text())["defaultConfig"]["discoveryAddress"] == (
        "istiod-rev-2.mesh.svc:15012"
    )
