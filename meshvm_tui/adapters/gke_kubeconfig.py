"""A kubeconfig for child processes (istioctl) on a GKE cluster. It holds no token: an exec credential plugin of ours
asks the same Google login, so that a long run renews what it needs by itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from meshvm_tui.adapters.kubeconfig import ClusterAccess
from meshvm_tui.adapters.kubernetes_credentials import CertificateFolder

if TYPE_CHECKING:
    from meshvm_tui.plan import Google

JSON = dict[str, Any]


class GkeKubeconfig:
    """A file of mode 0600 in a folder of mode 0700, made when it is first wanted and gone when closed; what a process
    that died left behind is swept then. Its only context is the current one."""

    def __init__(self, access: Callable[[], ClusterAccess], google: Google) -> None:
        self._access = access
        self._google = google
        self._folder = CertificateFolder()

    def path(self) -> str:
        """The file, for the cluster as it is reached now."""
        return self._folder.keep(json.dumps(_document(self._access(), self._google)).encode())

    def close(self) -> None:
        """Removes it."""
        self._folder.close()


def _document(access: ClusterAccess, google: Google) -> JSON:
    name = access.context
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [
            "-P",  # whatever folder istioctl is started in, nothing of it is imported
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
