"""The API server's own record of what it was asked (audit log, level Metadata)."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance_api.driver import Driver

JSON = dict[str, Any]
POLICY = (
    '{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],'
    ' "rules": [{"level": "Metadata"}]}'
)
_SELF_REVIEWS = ("selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews")
DEADLINE_SECONDS = 20.0


@dataclass
class Audit:
    """The record of one user's requests; `mark` says from where on they count."""

    log: Path
    driver: Driver
    mark: int = 0

    def forget(self) -> None:
        """From here on, only what comes is counted."""
        self.mark = len(self._lines())

    def asked(self, user: str) -> list[JSON]:
        """A user's requests since the mark, each once."""
        entries = [json.loads(line) for line in self._lines()[self.mark :]]
        found = {entry["auditID"]: entry for entry in entries if entry["user"]["username"] == user}
        return list(found.values())

    def mutating(self, user: str) -> list[str]:
        """`verb uri` of the requests that could change something: all but looking and self-reviews."""
        return [
            f"{entry['verb']} {entry['requestURI']}"
            for entry in self.asked(user)
            if entry["verb"] not in ("get", "list", "watch")
            and entry.get("objectRef", {}).get("resource") not in _SELF_REVIEWS
        ]

    def _lines(self) -> list[str]:
        """The log's lines, after a request of our own has arrived in it: all earlier ones have as well."""
        path = f"/version?asked={secrets.token_hex(8)}"
        self.driver.ok("GET", path)
        end = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < end:
            text = self.log.read_text(encoding="utf-8")
            if path in text and text.endswith("\n"):
                return text.splitlines()
        raise AssertionError(f"{path} is not in {self.log}")
