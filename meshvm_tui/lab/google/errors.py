"""Errors in the shapes in which Google gives them.

Compute Engine has `error.errors[]` with a reason; the newer APIs have `error.status` and `error.details[]`; some
answers have both. https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

JSON = dict[str, Any]
_RPC = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


class GoogleError(Exception):
    """An answer that is no success. `reason` is the one of `errors[]`; without one there are no `errors`.

    `rpc` says whether the answer has the newer `status` too; `details` are its `error.details`."""

    def __init__(
        self,
        status: int,
        message: str,
        reason: str = "",
        *,
        rpc: bool = False,
        domain: str = "global",
        details: Sequence[JSON] = (),
        location: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self._error: JSON = {"code": status, "message": message}
        if reason:
            one = {"message": message, "domain": domain, "reason": reason}
            if location:
                one |= {"location": location, "locationType": "header"}
            self._error["errors"] = [one]
        if rpc or details or not reason:
            self._error["status"] = _RPC[status]
        if details:
            self._error["details"] = list(details)

    def body(self) -> JSON:
        """The whole answer."""
        return {"error": self._error}


def not_found(resource: str) -> GoogleError:
    """A resource of Compute Engine, such as projects/p/zones/z/instances/i, that there is not."""
    return GoogleError(404, f"The resource '{resource}' was not found", "notFound")


def exists(resource: str) -> GoogleError:
    """A name that is taken."""
    return GoogleError(409, f"The resource '{resource}' already exists", "alreadyExists")


def invalid(field: str, value: object, words: str) -> GoogleError:
    """A value that Compute Engine does not take."""
    return GoogleError(400, f"Invalid value for field '{field}': '{value}'. {words}", "invalid")


def required(field: str) -> GoogleError:
    """A field that is missing."""
    return GoogleError(400, f"Required field '{field}' not specified", "required")


def bad_payload(name: str, at: str) -> GoogleError:
    """A field that the API does not know."""
    place = f" at '{at}'" if at else ""
    words = f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.'
    violation = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"description": words}]}
    return GoogleError(400, words, "badRequest", details=[violation])


def condition_not_met(words: str) -> GoogleError:
    """412: a stale fingerprint, or a policy."""
    return GoogleError(412, words, "conditionNotMet", location="If-Match")


def forbidden(permission: str, resource: str) -> GoogleError:
    """A permission that the login lacks, as Compute Engine says it."""
    return GoogleError(403, f"Required '{permission}' permission for '{resource}'", "forbidden")


def denied(permission: str, resource: str) -> GoogleError:
    """A permission that the login lacks, as the newer APIs say it."""
    service = f"{permission.partition('.')[0]}.googleapis.com"
    info = error_info("IAM_PERMISSION_DENIED", service, {"permission": permission, "resource": resource})
    words = f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    return GoogleError(403, words, details=[info])


def service_disabled(service: str, title: str, project: str) -> GoogleError:
    """An API that is off in the project."""
    url = f"https://console.developers.google.com/apis/api/{service}/overview?project={project}"
    words = (
        f"{title} has not been used in project {project} before or it is disabled. Enable it by visiting {url} then "
        "retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and "
        "retry."
    )
    metadata = {"service": service, "consumer": f"projects/{project}", "serviceTitle": title, "activationUrl": url}
    link = {"description": "Google developers console API activation", "url": url}
    details = [
        error_info("SERVICE_DISABLED", "googleapis.com", metadata),
        {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": words},
        {"@type": "type.googleapis.com/google.rpc.Help", "links": [link]},
    ]
    return GoogleError(403, words, "accessNotConfigured", domain="usageLimits", details=details)


def unauthenticated(*, missing: bool) -> GoogleError:
    """No credential, or one that is not taken (any more)."""
    said = "Request is missing required" if missing else "Request had invalid"
    words = (
        f"{said} authentication credential{'' if missing else 's'}. Expected OAuth 2 access token, login cookie or "
        "other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    reason = "CREDENTIALS_MISSING" if missing else "ACCESS_TOKEN_TYPE_UNSUPPORTED"
    info = error_info(reason, "googleapis.com", {})
    return GoogleError(401, words, "required" if missing else "authError", details=[info])


def too_many(service: str, number: str) -> GoogleError:
    """429: too many requests a minute."""
    words = (
        f"Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service '{service}' for "
        f"consumer 'project_number:{number}'."
    )
    metadata = {"service": service, "consumer": f"projects/{number}", "quota_limit": "defaultPerMinutePerProject"}
    info = error_info("RATE_LIMIT_EXCEEDED", "googleapis.com", metadata)
    return GoogleError(429, words, "rateLimitExceeded", domain="usageLimits", details=[info])


def unavailable() -> GoogleError:
    """503: try again."""
    return GoogleError(503, "The service is currently unavailable.", "backendError", rpc=True)


def error_info(reason: str, domain: str, metadata: JSON) -> JSON:
    """google.rpc.ErrorInfo."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": domain,
        "metadata": metadata,
    }
