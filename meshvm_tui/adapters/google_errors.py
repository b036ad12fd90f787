"""What Google's client libraries raise, as problems with a code.

google.auth, requests and google.api_core have a root of exceptions each, and all three may come out of any call: a
token is minted when a request is about to be sent. Error answers are judged by `google_error_bodies`, whose two
functions are given on from here. None of the words ever holds a token: error answers of Google repeat none.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any

from meshvm_tui.adapters.google_error_bodies import problem_from_body, problem_from_operation
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError

__all__ = ["problem_from", "problem_from_body", "problem_from_operation"]

_IMPERSONATION = "Unable to acquire impersonated credentials"
_AUTHORITY = (
    "Name the file with your proxy's certificate authority: gcloud config set core/custom_ca_certs_file FILE,"
    " or REQUESTS_CA_BUNDLE; then retry."
)
_CLOCK = "Set this computer's clock, then retry."
_NEW_KEY = "Make a new key for the service account, or use another login, then retry."
# What the token endpoint says, in the order in which it is asked: words, kind, code, what to do instead.
_REFUSALS: tuple[tuple[re.Pattern[str], type[Problem], str, str], ...] = (
    (re.compile(r"Reauthentication|invalid_rapt|rapt_required"), ActionNeeded, "MVM-802", ""),
    (re.compile(r"admin_policy_enforced|org_internal"), ActionNeeded, "MVM-838", ""),
    (re.compile(r"Invalid JWT.*(\biat\b|\bexp\b|short-lived)"), ActionNeeded, "MVM-803", _CLOCK),
    (re.compile(r"Invalid JWT|account not found"), ActionNeeded, "MVM-803", _NEW_KEY),
    (re.compile(r"invalid_grant|expired"), ActionNeeded, "MVM-802", ""),
    (re.compile(r"^\s*<|No access token in response"), PermanentError, "MVM-840", ""),
)


def problem_from(error: Exception, doing: str) -> Problem:
    """The problem of an exception that came out of a call to Google; `doing` says what was asked.

    A Problem is given back as it is. What no library of Google raises, such as Cancelled, is raised on."""
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    if isinstance(error, Problem):
        return error
    if isinstance(error, GoogleAuthError):
        return _login_problem(error, doing)
    if isinstance(error, RequestException):
        return _connection_problem(error, doing)
    if _is_api_error(error):
        return _api_problem(error, doing)
    if isinstance(error, OSError):
        return _connection_problem(error, doing)
    # The client libraries check a request before they send it.
    if isinstance(error, ValueError):
        return PermanentError("MVM-818", f"{doing}: {error}", evidence={"request": doing})
    raise error


def _is_api_error(error: Exception) -> bool:
    """Asked by name: its module is heavy, and loaded already where one of its exceptions is about."""
    return any(kind.__module__ == "google.api_core.exceptions" for kind in type(error).__mro__)


def _api_problem(error: Any, doing: str) -> Problem:
    """google.api_core: a GoogleAPICallError holds the answer; a RetryError what was the matter the last time."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception):
        return problem_from(cause, doing)
    response = getattr(error, "response", None)
    status = int(getattr(error, "code", None) or 0)
    content = getattr(response, "content", None)
    if isinstance(content, bytes) and content:
        return problem_from_body(int(getattr(response, "status_code", status)), content, doing)
    words = str(getattr(error, "message", "") or error)
    if not status:
        return TransientError("MVM-817", f"{doing}: {words}", evidence={"request": doing})
    reasons = [item for item in getattr(error, "errors", None) or () if isinstance(item, Mapping)]
    return problem_from_body(status, {"error": {"code": status, "message": words, "errors": reasons}}, doing)


def _login_problem(error: Any, doing: str) -> Problem:
    from google.auth import exceptions

    if isinstance(inner := _wrapped(error), Exception):
        return problem_from(inner, doing)
    words = str(error.args[0] if error.args else error) or type(error).__name__
    more = error.args[1] if len(error.args) > 1 else None
    if words.startswith(_IMPERSONATION):
        return impersonation_problem(more, doing)
    evidence = {"request": doing}
    if isinstance(error, exceptions.RefreshError):
        return _refresh_problem(words, more, bool(error.retryable), evidence)
    if isinstance(error, (exceptions.TransportError, exceptions.TimeoutError, exceptions.ResponseError)):
        return TransientError("MVM-804", words, evidence=evidence)
    if "credentials were not found" in words:
        return ActionNeeded("MVM-801", words, evidence=evidence)
    cause = f"{words} ({more})" if isinstance(more, Exception) else words
    return ActionNeeded("MVM-803", cause, evidence=evidence)


def _wrapped(error: Any) -> object:
    """What a TransportError of google.auth carries: the exception of requests, possibly inside of a RefreshError."""
    return next((item for item in error.args if _is_network(item)), None)


def _is_network(item: object) -> bool:
    from google.auth.exceptions import TransportError
    from requests.exceptions import RequestException

    return isinstance(item, (RequestException, TransportError))


def _refresh_problem(words: str, answer: Any, retryable: bool, evidence: dict[str, str]) -> Problem:
    """The OAuth token endpoint's refusals (RFC 6749, section 5.2, with Google's descriptions)."""
    if retryable:
        return TransientError("MVM-817", words, evidence=evidence)
    said = answer if isinstance(answer, Mapping) else {}
    text = " ".join([words, *(str(said.get(key) or "") for key in ("error", "error_subtype", "error_description"))])
    for pattern, kind, code, action in _REFUSALS:
        if pattern.search(text):
            return kind(code, words, next_action=action, evidence=evidence)
    return ActionNeeded("MVM-803", words, evidence=evidence)


def impersonation_problem(body: Any, doing: str) -> Problem:
    """What iamcredentials.generateAccessToken says when it gives no token: MVM-808 where that is refused or where
    there is no such account, and otherwise as every API (switched off, asks to wait)."""
    given = body if isinstance(body, (str, bytes, Mapping)) else ""
    status = _status_of(given)
    problem = problem_from_body(status, given, doing)
    if problem.code in ("MVM-805", "MVM-816", "MVM-808"):
        return ActionNeeded("MVM-808", problem.cause, evidence=problem.evidence)
    return problem


def _status_of(body: str | bytes | Mapping[str, Any]) -> int:
    import json

    parsed: Any = body
    if isinstance(body, (str, bytes)):
        try:
            parsed = json.loads(body)
        except ValueError:
            return 0
    error = parsed.get("error") if isinstance(parsed, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, int) else 0


def _connection_problem(error: Exception, doing: str) -> Problem:
    """No answer at all: refused, no such host, untrusted, too slow, cut."""
    from requests import exceptions as http

    words = _innermost(error)
    evidence = {"request": doing} | ({"server": host} if (host := _host_of(error)) else {})
    place = f"{host}: " if host else ""
    if "TLS CA certificate bundle" in words:
        return ActionNeeded("MVM-804", words, next_action=_AUTHORITY, evidence=evidence)
    if isinstance(error, (http.SSLError, ssl.SSLError)):
        return _tls_problem(f"{place}{words}", evidence)
    if isinstance(error, (http.InvalidURL, http.InvalidSchema, http.MissingSchema)):
        return PermanentError("MVM-839", words, evidence=evidence)
    if isinstance(error, (http.ContentDecodingError, http.JSONDecodeError)):
        return PermanentError("MVM-840", f"{doing}: {words}", evidence=evidence)
    if isinstance(error, http.ProxyError):
        words = f"the proxy on the way failed: {words}"
    elif isinstance(error, http.ConnectTimeout):
        words = "no answer to the connection attempt"
    elif isinstance(error, (http.ReadTimeout, TimeoutError)) or "Read timed out" in words:
        words = f"connected, but no answer in time to: {doing}"
    return TransientError("MVM-804", f"{place}{words}", evidence=evidence)


def _tls_problem(words: str, evidence: dict[str, str]) -> Problem:
    title = "Google's certificate is not trusted" if "CERTIFICATE_VERIFY_FAILED" in words else ""
    if title or "doesn't match" in words:
        return ActionNeeded("MVM-804", words, title=title, next_action=_AUTHORITY, evidence=evidence)
    if "WRONG_VERSION_NUMBER" in words or "record layer failure" in words:
        return ActionNeeded("MVM-839", f"it does not speak TLS: {words}", evidence=evidence)
    return TransientError("MVM-804", f"TLS failed: {words}", evidence=evidence)


def _host_of(error: Any) -> str:
    """The host of the request; of nothing else in it, for a query may say more than an operator should read."""
    from urllib.parse import urlsplit

    url = str(getattr(getattr(error, "request", None), "url", None) or "")
    return urlsplit(url).netloc.rpartition("@")[2]


def _innermost(error: BaseException) -> str:
    """The words of what really happened, without the libraries' object addresses around them."""
    for item in (getattr(error, "reason", None), *error.args):
        if isinstance(item, BaseException):
            return _innermost(item)
    return re.sub(r"^<?[\w.]+(Connection|Pool)?\([^)]*\)( at 0x[0-9a-f]+>)?: ", "", str(error)) or type(error).__name__
