"""The lab's Google APIs as one HTTP server on loopback, told apart by path."""

from __future__ import annotations

from meshvm_tui.lab.google.state import Cloud
from meshvm_tui.lab.google.world import CloudWorld


class GoogleApi:
    """Compute Engine, GKE, OS Login, Resource Manager, Service Usage, IAM Credentials and the OAuth token endpoint.

    All of them share one base URL, as their paths do not collide: Compute Engine is below /compute/v1/, the token
    endpoint is /token."""

    def __init__(self, cloud: Cloud, world: CloudWorld) -> None:
        self._cloud = cloud
        self._world = world

    async def start(self, address: str, port: int = 0) -> str:
        """Listens, on a free port where none is named, and goes on with operations of an earlier life; gives the
        base URL, such as http://127.3.4.5:8090, without a trailing slash."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Ends every request and operation under way; what they left undone goes on with the next start."""
        raise NotImplementedError
