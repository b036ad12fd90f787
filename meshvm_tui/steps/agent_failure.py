"""Why the agent of a VM does not get through: its log, the token's claims and the files, as one problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.problems import PermanentError, Problem, TransientError
from meshvm_tui.steps.agent_log import PASSING, UNAUTHENTICATED, Cause, TokenFacts, cause_of, token_cause
from meshvm_tui.steps.guest_facts import guest_view
from meshvm_tui.steps.istiod_words import refusal
from meshvm_tui.steps.wanted_files import differing, wanted_files

if TYPE_CHECKING:
    from meshvm_tui.istio.bootstrap_files import Deviation
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.guest_view import GuestView
    from meshvm_tui.steps.step import Scope

_PASSING = {code for _, code in PASSING}
CLUSTER_KEY = "ISTIO_META_CLUSTER_ID"


def token_subject(plan: Plan) -> str:
    """The subject of a token of the workload's ServiceAccount."""
    return f"system:serviceaccount:{plan.workload.namespace}:{plan.workload.service_account}"


def agent_problem(ports: ReadPorts, scope: Scope, log: str) -> Problem | None:
    """The problem that the agent's log shows; None where it shows none. Files that were altered are its evidence."""
    cause = cause_of(log)
    if cause is None:
        return None
    view = guest_view(ports, scope)
    altered = _altered(ports, scope, view)
    code = _code(cause, view, scope.plan, altered)
    evidence = {"agent log": log[-1500:]}
    said = cause.line[-600:]
    # The VM only hears that it was refused: why stands in istiod's log.
    if cause.code == UNAUTHENTICATED and (words := refusal(ports, scope, view)):
        said = f"{said}\nistiod: {words[-600:]}"
        told = cause_of(words)
        code = told.code if told and code == UNAUTHENTICATED else code
    if altered:
        evidence["differs from what was copied"] = "; ".join(map(str, altered))
    # No waiting brings back what somebody else changed.
    kind = TransientError if code in _PASSING and not altered else PermanentError
    return kind(code, said, evidence=evidence)


def _altered(ports: ReadPorts, scope: Scope, view: GuestView) -> tuple[Deviation, ...]:
    wanted = wanted_files(ports, scope)
    return differing(wanted.files, view) if wanted.files else ()


def _code(cause: Cause, view: GuestView, plan: Plan, altered: tuple[Deviation, ...]) -> str:
    if cause.code != UNAUTHENTICATED:
        return cause.code
    claims = view.token_claims
    audiences = claims.get("aud") or ()
    return token_cause(
        TokenFacts(
            present=view.has_token,
            audiences=(audiences,) if isinstance(audiences, str) else tuple(str(item) for item in audiences),
            subject=str(claims.get("sub") or ""),
            expires=float(claims.get("exp") or 0),
            now=view.now,
            wanted_subject=token_subject(plan),
            cluster_as_planned=not any(item.key.endswith(CLUSTER_KEY) for item in altered),
        )
    )
