"""What `files` has made, read again."""

from __future__ import annotations

from pathlib import Path

from meshvm_tui.istio import cluster_env, yaml_dialect

NAMES = ["cluster.env", "hosts", "istio-token", "mesh.yaml", "root-cert.pem"]


def variables(folder: Path) -> dict[str, str]:
    values, unreadable = cluster_env.parse((folder / "cluster.env").read_text())
    assert unreadable == ()
    return values


def metadata_of(folder: Path) -> dict[str, str]:
    found: dict[str, str] = yaml_dialect.load((folder / "mesh.yaml").read_text())["defaultConfig"]["proxyMetadata"]
    return found
