"""Where the real programs are: those that the operator names, else those that `make real-tools` has made."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tools.real_tools.pinned import Tool, pinned


def assets() -> Path | None:
    """The folder with etcd and kube-apiserver: KUBEBUILDER_ASSETS where it is set, else the cache's."""
    named = os.environ.get("KUBEBUILDER_ASSETS", "")
    folder = Path(named) if named else _tool("kube-apiserver").path.parent
    return folder if all((folder / name).exists() for name in ("etcd", "kube-apiserver")) else None


def kube_apiserver() -> Path | None:
    """The API server."""
    return (folder / "kube-apiserver") if (folder := assets()) else None


def etcd() -> Path | None:
    """Its store."""
    return (folder / "etcd") if (folder := assets()) else None


def istio_versions() -> tuple[str, ...]:
    """The releases of istioctl that are pinned, the newest first."""
    return tuple(tool.version for tool in pinned() if tool.name == "istioctl")


def istioctl(version: str) -> Path | None:
    """istioctl of a release: the cache's, or the one on PATH where it is of that release."""
    tool = _tool("istioctl", version)
    if tool.path.exists():
        return tool.path
    found = shutil.which("istioctl")
    return Path(found) if found and _said_version(found) == version else None


def istio_module(version: str) -> Path | None:
    """The folder of a release's own files (charts, samples) in Go's module cache."""
    note = _tool("istioctl", version).module_note
    folder = Path(note.read_text().strip()) if note.exists() else None
    return folder if folder and folder.is_dir() else None


def _tool(name: str, version: str = "") -> Tool:
    return next(tool for tool in pinned() if tool.name == name and version in ("", tool.version))


@cache
def _said_version(program: str) -> str:
    told = subprocess.run([program, "version", "--remote=false"], capture_output=True, text=True, check=False)
    return told.stdout.split()[-1] if told.stdout.split() else ""
