"""cluster.env: shell variables that root's shell sources on the VM before the agent starts.

Written as istioctl writes it: lines in byte order, nearly every value between single quotes. Because root sources
the file, a name that is no shell variable is refused, and nothing in a value can ever be run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshvm_tui.istio.names import is_revisioned, istiod_address
from meshvm_tui.istio.workload_group import WorkloadGroup
from meshvm_tui.problems import PermanentError

INBOUND_PORTS = "ISTIO_INBOUND_PORTS"
EXCLUDED_PORTS = "ISTIO_LOCAL_EXCLUDE_PORTS"
EXCLUDED_RANGES = "ISTIO_SERVICE_EXCLUDE_CIDR"
EVERYTHING = "*"
SSH_PORT, STATS_PORT, HEALTH_PORT, AGENT_PORT = 22, 15090, 15021, 15020

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# istioctl means word characters by the `w` and a backslash to go with it, so that only these stay bare.
# A backslash is quoted here nevertheless: bare, the shell would drop it.
_BARE = re.compile(r"[w@%+=:,./-]+")


@dataclass(frozen=True)
class Unreadable:
    """A part of a file that is more than a plain value: the shell would compute it, or refuse it."""

    text: str


def variables(
    config: Mapping[str, Any],
    group: WorkloadGroup,
    *,
    istio_namespace: str,
    revision: str,
    internal_ip: str = "",
    external_ip: str = "",
) -> dict[str, str]:
    """The variables of one VM: its proxy metadata, and over it what the start script needs. Ports are sorted."""
    ports = ",".join(str(port) for port in sorted(group.ports.values()))
    found = {
        **config.get("proxyMetadata", {}),
        INBOUND_PORTS: ports or EVERYTHING,
        "ISTIO_NAMESPACE": group.namespace,
        "ISTIO_SERVICE": f"{group.name}.{group.namespace}",
        "ISTIO_SERVICE_CIDR": EVERYTHING,
        EXCLUDED_PORTS: _excluded(config.get("statusPort", 0)),
        "SERVICE_ACCOUNT": group.service_account,
    }
    if is_revisioned(revision):
        found["CA_ADDR"] = istiod_address(istio_namespace, revision)
    if internal_ip:
        found["ISTIO_SVC_IP"] = internal_ip
    elif external_ip:
        found["ISTIO_SVC_IP"] = external_ip
        found["REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION"] = "true"
    return found


def _excluded(status_port: int) -> str:
    ports = [SSH_PORT, STATS_PORT, HEALTH_PORT]
    if status_port not in (STATS_PORT, HEALTH_PORT):
        ports.append(status_port or AGENT_PORT)
    return ",".join(map(str, ports))


def with_more(value: str, added: Sequence[str]) -> str:
    """A comma-separated value with more items at its end, none twice."""
    items = [item for item in value.split(",") if item]
    return ",".join([*items, *(item for item in dict.fromkeys(added) if item not in items)])


def render(values: Mapping[str, str]) -> str:
    """The file. PermanentError MVM-512 names a variable that a shell cannot set."""
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            raise PermanentError("MVM-512", f"proxyMetadata has the name {name!r}, which is no shell variable")
        if "\0" in value:
            raise PermanentError("MVM-512", f"the value of {name} holds a NUL character")
    return "\n".join(sorted(f"{name}={quoted(value)}" for name, value in values.items())) + "\n"


def quoted(value: str) -> str:
    """A value as the shell gives it back, whatever it holds."""
    if _BARE.fullmatch(value):
        return value
    return "'" + value.replace("'", "'\"'\"'") + "'"


_WORD = re.compile(
    r"""(?P<single>'[^']*')
      | (?P<double>"(?:[^"\\$`]|\\.)*")
      | (?P<escape>\\.)
      | (?P<bare>[^\s'"\\$`;&|<>()#]+ | (?<=\S)\#)""",
    re.VERBOSE | re.DOTALL,
)
_ASSIGNMENT = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=")
_BLANK = re.compile(r"(?:[\s;]+|#[^\n]*)")
_REST = re.compile(r"[^\n]*")


def parse(text: str) -> tuple[dict[str, str], tuple[Unreadable, ...]]:
    """The variables that sourcing the file sets, and what is no plain assignment in it. The last value counts."""
    values: dict[str, str] = {}
    unreadable: list[Unreadable] = []
    at = 0
    while at < len(text):
        if blank := _BLANK.match(text, at):
            at = blank.end()
            continue
        start = at
        if assignment := _ASSIGNMENT.match(text, at):
            value, at = _value(text, assignment.end())
            if (at == len(text) or text[at] in " \t\n;") and not _more_on_line(text, at):
                values[assignment[1]] = value
                continue
        at = _end_of_line(text, at)
        unreadable.append(Unreadable(text[start:at].strip()))
        if assignment:
            values.pop(assignment[1], None)
    return values, tuple(unreadable)


def _value(text: str, at: int) -> tuple[str, int]:
    parts: list[str] = []
    while found := _WORD.match(text, at):
        word = found[0]
        if found["single"]:
            parts.append(word[1:-1])
        elif found["double"]:
            parts.append(re.sub(r'\\(["\\$`])', r"\1", word[1:-1].replace("\\\n", "")))
        elif found["escape"]:
            parts.append("" if word == "\\\n" else word[1:])
        else:
            parts.append(word)
        at = found.end()
    return "".join(parts), at


def _more_on_line(text: str, at: int) -> bool:
    """Whether a command follows, for which alone the assignment would hold."""
    rest = text[at : _end_of_line(text, at)].strip(" \t")
    return bool(rest) and rest[0] not in ";#" and not _ASSIGNMENT.match(rest)


def _end_of_line(text: str, at: int) -> int:
    found = _REST.match(text, at)
    return found.end() if found else len(text)
