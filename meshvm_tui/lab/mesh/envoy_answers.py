"""What a client's Envoy answers where it cannot serve a request, and the line that it then writes to its access log."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshvm_tui.lab.mesh import world

if TYPE_CHECKING:
    from meshvm_tui.lab.mesh.curl_command import CurlCommand
    from meshvm_tui.lab.objects import Objects

RESPONSE_FLAG = "response-flag"
RESET = "upstream connect error or disconnect/reset before headers. reset reason: "
BEFORE = "upstream_reset_before_response_started"
NO_ANSWER = 0


@dataclass(frozen=True)
class EnvoyAnswer:
    """Status, response flags, response code details and body."""

    status: int
    flags: str
    details: str
    body: str


ANSWERS: dict[str, EnvoyAnswer] = {
    "UH": EnvoyAnswer(503, "UH", "no_healthy_upstream", "no healthy upstream"),
    "UF": EnvoyAnswer(503, "UF,URX", f"{BEFORE}{{connection_timeout}}", f"{RESET}connection timeout"),
    "UO": EnvoyAnswer(503, "UO", f"{BEFORE}{{overflow}}", f"{RESET}overflow"),
    "UC": EnvoyAnswer(503, "UC", f"{BEFORE}{{connection_termination}}", f"{RESET}connection termination"),
    "UR": EnvoyAnswer(503, "UR", f"{BEFORE}{{remote_reset}}", f"{RESET}remote reset"),
    "LR": EnvoyAnswer(503, "LR", f"{BEFORE}{{local_reset}}", f"{RESET}local reset"),
    "NC": EnvoyAnswer(503, "NC", "cluster_not_found", ""),
    "NR": EnvoyAnswer(404, "NR", "route_not_found", ""),
    "UT": EnvoyAnswer(504, "UT", "response_timeout", "upstream request timeout"),
    "DC": EnvoyAnswer(NO_ANSWER, "DC", "downstream_remote_disconnect", ""),
}
"""By the flag that names the cause. DC is the client's own going, so nothing is answered."""


def answer_of(body: str) -> EnvoyAnswer:
    """The flags that go with a body of Envoy's own; an answer that came through has none."""
    if "connection termination" in body or "connection reset" in body:
        return ANSWERS["UC"]
    if RESET in body:
        return ANSWERS["UF"]
    return ANSWERS["UH"]


def logs_access(objects: Objects) -> bool:
    """Whether the mesh configuration names an access log: Istio's default profile does not."""
    plane = world.serving(objects)
    return plane is not None and bool(world.mesh_config(objects, plane.namespace, plane.revision).get("accessLogFile"))


def access_log_line(now: str, command: CurlCommand, answer: EnvoyAnswer, service: world.JSON | None) -> str:
    """As Istio's default format has it."""
    host = f"{service['name']}.{service['namespace']}.svc.{service['domain']}" if service else command.host
    cluster = f"outbound|{command.port}||{host}" if service else "PassthroughCluster"
    local = f"{service['ip'] if service else command.host}:{command.port}"
    return (
        f'[{now}] "GET {command.target} HTTP/1.1" {answer.status} {answer.flags} {answer.details} - "-" '
        f'0 {len(answer.body)} 1 - "-" "curl/8.10.1" "{uuid.uuid4()}" "{command.host}" "-" '
        f"{cluster} - {local} - - default"
    )
