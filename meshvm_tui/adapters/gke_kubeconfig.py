"""A kubeconfig for child processes (istioctl) on a GKE cluster. It holds no token: an exec credential plugin of ours
asks the same Google login, so that a long run renews what it needs by itself."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.adapters.kubeconfig import ClusterAccess

if TYPE_CHECKING:
    from meshvm_tui.plan import Google

JSON = dict[str, Any]


class GkeKubeconfig:
    """A file of mode 0600 in a folder of mode 0700, made when it is first wanted and gone when closed. Its only
    context is the current one."""

    def __init__(self, access: Callable[[], ClusterAccess], google: Google) -> None:
        self._access = access
        self._google = google
        self._lock = threading.Lock()
        self._folder: Path | None = None

    def path(self) -> str:
        """The file."""
        with self._lock:
            if self._folder is None:
                document = _document(self._access(), self._google)
                self._folder = Path(tempfile.mkdtemp(prefix=f"meshvm-tui-gke-{os.getpid()}-"))
                handle = os.open(self._folder / "kubeconfig", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(document, file)
            return str(self._folder / "kubeconfig")

    def close(self) -> None:
        """Removes it."""
        with self._lock:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None


def _document(access: ClusterAccess, google: Google) -> JSON:
    name = access.context
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [
            "-m",
            "meshvm_tui.gke_token",
            f"--impersonate-service-account={google.impersonate_service_account}",
            f"--quota-project={google.quota_project}",
        ],
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": access.cluster}],
        "users": [{"name": name, "user": {"exec": plugin}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
