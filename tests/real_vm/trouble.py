"""What the tests of trouble share: a plan without samples, and how a run's failure is read."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.real_vm.rig import RealVm
from tests.real_vm.world import finished

JSON = dict[str, Any]
PLAIN: JSON = {"services": {"helloWorld": None, "vmService": None, "httpServer": None}, "probes": {"requests": []}}
"""The VM's part alone: the sidecar runs and is registered; no samples, no probes."""

WRITTEN = (
    "/usr/local/bin/pilot-agent",
    "/lib/systemd/system/istio.service",
    "/var/lib/istio/envoy/cluster.env",
    "/etc/istio",
    "/etc/certs",
    "/var/run/secrets/tokens",
)
"""Where an onboarding leaves something first."""


def failed(done: subprocess.CompletedProcess[str], step: str, code: str, status: int = 1) -> JSON:
    """The problem of a run that must have failed at that step, with that code and exit status."""
    steps = finished(done)
    problems = {name: event["problem"]["code"] for name, event in steps.items() if event["problem"]}
    assert problems == {step: code}, done.stdout[-4000:] + done.stderr
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    problem: JSON = steps[step]["problem"]
    return problem


def succeeded(done: subprocess.CompletedProcess[str]) -> dict[str, JSON]:
    """The steps of a run in which everything was done."""
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return finished(done)


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, JSON]:
    """What preflight said of the VM, by code."""
    seen = finished(done)["guest-reachable"]["observation"]
    return {finding["code"]: finding for finding in seen["findings"]}


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Everything that was told while the steps ran."""
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return "\n".join(str(event.get("text") or event.get("message") or "") for event in events)


def assert_untouched(machine: RealVm) -> None:
    """Nothing of an onboarding stands on the VM's disk, and nothing that was sent lies about."""
    there = machine.run(f"ls -d {' '.join(WRITTEN)} /tmp/.meshvm.* 2>/dev/null", check=False).stdout
    assert there == ""
    assert machine.output("dpkg-query -W -f '${db:Status-Status}' istio-sidecar 2>/dev/null || :") in (
        "",
        "not-installed",
    )
    assert "meshvm-tui" not in machine.output("cat /etc/hosts")


def assert_running(machine: RealVm) -> None:
    """The sidecar runs, and the VM goes on as it was: no timer, nothing that was sent."""
    assert machine.show("istio.service", "ActiveState") == "active"
    assert machine.output("curl -s -o /dev/null -w '%{http_code}' localhost:15021/healthz/ready") == "200"
    assert machine.show("meshvm-deadman.timer", "ActiveState") == "inactive"
    assert machine.run("ls -d /tmp/.meshvm.*", check=False).stdout == ""
