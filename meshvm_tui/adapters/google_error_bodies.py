"""The error answers of Google's REST APIs and of Compute Engine's operations, as problems with a code.

Two forms of answer exist side by side (cloud.google.com/apis/design/errors, and Compute Engine's older one):
`error.details[]` with an ErrorInfo of a reason and metadata, and `error.errors[]` with a reason. A 403 alone may mean
a permission, an API that is off, a quota or the quota project, so the reason is asked first and the status last.
Everything here is pure: JSON in, a problem out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from meshvm_tui.adapters.google_error_answer import (
    OF_ZONE,
    Answer,
    answer_of,
    answer_of_operation,
    error_of,
    plain,
    text_of,
)
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError

ENABLE = "Run gcloud services enable {service} --project={project}, wait a minute, then retry."
_QUOTA_PROJECT = (
    "Run gcloud auth application-default set-quota-project PROJECT with a project where you may use services"
    " (roles/serviceusage.serviceUsageConsumer), then retry."
)
_SCOPES = (
    "Log in anew with the scope cloud-platform; on a VM, stop it and give it that scope with"
    " gcloud compute instances set-service-account --scopes=cloud-platform, then retry."
)
# The projects of the OAuth clients of gcloud itself: nobody else can switch an API on there.
_GCLOUD_PROJECTS = frozenset({"764086051850", "32555940559"})
_PERMISSION = re.compile(r"\b(?:[a-z][A-Za-z]+)(?:\.[a-zA-Z]+){2,}\b")
_PERMISSION_WORDS = re.compile(r"permission|does not have|Required|access", re.IGNORECASE)
_CONSTRAINT = re.compile(r"\b(?:constraints|customConstraints)/[\w.-]+")
_IN_PROJECT = re.compile(r"\bproject[ =/]'?(?P<project>[a-z0-9][a-z0-9.:-]*[a-z0-9])")
_OFF = re.compile(r"has not been used in project|it is disabled|API is not enabled|SERVICE_DISABLED")
_SERVICE = re.compile(r"\b(?P<service>[a-z0-9-]+\.googleapis\.com)/overview")
_NO_PROJECT = re.compile(r"(?:resource '?projects/[^/' ]+'? was not found|Failed to find project|Project .* not found)")
_NO_ZONE = re.compile(r"(?:projects/[^/]+/zones/[^/' ]+'? was not found|Unknown zone)")
_RATE = re.compile(r"rate ?limit|per (?:minute|second|100 ?seconds|day)", re.IGNORECASE)
_QUOTA = re.compile(
    r"Quota '?(?P<metric>[A-Z0-9_]+)'? exceeded\.?\s+Limit: (?P<limit>[\d.]+)(?: in region (?P<region>[\w-]+))?"
)
_CAPACITY = ("RESOURCE_POOL_EXHAUSTED", "STOCKOUT", "does not have enough resources available")
_TAGS = re.compile(r"<(?:style|script).*?</(?:style|script)>|<[^>]+>", re.DOTALL | re.IGNORECASE)


def problem_from_body(status: int, body: bytes | str | Mapping[str, Any], doing: str) -> Problem:
    """The problem of a REST answer that is no success. `doing` says what was asked, for the evidence."""
    error = error_of(body)
    if error is None:
        return _no_json(status, text_of(body), doing)
    return _judge(answer_of(status, error, doing))


def problem_from_operation(operation: Mapping[str, Any], doing: str) -> Problem:
    """The problem of an operation that ended with `error` (compute.v1 Operation, REST spelling)."""
    answer = answer_of_operation(operation, doing)
    for rule in (_capacity, _quota, _policy, _service_off, _denied_by_words):
        if problem := rule(answer):
            return problem
    if answer.gives("RESOURCE_ALREADY_EXISTS"):
        return answer.problem(ActionNeeded, "MVM-814")
    if answer.gives("RESOURCE_NOT_FOUND"):
        return answer.problem(ActionNeeded, "MVM-816")
    if answer.gives("CONDITION_NOT_MET"):
        return answer.problem(TransientError, "MVM-815")
    return answer.problem(PermanentError, "MVM-813")


def _judge(answer: Answer) -> Problem:
    for rule in (_quota_project, _billing, _scopes, _service_off, _policy, _capacity, _rate, _quota, _place):
        if problem := rule(answer):
            return problem
    if by_status := _BY_STATUS.get(answer.status):
        return by_status(answer)
    if answer.status >= 500:
        return answer.problem(TransientError, "MVM-817")
    return answer.problem(PermanentError, "MVM-818" if answer.status >= 400 else "MVM-840")


def _quota_project(answer: Answer) -> Problem | None:
    denied = answer.gives("USER_PROJECT_DENIED") or "serviceusage.services.use" in answer.words
    unset = "requires a quota project" in answer.words
    if denied or unset or (_is_off(answer) and _project_in(answer) in _GCLOUD_PROJECTS):
        return answer.problem(ActionNeeded, "MVM-807", next_action=_QUOTA_PROJECT)
    return None


def _billing(answer: Answer) -> Problem | None:
    if not answer.gives("BILLING_DISABLED", "UREQ_PROJECT_BILLING_NOT_FOUND"):
        return None
    title, action = "Billing is switched off for this project", "Link the project to a billing account, then retry."
    return answer.problem(ActionNeeded, "MVM-806", title=title, next_action=action)


def _scopes(answer: Answer) -> Problem | None:
    """The login would do, but not for what it was asked for: a VM's access scopes, or a login with few scopes."""
    if answer.gives("ACCESS_TOKEN_SCOPE_INSUFFICIENT") or "insufficient authentication scopes" in answer.words:
        return answer.problem(ActionNeeded, "MVM-803", next_action=_SCOPES)
    return None


def _service_off(answer: Answer) -> Problem | None:
    if not _is_off(answer):
        return None
    found = _SERVICE.search(answer.words)
    service = answer.metadata.get("service") or (found["service"] if found else "SERVICE")
    action = ENABLE.format(service=service, project=_project_in(answer) or "PROJECT")
    title = f"A Google API is switched off in this project: {service}" if service != "SERVICE" else ""
    return answer.problem(ActionNeeded, "MVM-806", title=title, next_action=action)


def _is_off(answer: Answer) -> bool:
    return answer.gives("SERVICE_DISABLED", "accessNotConfigured") or bool(_OFF.search(answer.words))


def _project_in(answer: Answer) -> str:
    consumer = answer.metadata.get("consumer", "")
    if consumer.startswith("projects/"):
        return consumer.removeprefix("projects/")
    found = _IN_PROJECT.search(answer.words)
    return found["project"] if found else ""


def _policy(answer: Answer) -> Problem | None:
    if found := _CONSTRAINT.search(answer.words):
        title = f"A policy of the organization forbids this: {found[0]}"
        return answer.problem(ActionNeeded, "MVM-838", title=title)
    if answer.gives("SECURITY_POLICY_VIOLATED", "vpcServiceControls", "ORG_RESTRICTION_VIOLATION"):
        return answer.problem(ActionNeeded, "MVM-838")
    return None


def _capacity(answer: Answer) -> Problem | None:
    reasons = " ".join(answer.reasons)
    if not any(plain(word) in reasons or word in answer.words for word in _CAPACITY):
        return None
    found = OF_ZONE.search(answer.words)
    zone = found["zone"] if found else answer.metadata.get("zone", "")
    action = f"Choose another zone than {zone}, or another machine type." if zone else ""
    return answer.problem(ActionNeeded, "MVM-812", next_action=action)


def _rate(answer: Answer) -> Problem | None:
    named = answer.gives("rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED")
    spoken = (
        answer.status in (403, 429)
        and answer.gives("quotaExceeded", "RESOURCE_EXHAUSTED")
        and _RATE.search(answer.words)
    )
    return answer.problem(TransientError, "MVM-817") if named or spoken else None


def _quota(answer: Answer) -> Problem | None:
    found = _QUOTA.search(answer.words)
    if not found and not answer.gives("quotaExceeded", "limitExceeded"):
        return None
    said = found.groupdict() if found else {}
    metric = said.get("metric") or answer.metadata.get("metric", "")
    region = said.get("region") or answer.metadata.get("region", "")
    limit = said.get("limit") or answer.metadata.get("limit", "")
    where = f" in {region}" if region else ""
    title = f"A quota of the project is used up: {metric}{where}" if metric else ""
    named = f"more {metric}{where} (its limit is {limit})" if metric and limit else f"more {metric}{where}".rstrip()
    action = (
        f"Choose another region{f' than {region}' if region else ''} or a smaller machine type, or ask for {named}."
    )
    return answer.problem(ActionNeeded, "MVM-811", title=title, next_action=action)


def _place(answer: Answer) -> Problem | None:
    """A project or a zone that does not exist. `CONSUMER_INVALID` is the newer APIs' word for the former."""
    if answer.gives("CONSUMER_INVALID") or (answer.status in (403, 404) and _NO_PROJECT.search(answer.words)):
        return answer.problem(ActionNeeded, "MVM-809")
    if answer.status in (400, 404) and _NO_ZONE.search(answer.words):
        return answer.problem(ActionNeeded, "MVM-810")
    return None


def _denied_by_words(answer: Answer) -> Problem | None:
    if answer.status == 403 or answer.gives("PERMISSIONS_ERROR", "PERMISSION_DENIED"):
        return _denied(answer)
    return None


def _denied(answer: Answer) -> Problem:
    permission = answer.metadata.get("permission", "")
    if not permission and _PERMISSION_WORDS.search(answer.words):
        found = [name for name in _PERMISSION.findall(answer.words) if not name.endswith((".com", ".net", ".org"))]
        permission = found[0] if found else ""
    if permission == "iam.serviceAccounts.getAccessToken":
        return answer.problem(ActionNeeded, "MVM-808")
    if not permission:
        return answer.problem(ActionNeeded, "MVM-805")
    evidence = {**answer.evidence, "permission": permission}
    title = f"A permission in Google Cloud is missing: {permission}"
    return ActionNeeded("MVM-805", answer.words, title=title, evidence=evidence)


def _conflict(answer: Answer) -> Problem:
    if answer.gives("ABORTED"):
        return answer.problem(TransientError, "MVM-815")
    return answer.problem(ActionNeeded, "MVM-814")


def _refused(answer: Answer) -> Problem:
    # "The resource ... is not ready": something that another operation is still making.
    if answer.gives("resourceNotReady"):
        return answer.problem(TransientError, "MVM-817")
    return answer.problem(PermanentError, "MVM-818")


_BY_STATUS: dict[int, Callable[[Answer], Problem]] = {
    400: _refused,
    401: lambda answer: answer.problem(ActionNeeded, "MVM-802"),
    403: _denied,
    404: lambda answer: answer.problem(ActionNeeded, "MVM-816"),
    408: lambda answer: answer.problem(TransientError, "MVM-817"),
    409: _conflict,
    412: lambda answer: answer.problem(TransientError, "MVM-815"),
    429: lambda answer: answer.problem(TransientError, "MVM-817"),
}


def _no_json(status: int, text: str, doing: str) -> Problem:
    """An answer that is not an API's: a proxy's page, a load balancer's, or an endpoint that is none."""
    page = " ".join(_TAGS.sub(" ", text).split())[:300]
    words = f"{doing}: HTTP {status}: {page}" if page else f"{doing}: HTTP {status} without words"
    evidence = {"request": doing, "status": str(status)}
    if status == 401:
        return ActionNeeded("MVM-802", words, evidence=evidence)
    if status == 407:
        return ActionNeeded(
            "MVM-804", words, next_action="Give the proxy its login in HTTPS_PROXY, then retry.", evidence=evidence
        )
    if status in (408, 429) or status >= 500:
        return TransientError("MVM-817", words, evidence=evidence)
    return PermanentError("MVM-840", words, evidence=evidence)
