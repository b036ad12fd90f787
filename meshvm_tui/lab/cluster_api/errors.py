"""What the API server says when it refuses: Status bodies with the reasons, texts and details of kube-apiserver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True)
class Cause:
    """One entry of `details.causes`: a field that is wrong and why."""

    reason: str
    message: str
    field: str

    def text(self) -> str:
        """As it stands in the message of an Invalid error."""
        return f"{self.field}: {self.message}"


class ApiError(Exception):
    """A refusal; `code` is the HTTP status, `retry_after` the header's seconds where there is one.

    `plain` is a refusal that is sent as text, not as a Status."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: JSON | None = None,
        *,
        retry_after: int = 0,
        plain: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after
        self.plain = plain

    def status(self) -> JSON:
        """The Status object that is the body of the answer."""
        body: JSON = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        if self.message:
            body["message"] = self.message
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        return {**body, "code": self.code}


def success(details: JSON | None = None) -> JSON:
    """The Status of a deletion that went through."""
    body: JSON = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return {**body, "details": details} if details else body


def resource_name(group: str, plural: str) -> str:
    """`plural.group`, as messages name a resource."""
    return f"{plural}.{group}" if group else plural


def details(group: str, kind: str, name: str = "", uid: str = "", causes: Sequence[Cause] = ()) -> JSON:
    """The `details` of a Status; empty fields are left out."""
    found: JSON = {"name": name, "group": group, "kind": kind, "uid": uid}
    found = {key: value for key, value in found.items() if value}
    if causes:
        found["causes"] = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    return found


def not_found(group: str, plural: str, name: str) -> ApiError:
    """404 for an object."""
    message = f'{resource_name(group, plural)} "{name}" not found'
    return ApiError(404, "NotFound", message, details(group, plural, name))


def no_such_resource() -> ApiError:
    """404 for a resource that a built-in group does not have."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def no_such_path() -> ApiError:
    """404 for a path that nothing answers; custom resources that are not served are such."""
    return ApiError(404, "", "404 page not found", plain=True)


def already_exists(group: str, plural: str, name: str) -> ApiError:
    """409 for a creation."""
    message = f'{resource_name(group, plural)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, details(group, plural, name))


def conflict(group: str, plural: str, name: str, why: str) -> ApiError:
    """409 for a stale resourceVersion or a precondition that does not hold."""
    message = f'Operation cannot be fulfilled on {resource_name(group, plural)} "{name}": {why}'
    return ApiError(409, "Conflict", message, details(group, plural, name))


def stale(group: str, plural: str, name: str) -> ApiError:
    """409 for an object that somebody else has changed since it was read."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(group, plural, name, why)


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """422 with its causes."""
    texts = [cause.text() for cause in causes]
    told = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    message = f'{resource_name(group, kind)} "{name}" is invalid: {told}'
    return ApiError(422, "Invalid", message, details(group, kind, name, causes=causes))


def forbidden(group: str, plural: str, name: str, why: str, causes: Sequence[Cause] = ()) -> ApiError:
    """403 for a request on a resource."""
    named = f' "{name}"' if name else ""
    message = f"{resource_name(group, plural)}{named} is forbidden: {why}"
    return ApiError(403, "Forbidden", message, details(group, plural, name, causes=causes))


def bad_request(message: str) -> ApiError:
    """400 for a body or a parameter that cannot be read."""
    return ApiError(400, "BadRequest", message)


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    """415 for a body of the wrong kind."""
    told = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return ApiError(415, "UnsupportedMediaType", told)


def method_not_allowed() -> ApiError:
    """405."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def expired(message: str) -> ApiError:
    """410 for a resourceVersion or a continue token that is too old."""
    return ApiError(410, "Expired", message)


def unauthorized(words: str = "") -> ApiError:
    """401; `words` are those of an authenticating proxy before the API server, which itself says no more than that."""
    return ApiError(401, "Unauthorized", words or "Unauthorized")
