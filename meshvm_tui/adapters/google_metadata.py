"""The metadata server of Compute Engine, asked without Google's libraries and never for long.

Link-local and plain http by its nature (cloud.google.com/compute/docs/metadata/overview). NO_GCE_CHECK=true leaves it
alone; GCE_METADATA_HOST and GCE_METADATA_TIMEOUT are those of Google's libraries.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping

ADDRESS = "169.254.169.254"
SECONDS = 1.0
_FLAVOR = ("Metadata-Flavor", "Google")


class MetadataServer:
    """Small questions to the metadata server; "" or False wherever it does not answer in time."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._off = environ.get("NO_GCE_CHECK", "").lower() == "true"
        self._host = environ.get("GCE_METADATA_HOST") or environ.get("GCE_METADATA_ROOT") or ADDRESS
        try:
            self._seconds = float(environ.get("GCE_METADATA_TIMEOUT") or SECONDS)
        except ValueError:
            self._seconds = SECONDS

    def answers(self) -> bool:
        """Whether this computer is on Compute Engine."""
        return self._get("/computeMetadata/v1/instance/id") != ""

    def project(self) -> str:
        """The ID of the project that this computer belongs to."""
        return self._get("/computeMetadata/v1/project/project-id")

    def _get(self, path: str) -> str:
        if self._off:
            return ""
        try:
            connection = http.client.HTTPConnection(self._host, timeout=self._seconds)
            try:
                connection.request("GET", path, headers=dict([_FLAVOR]))
                response = connection.getresponse()
                text = response.read(1 << 16).decode(errors="replace").strip()
                ours = response.status == 200 and response.headers.get(_FLAVOR[0]) == _FLAVOR[1]
                return text if ours else ""
            finally:
                connection.close()
        except (OSError, http.client.HTTPException):
            return ""
