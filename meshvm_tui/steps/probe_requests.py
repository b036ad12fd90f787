"""How a probe's request is made: by curl on the VM, or by a short-lived Pod that is always deleted again."""

from __future__ import annotations

import contextlib
import shlex
import time
from datetime import datetime
from typing import TYPE_CHECKING

from meshvm_tui.ports import PODS, GuestOrder
from meshvm_tui.probing.curl import MAX_SECONDS, CurlAnswer, beginning, curl_arguments, parse_output, with_id
from meshvm_tui.probing.curl_pod import CONTAINER, LIFETIME_SECONDS, SELECTOR, SIDECAR, PodState, curl_pod, state_of
from meshvm_tui.probing.proof import line_with
from meshvm_tui.problems import PermanentError, Problem, TransientError
from meshvm_tui.steps.guest_facts import guest_of

if TYPE_CHECKING:
    from meshvm_tui.ports import Cluster, GuestReport, Ports
    from meshvm_tui.steps.step import Scope

POD_SECONDS = 60.0
POLL_SECONDS = 0.3
LOG_LINES = 30
"""The end of what curl wrote, in lines: its own, and before them as much of a body as can be of use."""


def request_from_vm(ports: Ports, scope: Scope, url: str, probe_id: str) -> tuple[CurlAnswer, str]:
    """curl on the VM; gives its answer and what the sidecar logged. PermanentError MVM-623 where it did not start."""
    order = GuestOrder("probe", {"URL": url, "ID": probe_id, "MAX_TIME": str(MAX_SECONDS)})
    values = dict(_report(ports, scope, order).values)
    answer = CurlAnswer(
        exit_code=int(values.get("exit") or 0),
        status=int(values.get("http_code") or 0),
        seconds=float(str(values.get("seconds") or "0").replace(",", ".")),
        remote_ip=str(values.get("remote_ip") or ""),
        words=str(values.get("words") or ""),
        body=beginning(str(values.get("body") or "")),
    )
    return answer, str(values.get("log") or "")


def seen_on_vm(ports: Ports, scope: Scope, probe_id: str) -> str:
    """The sample server's own log line with the id, in words; "" where there is none."""
    text = str(_report(ports, scope, GuestOrder("log", {"WHAT": "http", "ID": probe_id})).values.get("text") or "")
    line = line_with(text, probe_id)
    return f"seen in the log of meshvm-http.service on {_name(scope)}: {line}" if line else ""


def request_from_pod(
    cluster: Cluster, scope: Scope, url: str, probe_id: str, *, namespace: str, revision: str
) -> tuple[CurlAnswer, str]:
    """curl in a new Pod; gives its answer and what its sidecar logged. The Pod is deleted however this ends."""
    asked = with_id(url, probe_id)
    sweep(cluster, namespace)
    label = revision if revision != "default" else ""
    body = curl_pod(asked, namespace=namespace, image=scope.plan.probes.curl_image, revision=label)
    metadata = cluster.create(body)["metadata"]
    name, uid = str(metadata["name"]), str(metadata.get("uid") or "")
    scope.say("cluster", f"Pod {namespace}/{name} runs {shlex.join(curl_arguments(asked))}")
    try:
        exit_code = _wait_for_curl(cluster, scope, namespace, name)
        answer = parse_output(cluster.pod_log(namespace, name, CONTAINER, tail_lines=LOG_LINES), exit_code)
        return answer, _sidecar_lines(cluster, namespace, name, probe_id)
    finally:
        cluster.delete(PODS, name, namespace, uid=uid)


def sweep(cluster: Cluster, namespace: str) -> None:
    """Deletes Pods that earlier probes left behind, as a killed process does: long dead by their own deadline."""
    now = cluster.server_time() or time.time()
    for pod in cluster.list(PODS, namespace, labels=SELECTOR):
        metadata = pod["metadata"]
        made = datetime.fromisoformat(str(metadata.get("creationTimestamp") or "9999-01-01T00:00:00Z"))
        if now - made.timestamp() > 2 * LIFETIME_SECONDS:
            cluster.delete(PODS, metadata["name"], namespace, uid=str(metadata.get("uid") or ""))


def ssh_command(scope: Scope, url: str) -> str:
    """The request from the VM by hand."""
    machine = scope.machine
    if machine is None:
        return ""
    user = f"{machine.ssh.user}@" if machine.ssh.user else ""
    port = ["-p", str(machine.ssh.port)] if machine.ssh.port != 22 else []
    return shlex.join(["ssh", *port, f"{user}{machine.host or machine.name}", shlex.join(curl_arguments(url))])


def _wait_for_curl(cluster: Cluster, scope: Scope, namespace: str, name: str) -> int:
    """curl's exit code, once its container has ended."""
    waited, limit = 0.0, POD_SECONDS
    while True:
        pod = cluster.get(PODS, name, namespace)
        if pod is None:
            raise TransientError("MVM-621", f"Pod {namespace}/{name} was deleted by somebody else")
        state = state_of(pod)
        _refuse(state, f"Pod {namespace}/{name}")
        if state.exit_code is not None:
            return state.exit_code
        if waited >= limit:
            raise PermanentError("MVM-621", f"Pod {namespace}/{name} waits for: {state.waits}")
        scope.progress(f"Pod {name}: {state.waits}", None, None)
        scope.wait(POLL_SECONDS)
        waited += POLL_SECONDS


def _refuse(state: PodState, what: str) -> None:
    if state.hopeless:
        raise PermanentError("MVM-627" if state.sidecar_failed else "MVM-621", f"{what}: {state.hopeless}")
    if not state.injected:
        raise PermanentError("MVM-622", f"{what} has no container {SIDECAR}")


def _sidecar_lines(cluster: Cluster, namespace: str, name: str, probe_id: str) -> str:
    """What the Pod's sidecar logged of this request; it may log nothing, or not be readable."""
    with contextlib.suppress(Problem):
        log = cluster.pod_log(namespace, name, SIDECAR)
        return "\n".join(line for line in log.splitlines() if probe_id in line)
    return ""


def _report(ports: Ports, scope: Scope, order: GuestOrder) -> GuestReport:
    """The report that ends this mode of the script."""
    reports = list(guest_of(ports).execute(order, scope.is_cancelled))
    for report in reports:
        if report.state == "failed":
            raise PermanentError("MVM-623", f"{report.message}\n{report.values.get('output') or ''}".strip())
    answers = [report for report in reports if report.step == order.mode and report.state == "ok"]
    if not answers:
        raise PermanentError("MVM-623", f"guest.sh {order.mode} ended without an answer")
    return answers[-1]


def _name(scope: Scope) -> str:
    return scope.machine.name if scope.machine else ""
