"""A GKE cluster without kubeconfig, gcloud or its plugin: the Google login mints the token, in memory.

The scopes are the plugin's own: without the email a service account would be a number in RBAC.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from meshvm_tui.adapters.google_projects import get_cluster, list_clusters
from meshvm_tui.adapters.kubeconfig import ClusterAccess
from meshvm_tui.gcp.clusters import ClusterView, context_name
from meshvm_tui.gcp.places import cluster_project
from meshvm_tui.problems import ActionNeeded, Problem

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_credentials import GoogleLogin
    from meshvm_tui.adapters.google_rest import GoogleRest
    from meshvm_tui.plan import GkeCluster


class GoogleToken:
    """Bearer tokens of the Google login: renewed before they end, and once where a server refuses one."""

    def __init__(self, login: GoogleLogin) -> None:
        self._login = login
        self._lock = threading.Lock()
        self._last = ""
        self._refused = ""

    def __repr__(self) -> str:
        return "GoogleToken(…)"

    def current(self) -> str:
        """The token for the next request."""
        with self._lock:
            refused, self._refused = self._refused, ""
        token = self._login.access_token(refused=refused).token
        with self._lock:
            self._last = token
        return token

    def refused(self) -> bool:
        """A server took the last token for none; the next one will be another."""
        with self._lock:
            self._refused = self._last
            return bool(self._last)


def gke_access(gke: GkeCluster, rest: GoogleRest, login: GoogleLogin) -> ClusterAccess:
    """How to reach the cluster's API server. Raises MVM-834, MVM-835, MVM-836, or what stands between us and Google."""
    project = cluster_project(gke, login.defaults())
    view = found_cluster(gke, rest, project)
    view.check_running()
    endpoint = view.endpoint(gke.endpoint)
    cluster = {"server": endpoint.server}
    if endpoint.authority:
        cluster["certificate-authority-data"] = endpoint.authority
    return ClusterAccess(
        context=context_name(project, gke.location, gke.name),
        server=endpoint.server,
        namespace="default",
        cluster=cluster,
        user={},
        user_file="the Google login",
        token_source=GoogleToken(login),
    )


def found_cluster(gke: GkeCluster, rest: GoogleRest, project: str) -> ClusterView:
    """The cluster; ActionNeeded MVM-834 where there is none of that name, with those that there are."""
    body = get_cluster(rest, project, gke.location, gke.name)
    if body is None:
        words = f"projects/{project}/locations/{gke.location}/clusters/{gke.name}"
        raise ActionNeeded("MVM-834", words + _others(rest, project))
    return ClusterView(body)


def _others(rest: GoogleRest, project: str) -> str:
    """The project's clusters in words, with the locations that did not answer; "" where they may not be listed."""
    try:
        listing = list_clusters(rest, project)
    except Problem:
        return ""
    views = [ClusterView(body) for body in listing.items]
    words = "; there are: " + (", ".join(f"{view.name} in {view.location}" for view in views) or "none")
    return words + (f" (no answer from {', '.join(listing.unreachable)})" if listing.unreachable else "")
