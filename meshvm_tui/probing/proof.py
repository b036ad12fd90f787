"""What an answer proves, and what its absence says: curl's exit codes and Envoy's own words as causes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from meshvm_tui.probing.curl import CurlAnswer
from meshvm_tui.probing.response_flags import EnvoyWords, envoy_words

_BY_EXIT_CODE = {6: "MVM-611", 7: "MVM-612", 28: "MVM-613", 35: "MVM-616", 52: "MVM-616", 55: "MVM-616", 56: "MVM-616"}
_ENVOY_STATUSES = (503, 504)
"""Which statuses are Envoy's own as a rule. Its 404 for a missing route can be told from a server's by its log only."""


@dataclass(frozen=True)
class Verdict:
    """The code of the problem ("" for an answer as expected), its cause in words, and whether it may pass by itself.

    What was just created takes a moment to reach every sidecar: no name, no server and 503 are worth another try.
    """

    code: str
    cause: str
    transient: bool = False


def judge(answer: CurlAnswer, expect: int, sidecar_log: str = "") -> Verdict:
    """What is wrong with an answer. `sidecar_log` is what the client's sidecar logged of this very request."""
    envoy = envoy_words(sidecar_log, answer.body if answer.status in _ENVOY_STATUSES else "")
    if answer.exit_code != 0:
        code = _BY_EXIT_CODE.get(answer.exit_code, "MVM-616")
        return Verdict(code, _with_envoy(f"curl ended with {answer.exit_code}: {_said(answer.words)}", envoy), True)
    if answer.status == expect:
        return Verdict("", "")
    cause = _with_envoy(f"HTTP {answer.status}, expected {expect}", envoy)
    if envoy.code:
        return Verdict(envoy.code, cause, True)
    if answer.body:
        cause = f"{cause}; it says: {answer.body}"
    if answer.status != 503:
        return Verdict("MVM-617", cause)
    return Verdict("MVM-615", cause, True)


def _said(words: str) -> str:
    return words or "it said nothing"


def _with_envoy(cause: str, envoy: EnvoyWords) -> str:
    return f"{cause}; Envoy's flags: {envoy.meaning}\nEnvoy: {envoy.words}" if envoy.flags else cause


def line_with(log: str, probe_id: str) -> str:
    """The first line of a server's log that carries the id, without what surrounds the request; "" where none does."""
    for line in log.splitlines():
        if probe_id in line:
            request = re.search(rf'"?([A-Z]+ \S*{probe_id}\S*)', line)
            return request[1].strip('"') if request else line.strip()[:200]
    return ""


def proof_words(answer: CurlAnswer, seen: str) -> str:
    """An answer and who gave it, as one line."""
    return f"{answer.status} in {answer.seconds * 1000:.1f} ms; {seen}"
