"""The faults of the API server as answers."""

from __future__ import annotations

import asyncio

from meshvm_tui.lab.cluster_api.access import Question, User, refusal
from meshvm_tui.lab.cluster_api.errors import ApiError, forbidden, resource_name, unauthorized
from meshvm_tui.lab.cluster_api.request_info import RequestInfo
from meshvm_tui.lab.faults import Faults, FirstRequests

_RETRY_SECONDS = 1


class FaultAnswers:
    """Raises what a fault answers, while it is on; counts those that hold for the first requests only."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._first = FirstRequests(faults)

    def check_any(self) -> None:
        """Faults that meet every request."""
        if self._first.due("api-429"):
            given = self._faults.value("api-429")
            usual = "The server is currently unable to handle the request: too many requests, please try again later."
            told = usual if not given or given.isdigit() else given
            details = {"retryAfterSeconds": _RETRY_SECONDS}
            raise ApiError(429, "TooManyRequests", told, details, retry_after=_RETRY_SECONDS)
        if self._faults.active("api-401"):
            raise unauthorized(self._faults.value("api-401"))
        if self._first.due("api-500"):
            given = self._faults.value("api-500")
            cause = "etcdserver: request timed out" if not given or given.isdigit() else given
            details_500 = {"causes": [{"message": cause}]}
            raise ApiError(500, "InternalError", f"Internal error occurred: {cause}", details_500)

    async def delay(self) -> None:
        """Waits where the fault api-slow says so."""
        if self._faults.active("api-slow"):
            await asyncio.sleep(float(self._faults.value("api-slow") or 1))

    def check_resource(self, user: User, info: RequestInfo) -> None:
        """The fault api-403 for its verb and resource."""
        if not self._faults.active("api-403"):
            return
        verb, _, resource = self._faults.value("api-403").partition(":")
        if verb in {"", "*", info.verb} and resource in {"", "*", info.resource}:
            question = Question(info.verb, info.kind.group, info.resource, info.namespace, info.name)
            raise refusal(user, question)

    def check_creation(self, info: RequestInfo) -> None:
        """What a quota or an admission webhook says to an object that is about to be created."""
        group, plural, name = info.kind.group, info.kind.plural, info.name
        if self._faults.active("quota-exceeded"):
            quota = self._faults.value("quota-exceeded") or "quota"
            counted = f"count/{resource_name(group, plural)}"
            told = f"requested: {counted}=1, used: {counted}=5, limited: {counted}=5"
            raise forbidden(group, plural, name, f"exceeded quota: {quota}, {told}")
        if self._faults.active("admission-refused"):
            policy = self._faults.value("admission-refused") or "required-labels"
            told = f'admission webhook "validation.gatekeeper.sh" denied the request: [{policy}] a label is missing'
            raise ApiError(403, "Forbidden", told, {})
