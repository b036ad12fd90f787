"""One error answer of Google, read: its words, its reasons in either of the two forms, an ErrorInfo's metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshvm_tui.problems import Problem

OF_ZONE = re.compile(r"zones/(?P<zone>[a-z0-9-]+)")


@dataclass(frozen=True)
class Answer:
    """What one error says: HTTP status, words, reasons (in capitals, without underscores), an ErrorInfo's metadata."""

    status: int
    words: str
    reasons: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)

    def gives(self, *reasons: str) -> bool:
        """Whether one of these is its reason, in either spelling: quotaExceeded or QUOTA_EXCEEDED."""
        return any(plain(reason) in self.reasons for reason in reasons)

    def problem(self, kind: type[Problem], code: str, *, title: str = "", next_action: str = "") -> Problem:
        """The problem with these words."""
        return kind(code, self.words, title=title, next_action=next_action, evidence=self.evidence)


def error_of(body: bytes | str | Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The `error` object; some methods put it into a list."""
    parsed: Any = body
    if isinstance(body, (bytes, str)):
        try:
            parsed = json.loads(body)
        except ValueError:
            return None
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    error = parsed.get("error") if isinstance(parsed, Mapping) else None
    if isinstance(error, str):
        return {"message": f"{error}: {parsed.get('error_description') or ''}".rstrip(": "), "status": error}
    return error if isinstance(error, Mapping) else None


def answer_of(status: int, error: Mapping[str, Any], doing: str) -> Answer:
    """The answer of a REST call: `error` is its error object, `doing` what was asked."""
    reasons = {str(error.get("status") or "")}
    reasons |= {str(item.get("reason") or "") for item in _mappings(error.get("errors"))}
    metadata: dict[str, str] = {}
    for detail in _mappings(error.get("details")):
        if str(detail.get("@type") or "").endswith("google.rpc.ErrorInfo"):
            reasons.add(str(detail.get("reason") or ""))
            metadata |= {str(key): str(value) for key, value in _mapping(detail.get("metadata")).items()}
    reasons.discard("")
    words = str(error.get("message") or "") or f"{doing}: HTTP {status} without words"
    evidence = {"request": doing, "status": " ".join([str(status), *sorted(reasons)])}
    return Answer(status, words, frozenset(map(plain, reasons)), metadata, evidence)


def answer_of_operation(operation: Mapping[str, Any], doing: str) -> Answer:
    """The errors of an operation as one answer; its zone and a quota's dimensions are the metadata."""
    errors = _mappings(_mapping(operation.get("error")).get("errors"))
    status = operation.get("httpErrorStatusCode")
    words = "\n".join(str(item.get("message") or item.get("code") or "") for item in errors)
    words = words or str(operation.get("httpErrorMessage") or "the operation failed without words")
    codes = [str(item.get("code") or "") for item in errors]
    metadata = _quota_metadata(errors)
    if zone := OF_ZONE.search(str(operation.get("zone") or "")):
        metadata.setdefault("zone", zone["zone"])
    evidence = {"request": doing, "operation": str(operation.get("name") or ""), "status": " ".join(codes)}
    return Answer(status if isinstance(status, int) else 0, words, frozenset(map(plain, codes)), metadata, evidence)


def _quota_metadata(errors: list[Mapping[str, Any]]) -> dict[str, str]:
    for item in errors:
        for detail in _mappings(item.get("errorDetails")):
            if isinstance(quota := detail.get("quotaInfo"), Mapping):
                dimensions = _mapping(quota.get("dimensions"))
                return {
                    "metric": str(quota.get("metricName") or "").rpartition("/")[2],
                    "limit": str(quota.get("limit") or ""),
                    "region": str(dimensions.get("region") or dimensions.get("zone") or ""),
                }
    return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def plain(reason: str) -> str:
    """A reason in the one spelling in which both forms are compared."""
    return reason.replace("_", "").upper()


def text_of(body: bytes | str | Mapping[str, Any]) -> str:
    """A body as text."""
    if isinstance(body, bytes):
        return body.decode(errors="replace")
    return body if isinstance(body, str) else json.dumps(dict(body))
