"""What the API server or the way to it says, as problems with a code.

Two sources: Status answers of the API server (reason, message, details.causes), and exceptions of the HTTP
library. Both keep their own words; neither ever repeats a header or a body of ours.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any

from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError

_ANONYMOUS = "system:anonymous"
_FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?'
)
_MANAGER = re.compile(r'conflict with "(?P<manager>[^"]*)"')
_WEBHOOK_DENIED = re.compile(r'admission webhook "[^"]*" denied the request')
_WEBHOOK_UNREACHED = "failed calling webhook"
# Server-side apply of a field that the schema lacks or that holds another type: kube-apiserver (1.36) says 500, though
# trying again never helps.
_MISFIT = re.compile(r"failed to (create typed patch object|convert new object) ")

_BY_STATUS: dict[int, tuple[type[Problem], str]] = {
    400: (PermanentError, "MVM-109"),
    401: (ActionNeeded, "MVM-106"),
    404: (PermanentError, "MVM-115"),
    410: (TransientError, "MVM-119"),
    413: (PermanentError, "MVM-109"),
    422: (PermanentError, "MVM-109"),
    429: (TransientError, "MVM-108"),
}


def status_problem(status: int, body: bytes, *, asked: str, headers: Mapping[str, str] | None = None) -> Problem:
    """The problem of an answer that is no success. `asked` is the method and path, for answers without words."""
    answer = _status(body)
    words = str(answer.get("message") or "") or f"{asked}: HTTP {status} {body[:300].decode(errors='replace')}".strip()
    reason = str(answer.get("reason") or "")
    details = answer.get("details") if isinstance(answer.get("details"), dict) else {}
    causes = [cause for cause in (details or {}).get("causes") or () if isinstance(cause, dict)]
    evidence = {"request": asked, "status": f"{status} {reason}".strip()}
    if _WEBHOOK_DENIED.search(words):
        return ActionNeeded("MVM-121", words, evidence=evidence)
    if _WEBHOOK_UNREACHED in words:
        return TransientError("MVM-122", words, evidence=evidence)
    if status == 403:
        return _forbidden(words, causes, evidence)
    if status == 409:
        return _conflict(words, reason, causes, evidence)
    if 300 <= status < 400:
        words = f"{asked}: a redirect to {(headers or {}).get('Location', '')} (a proxy or a login page?)"
    if status == 429:
        evidence["retry after"] = (headers or {}).get("Retry-After", "")
    if status in (400, 413, 422):
        words = _with_fields(words, causes)
    if status == 500 and _MISFIT.match(words):
        return PermanentError("MVM-109", words, evidence=evidence)
    kind, code = _BY_STATUS.get(status, (TransientError if status >= 500 else PermanentError, "MVM-119"))
    return kind(code, words, evidence=evidence)


def _status(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) and answer.get("kind") == "Status" else {}


def _forbidden(words: str, causes: list[dict[str, Any]], evidence: dict[str, str]) -> Problem:
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return TransientError("MVM-117", words, evidence=evidence)
    if _ANONYMOUS in words:
        return ActionNeeded("MVM-106", f"the request arrived without credentials: {words}", evidence=evidence)
    if "exceeded quota" in words:
        return ActionNeeded("MVM-118", words, evidence=evidence)
    if found := _FORBIDDEN.search(words):
        group = f".{found['group']}" if found["group"] else ""
        place = f" in namespace {found['namespace']}" if found["namespace"] else ""
        title = f"A permission is missing: {found['verb']} {found['resource']}{group}{place}"
        return ActionNeeded("MVM-107", words, title=title, evidence=evidence)
    return ActionNeeded("MVM-107", words, evidence=evidence)


def _conflict(words: str, reason: str, causes: list[dict[str, Any]], evidence: dict[str, str]) -> Problem:
    owned = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    if owned:
        return field_conflict([(_manager(cause), str(cause.get("field") or "")) for cause in owned], words, evidence)
    if reason == "AlreadyExists":
        return PermanentError("MVM-116", words, evidence=evidence)
    return ActionNeeded("MVM-111", words, evidence=evidence)


def field_conflict(owned: list[tuple[str, str]], words: str, evidence: Mapping[str, str] | None = None) -> ActionNeeded:
    """MVM-110 for (manager, field) pairs of a refused server-side apply."""
    managers = sorted({manager for manager, _ in owned})
    fields = ", ".join(field for _, field in owned)
    title = f"Another manager owns this field: {', '.join(managers)} owns {fields}"
    return ActionNeeded(
        "MVM-110", words, title=title, evidence={**(evidence or {}), "manager": ", ".join(managers), "field": fields}
    )


def _manager(cause: Mapping[str, Any]) -> str:
    found = _MANAGER.search(str(cause.get("message") or ""))
    return found["manager"] if found else str(cause.get("message") or "another manager")


def _with_fields(words: str, causes: list[dict[str, Any]]) -> str:
    """The message, and each cause that it does not say itself."""
    more = [
        f"{cause.get('field')}: {cause.get('message')}" for cause in causes if str(cause.get("message")) not in words
    ]
    return "\n".join([words, *more])


def connection_problem(error: Exception, *, server: str, asked: str) -> Problem:
    """The problem of a request that got no answer: refused, no such host, untrusted, too slow, cut."""
    from urllib3 import exceptions as http

    evidence = {"server": server, "request": asked}
    words = _innermost(error)
    if _is_tls(error):
        return _tls_problem(error, server, evidence)
    if isinstance(error, http.NameResolutionError) or isinstance(error.__cause__, socket.gaierror):
        return TransientError("MVM-103", f"{server}: the host name cannot be resolved: {words}", evidence=evidence)
    if isinstance(error, http.ProxyError):
        return TransientError("MVM-103", f"the proxy on the way to {server} failed: {words}", evidence=evidence)
    # Whatever else went wrong in connecting is a NewConnectionError, which is a ConnectTimeoutError too.
    if isinstance(error, http.ConnectTimeoutError) and not isinstance(error, http.NewConnectionError):
        return TransientError("MVM-103", f"{server}: no answer to the connection attempt: {words}", evidence=evidence)
    if isinstance(error, http.ReadTimeoutError):
        return TransientError("MVM-103", f"{server}: connected, but no answer to {asked} in time", evidence=evidence)
    return TransientError("MVM-103", f"{server}: {words}", evidence=evidence)


def _is_tls(error: BaseException) -> bool:
    from urllib3 import exceptions as http

    # The client library turns an SSLError into an ApiException with status 0 and the words as reason.
    text = str(getattr(error, "reason", "") or "")
    return isinstance(error, (http.SSLError, ssl.SSLError)) or text.startswith("SSLError")


def _tls_problem(error: Exception, server: str, evidence: dict[str, str]) -> Problem:
    words = _innermost(error)
    if "CERTIFICATE_VERIFY_FAILED" in words or "doesn't match" in words:
        named = "ostname mismatch" in words or "doesn't match" in words
        action = "Check server and tls-server-name in the kubeconfig." if named else ""
        return ActionNeeded("MVM-104", f"{server}: {words}", next_action=action, evidence=evidence)
    if "certificate required" in words or "bad certificate" in words or "unknown ca" in words.lower():
        return ActionNeeded("MVM-106", f"{server} does not accept the client certificate: {words}", evidence=evidence)
    if "KEY_VALUES_MISMATCH" in words or "PEM" in words:
        return PermanentError("MVM-112", f"the client certificate cannot be used: {words}", evidence=evidence)
    return TransientError("MVM-103", f"{server}: TLS failed: {words}", evidence=evidence)


def _innermost(error: BaseException) -> str:
    """The words of what really happened, without the library's object addresses."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return _innermost(reason)
    text = str(reason) if isinstance(reason, str) and reason else str(error)
    text = text.removeprefix("SSLError\n")
    return re.sub(r"^<?[\w.]+(Connection|Pool)?\([^)]*\)( at 0x[0-9a-f]+>)?: ", "", text) or type(error).__name__
