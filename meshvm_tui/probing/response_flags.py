"""What the client's Envoy says of a request that it could not serve: response flags, their cause, and where they stand.

The flags are Envoy's %RESPONSE_FLAGS%. They stand in the sidecar's access log, which many meshes have switched off;
the body of Envoy's own answer then says the same in words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NO_SERVER, NOT_REACHED, TOO_LATE, CUT = "MVM-614", "MVM-615", "MVM-613", "MVM-616"
LIMIT, NO_ROUTE, NO_TLS = "MVM-624", "MVM-625", "MVM-626"

MEANINGS: dict[str, tuple[str, str]] = {
    "UH": (NO_SERVER, "no healthy server is known"),
    "NC": (NO_ROUTE, "the route leads to a cluster that does not exist"),
    "NR": (NO_ROUTE, "no route fits the request"),
    "UO": (LIMIT, "a circuit breaker is open"),
    "RL": (LIMIT, "a rate limit refused the request"),
    "UF": (NOT_REACHED, "the connection to the server failed"),
    "URX": (NOT_REACHED, "every retry failed"),
    "UT": (TOO_LATE, "the server did not answer in time"),
    "DC": (TOO_LATE, "the client gave up waiting"),
    "UC": (CUT, "the server ended the connection"),
    "UR": (CUT, "the server reset the request"),
    "LR": (CUT, "Envoy itself reset the request"),
    "UPE": (CUT, "what the server sent is no HTTP"),
}
"""The code of a flag's cause and what the flag means. Of several flags the first in this order tells the cause."""

_PRECISE = ("UO", "RL", "UH", "NC", "NR", "UT", "UF", "UC", "UR", "LR", "UPE", "DC", "URX")
_BODIES: tuple[tuple[str, str], ...] = (
    (r"no healthy upstream", "UH"),
    (r"reset reason: overflow", "UO"),
    (r"reset reason: (connection timeout|(local |remote )?connection failure|delayed connect)", "UF"),
    (r"reset reason: (connection termination|connection reset)", "UC"),
    (r"reset reason: remote reset", "UR"),
    (r"reset reason: local reset", "LR"),
    (r"reset reason: protocol error", "UPE"),
    (r"upstream request timeout", "UT"),
    (r"local_rate_limited", "RL"),
)
_TLS = re.compile(r"TLS_error|CERTIFICATE_VERIFY_FAILED|CERTIFICATE_UNKNOWN|WRONG_VERSION_NUMBER|CERTIFICATE_REQUIRED")
_LOG = re.compile(r'HTTP/[\d.]+" (?P<status>\d+) (?P<flags>[A-Z]+(?:,[A-Z]+)*) (?P<rest>\S.*)$')
_REST_LIMIT = 600


@dataclass(frozen=True)
class EnvoyWords:
    """What Envoy said of one request: its flags, and the words that they were read from."""

    flags: tuple[str, ...] = ()
    words: str = ""

    @property
    def code(self) -> str:
        """The code of the cause; "" where Envoy said nothing that is known."""
        if self.flags and _TLS.search(self.words):
            return NO_TLS
        return next((MEANINGS[flag][0] for flag in _PRECISE if flag in self.flags), "")

    @property
    def meaning(self) -> str:
        """The flags and what they mean, as one phrase."""
        told = [f"{flag} ({MEANINGS[flag][1]})" for flag in self.flags]
        return ", ".join(told)


def envoy_words(log: str, body: str) -> EnvoyWords:
    """From the access log's last line with flags of a failure, else from the body of Envoy's answer."""
    for line in reversed(log.splitlines()):
        if (match := _LOG.search(line)) and (flags := _known(match["flags"])):
            start = line.rfind('"', 0, match.start())
            return EnvoyWords(flags, line[max(start, 0) :].strip()[:_REST_LIMIT])
    for pattern, flag in _BODIES:
        if re.search(pattern, body):
            return EnvoyWords((flag,), body.strip()[:_REST_LIMIT])
    return EnvoyWords()


def _known(flags: str) -> tuple[str, ...]:
    return tuple(flag for flag in flags.split(",") if flag in MEANINGS)
