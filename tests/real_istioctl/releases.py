"""The releases whose istioctl is here, and the files that came with each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.real import need
from tests.real_api import binaries
from tests.real_istioctl.tools import Istioctl

HOW = "make real-tools builds it"


def istioctls() -> tuple[Istioctl, ...]:
    """Every pinned release's istioctl, the newest first. A test goes on where the newest one is here."""
    versions = binaries.istio_versions()
    found = tuple(Istioctl(version, path) for version in versions if (path := binaries.istioctl(version)))
    need(bool(found) and found[0].version == versions[0], f"istioctl {versions[0]} is not here", HOW)
    return found


def source_of(tool: Istioctl) -> Path:
    """The release's own files: charts and samples."""
    folder = binaries.istio_module(tool.version)
    need(folder is not None, f"the files of Istio {tool.version} are not here", HOW)
    assert folder is not None
    return folder


def definitions(tool: Istioctl) -> list[dict[str, Any]]:
    """The release's CustomResourceDefinitions."""
    text = (source_of(tool) / "manifests/charts/base/files/crd-all.gen.yaml").read_text(encoding="utf-8")
    return [found for found in yaml.safe_load_all(text) if found]
