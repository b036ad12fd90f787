"""Error answers of Google's APIs, each with what is told of it: the data of `test_google_error_words`."""

from __future__ import annotations

from typing import Any, NamedTuple

from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError

JSON = dict[str, Any]
INFO = "type.googleapis.com/google.rpc.ErrorInfo"


def compute(status: int, reason: str, message: str) -> JSON:
    """Compute Engine's form."""
    item = {"message": message, "domain": "global", "reason": reason}
    return {"error": {"code": status, "message": message, "errors": [item]}}


def newer(status: int, state: str, message: str, reason: str = "", **metadata: str) -> JSON:
    """The form of the newer APIs."""
    error: JSON = {"code": status, "message": message, "status": state}
    if reason:
        error["details"] = [
            {"@type": "type.googleapis.com/google.rpc.Help", "links": []},
            {"@type": INFO, "reason": reason, "domain": "googleapis.com", "metadata": metadata},
        ]
    return {"error": error}


class Row(NamedTuple):
    """An answer, and what is told of it."""

    status: int
    body: JSON
    kind: type[Problem]
    code: str
    title: str = ""
    action: str = ""


OFF = (
    "Compute Engine API has not been used in project 1234 before or it is disabled. Enable it by visiting"
    " https://console.developers.google.com/apis/api/compute.googleapis.com/overview?project=1234 then retry."
)
NO_QUOTA_PROJECT = (
    "Your application is authenticating by using local Application Default Credentials."
    " The compute.googleapis.com API requires a quota project, which is not set by default."
)
CONSUMER = "Caller does not have required permission to use project pays. Grant the caller the"
ROWS = [
    Row(401, newer(401, "UNAUTHENTICATED", "Invalid credentials", "ACCESS_TOKEN_EXPIRED"), ActionNeeded, "MVM-802"),
    # A permission, in the words of the different APIs.
    Row(
        403,
        compute(
            403, "forbidden", "Required 'compute.instances.create' permission for 'projects/p/zones/z/instances/i'"
        ),
        ActionNeeded,
        "MVM-805",
        "compute.instances.create",
    ),
    Row(
        403,
        newer(403, "PERMISSION_DENIED", 'Required "container.clusters.list" permission(s) for "projects/p".'),
        ActionNeeded,
        "MVM-805",
        "container.clusters.list",
    ),
    Row(
        403,
        newer(
            403,
            "PERMISSION_DENIED",
            "Permission denied on resource",
            "IAM_PERMISSION_DENIED",
            permission="oslogin.users.x",
        ),
        ActionNeeded,
        "MVM-805",
        "oslogin.users.x",
    ),
    Row(403, newer(403, "PERMISSION_DENIED", "The caller does not have permission"), ActionNeeded, "MVM-805"),
    # An API that is off.
    Row(
        403,
        newer(
            403, "PERMISSION_DENIED", OFF, "SERVICE_DISABLED", service="compute.googleapis.com", consumer="projects/p-1"
        ),
        ActionNeeded,
        "MVM-806",
        "compute.googleapis.com",
        "gcloud services enable compute.googleapis.com --project=p-1",
    ),
    Row(
        403,
        compute(403, "accessNotConfigured", OFF),
        ActionNeeded,
        "MVM-806",
        "compute.googleapis.com",
        "gcloud services enable compute.googleapis.com --project=1234",
    ),
    # The quota project.
    Row(
        403,
        newer(403, "PERMISSION_DENIED", CONSUMER, "USER_PROJECT_DENIED", consumer="projects/pays"),
        ActionNeeded,
        "MVM-807",
        "",
        "gcloud auth application-default set-quota-project",
    ),
    Row(
        403,
        newer(403, "PERMISSION_DENIED", f"{CONSUMER} role with serviceusage.services.use permission"),
        ActionNeeded,
        "MVM-807",
    ),
    Row(
        403,
        newer(
            403,
            "PERMISSION_DENIED",
            NO_QUOTA_PROJECT,
            "SERVICE_DISABLED",
            service="compute",
            consumer="projects/764086051850",
        ),
        ActionNeeded,
        "MVM-807",
    ),
    Row(
        403,
        newer(403, "PERMISSION_DENIED", OFF, "SERVICE_DISABLED", service="x", consumer="projects/764086051850"),
        ActionNeeded,
        "MVM-807",
    ),
    # What looks like a missing permission and is none.
    Row(
        403,
        newer(403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", "BILLING_DISABLED"),
        ActionNeeded,
        "MVM-806",
        "Billing",
        "billing account",
    ),
    Row(
        403,
        newer(403, "PERMISSION_DENIED", "Insufficient scopes", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
        ActionNeeded,
        "MVM-803",
        "",
        "--scopes=cloud-platform",
    ),
    Row(
        403,
        compute(403, "insufficientPermissions", "Request had insufficient authentication scopes."),
        ActionNeeded,
        "MVM-803",
    ),
    # The organization.
    Row(
        412,
        compute(412, "conditionNotMet", "Constraint constraints/compute.vmExternalIpAccess violated for project p."),
        ActionNeeded,
        "MVM-838",
        "constraints/compute.vmExternalIpAccess",
    ),
    Row(
        403,
        newer(403, "PERMISSION_DENIED", "Request is prohibited by organization's policy.", "SECURITY_POLICY_VIOLATED"),
        ActionNeeded,
        "MVM-838",
    ),
    # Quotas of things, and limits of speed.
    Row(
        403,
        compute(403, "quotaExceeded", "Quota 'CPUS' exceeded.  Limit: 24.0 in region us-central1."),
        ActionNeeded,
        "MVM-811",
        "CPUS in us-central1",
        "another region than us-central1 or a smaller machine type, or ask for more CPUS in us-central1 (its limit is",
    ),
    Row(403, compute(403, "rateLimitExceeded", "Rate Limit Exceeded"), TransientError, "MVM-817"),
    Row(
        429,
        newer(
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute'",
        ),
        TransientError,
        "MVM-817",
    ),
    Row(
        403,
        compute(403, "quotaExceeded", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'"),
        TransientError,
        "MVM-817",
    ),
    Row(
        503,
        compute(503, "ZONE_RESOURCE_POOL_EXHAUSTED", "The zone 'projects/p/zones/us-central1-a' does not have enough"),
        ActionNeeded,
        "MVM-812",
        "",
        "another zone than us-central1-a",
    ),
    # What is not there.
    Row(404, compute(404, "notFound", "The resource 'projects/nope' was not found"), ActionNeeded, "MVM-809"),
    Row(
        403,
        newer(403, "PERMISSION_DENIED", "Permission denied on resource project nope.", "CONSUMER_INVALID"),
        ActionNeeded,
        "MVM-809",
    ),
    Row(404, compute(404, "notFound", "The resource 'projects/p/zones/mars-a' was not found"), ActionNeeded, "MVM-810"),
    Row(
        400, compute(400, "invalid", "Invalid value for field 'zone': 'mars-a'. Unknown zone."), ActionNeeded, "MVM-810"
    ),
    Row(
        404,
        compute(404, "notFound", "The resource 'projects/p/zones/z/instances/i' was not found"),
        ActionNeeded,
        "MVM-816",
    ),
    Row(404, newer(404, "NOT_FOUND", "Not found: projects/p/locations/l/clusters/c."), ActionNeeded, "MVM-816"),
    # What stands in the way, now or for good.
    Row(409, compute(409, "alreadyExists", "The resource 'x' already exists"), ActionNeeded, "MVM-814"),
    Row(409, newer(409, "ABORTED", "There were concurrent policy changes."), TransientError, "MVM-815"),
    Row(
        412,
        compute(412, "conditionNotMet", "Supplied fingerprint does not match current metadata"),
        TransientError,
        "MVM-815",
    ),
    Row(400, compute(400, "resourceNotReady", "The resource 'x' is not ready"), TransientError, "MVM-817"),
    Row(400, compute(400, "invalid", "Invalid value for field 'resource.name': 'A'."), PermanentError, "MVM-818"),
    Row(413, compute(413, "uploadTooLarge", "Too large"), PermanentError, "MVM-818"),
    Row(500, newer(500, "INTERNAL", "Internal error encountered."), TransientError, "MVM-817"),
    Row(503, newer(503, "UNAVAILABLE", "The service is currently unavailable."), TransientError, "MVM-817"),
    Row(504, newer(504, "DEADLINE_EXCEEDED", "Deadline expired"), TransientError, "MVM-817"),
]
