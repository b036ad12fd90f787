"""A write request as it was read, and what is answered to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshvm_tui.lab.cluster_api.errors import Cause, invalid
from meshvm_tui.lab.cluster_api.request_info import RequestInfo
from meshvm_tui.lab.cluster_api.writes import Write

JSON = dict[str, Any]
_MAX_MANAGER = 128


@dataclass
class Answer:
    """An object to be sent, with its code and warnings."""

    obj: JSON
    code: int = 200
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """A write request, read."""

    info: RequestInfo
    query: Mapping[str, str]
    content_type: str
    body: bytes
    agent: str

    @property
    def write(self) -> Write:
        """Who writes, and how."""
        manager = self.query.get("fieldManager") or self.agent.partition("/")[0] or "unknown"
        if len(manager) > _MAX_MANAGER:
            text = f"Too long: may not be more than {_MAX_MANAGER} bytes"
            raise invalid("meta.k8s.io", "PatchOptions", "", [Cause("FieldValueTooLong", text, "fieldManager")])
        dry_run = self.query.get("dryRun", "")
        if dry_run not in {"", "All"}:
            text = f'Unsupported value: ["{dry_run}"]: supported values: "All"'
            options = f"{self.info.verb.capitalize()}Options"
            raise invalid("meta.k8s.io", options, "", [Cause("FieldValueNotSupported", text, "dryRun")])
        return Write(manager, self.info.version, self.info.subresource, bool(dry_run))
