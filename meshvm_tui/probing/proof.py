"""What an answer proves, and what its absence says: curl's exit codes and Envoy's response flags as causes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from meshvm_tui.probing.curl import CurlAnswer

_BY_EXIT_CODE = {6: "MVM-611", 7: "MVM-612", 28: "MVM-613", 35: "MVM-616", 52: "MVM-616", 55: "MVM-616", 56: "MVM-616"}
_NO_SERVER_FLAGS = ("UH", "NC", "NR", "UO")
_NOT_REACHED_FLAGS = ("UF", "URX", "UC", "UT", "LR")
_ENVOY_STATUS = 503
_FLAGS = re.compile(rf"\b{_ENVOY_STATUS} (?P<flags>[A-Z][A-Z,]*)\b")


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
    if answer.exit_code != 0:
        code = _BY_EXIT_CODE.get(answer.exit_code, "MVM-616")
        return Verdict(code, f"curl ended with {answer.exit_code}: {answer.words or 'it said nothing'}", True)
    if answer.status == expect:
        return Verdict("", "")
    cause = f"HTTP {answer.status}, expected {expect}"
    if answer.status != _ENVOY_STATUS:
        return Verdict("MVM-617", cause)
    flags = flags_of(sidecar_log)
    said = f"{cause}; Envoy's flags: {','.join(flags)}" if flags else cause
    code = "MVM-614" if any(flag in _NO_SERVER_FLAGS for flag in flags) else "MVM-615"
    return Verdict(code, said, True)


def flags_of(log: str) -> tuple[str, ...]:
    """Envoy's response flags of the last 503 in an access log."""
    found = [match["flags"] for line in log.splitlines() if (match := _FLAGS.search(line))]
    flags = found[-1].split(",") if found else []
    return tuple(flag for flag in flags if flag in _NO_SERVER_FLAGS + _NOT_REACHED_FLAGS)


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
