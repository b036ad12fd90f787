"""What the pilot-agent's log says: a pure function from its lines to the code of the cause.

The texts are those of Istio 1.22 and newer. Patterns are extended regular expressions that Python's `re` and `grep -E`
read alike, for the VM watches for the definite ones by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

UNAUTHENTICATED = "MVM-304"
"""istiod's answer to every token that it refuses; the token's own claims tell the cause (see `token_cause`)."""

DEFINITE: tuple[tuple[str, str], ...] = (
    (r"missing a root certificate", "MVM-318"),
    (
        r"(failed to|could not|cannot|unable to) (read|parse|unmarshal|apply|load|get)[^:]*(mesh|proxy) ?config",
        "MVM-326",
    ),
    (r"unknown service istio.v1.auth.IstioCertificateService", "MVM-317"),
    (r"service account mismatch", "MVM-311"),
    (r"namespace mismatch", "MVM-325"),
    (r"no identities .*matched|authorization failed", "MVM-310"),
    (r"cannot find WorkloadGroup", "MVM-306"),
    (r"x509: certificate has expired or is not yet valid", "MVM-309"),
    (r"x509: (certificate is valid for|cannot validate certificate for)", "MVM-308"),
    (r"certificate signed by unknown authority", "MVM-307"),
    (r"failed to fetch token from file.*no such file", "MVM-305"),
    (r"client claims to be in cluster", "MVM-303"),
    (r"token audiences .* invalid|token audience", "MVM-302"),
    (r"token has expired|token is expired", "MVM-301"),
    (r"Unauthenticated|request authenticate failure|failed to validate the JWT", UNAUTHENTICATED),
    (r"(open|read|write|connect|listen|mkdir|unlink) [^:]*: permission denied", "MVM-319"),
    (r"failed to fetch token from file", "MVM-328"),
    (r"FailedPrecondition|PermissionDenied", "MVM-327"),
    (r"no such host|server misbehaving", "MVM-312"),
)
"""No waiting mends these. The special ones stand before the general ones, for a log has many lines of one failure."""

PASSING: tuple[tuple[str, str], ...] = (
    (r"server is not ready to serve discovery", "MVM-316"),
    (r"connection refused", "MVM-314"),
    (r"connection reset by peer|handshake failed: EOF|preface: EOF|: EOF", "MVM-315"),
    (r"i/o timeout|context deadline exceeded|operation timed out", "MVM-313"),
)
"""These may end by themselves; the last one that was said counts."""

_START = re.compile(r"Proxy role|\tVersion |FLAG: --")
_READY = re.compile(r"Envoy proxy is ready")
_BENIGN = re.compile(r"using token instead|marking as unhealthy|health check|readiness probe")


@dataclass(frozen=True)
class Cause:
    """The code of a cause, and the line that shows it."""

    code: str
    line: str


def fatal_pattern() -> str:
    """One extended regular expression for all definite causes."""
    return "|".join(pattern for pattern, _ in DEFINITE)


def cause_of(log: str) -> Cause | None:
    """What stands in the way of the agent that was started last; None where its log shows nothing, or it is ready."""
    lines = [line for line in _since_last_start(log) if not _BENIGN.search(line)]
    return _first_definite(lines) or _last_passing(lines)


def _since_last_start(log: str) -> list[str]:
    lines = log.splitlines()
    for index in range(len(lines) - 1, -1, -1):
        if _READY.search(lines[index]):
            return lines[index + 1 :]
        if _START.search(lines[index]) and (index == 0 or not _START.search(lines[index - 1])):
            return lines[index:]
    return lines


def _first_definite(lines: list[str]) -> Cause | None:
    for pattern, code in DEFINITE:
        expression = re.compile(pattern)
        for line in reversed(lines):
            if expression.search(line):
                return Cause(code, line.strip())
    return None


def _last_passing(lines: list[str]) -> Cause | None:
    for line in reversed(lines):
        for pattern, code in PASSING:
            if re.search(pattern, line):
                return Cause(code, line.strip())
    return None


@dataclass(frozen=True)
class TokenFacts:
    """What is known of the token on a VM: its claims, and what they should be. `now` is the VM's clock."""

    present: bool
    audiences: tuple[str, ...] = ()
    subject: str = ""
    expires: float = 0.0
    now: float = 0.0
    wanted_subject: str = ""
    cluster_as_planned: bool = True


def token_cause(facts: TokenFacts) -> str:
    """Why istiod refused a token: it says the same for every reason, so the claims must tell."""
    reasons = (
        (not facts.present, "MVM-305"),
        (not facts.expires and not facts.subject, "MVM-328"),
        ("istio-ca" not in facts.audiences, "MVM-302"),
        (bool(facts.wanted_subject) and facts.subject != facts.wanted_subject, "MVM-310"),
        (facts.expires <= facts.now, "MVM-301"),
        (not facts.cluster_as_planned, "MVM-303"),
    )
    return next((code for holds, code in reasons if holds), UNAUTHENTICATED)
