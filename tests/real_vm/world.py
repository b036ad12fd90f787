"""What the product talks to besides the machines: the lab's API server and istiod, on the rig's bridge.

The CLI runs as a process of its own, with a home, sessions and SSH files that belong to the test alone.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from meshvm_tui.lab.mesh.dataplane import NETWORK_VARIABLE
from tests.real_vm.rig import RealVm, Rig
from tests.whole.lab_world import LabWorld, lab_world

JSON = dict[str, Any]


@dataclass
class World:
    """A lab that serves real machines. `package` is the file of the sidecar package that plans name."""

    rig: Rig
    lab: LabWorld
    folder: Path
    package: Path
    session: str = "real"

    @property
    def environment(self) -> dict[str, str]:
        """What the CLI is started with."""
        home = self.folder / "home"
        home.mkdir(mode=0o700, exist_ok=True)
        own = {name: str(home / name.lower()) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
        return {**self.lab.environment, **own, "HOME": str(home), "MESHVM_TUI_STATE_DIR": str(self.folder / "state")}

    def plan(self, *machines: RealVm, **changes: Any) -> JSON:
        """The plan for these machines. `changes` are merged into it, part by part: `sidecar={"version": "1.30.2"}`."""
        plan: JSON = yaml.safe_load(self.lab.plan.read_text(encoding="utf-8"))
        plan["machines"] = [described(machine) for machine in machines]
        plan["workload"]["ports"] = {"http": 80}
        plan["firewall"] = {"ports": [80]}
        plan["sidecar"] = {"version": plan["sidecar"]["version"], "package": str(self.package)}
        plan["services"]["vmService"]["targetPort"] = 80
        plan["services"]["httpServer"]["port"] = 80
        return merged(plan, changes)

    def write(self, *machines: RealVm, **changes: Any) -> Path:
        """The same as a file."""
        path = self.folder / "plan.yaml"
        path.write_text(yaml.safe_dump(self.plan(*machines, **changes), sort_keys=False), encoding="utf-8")
        return path

    def command(self, plan: Path, *arguments: str) -> list[str]:
        """The command line that applies a plan."""
        words = [sys.executable, "-m", "meshvm_tui", "apply", "-f", str(plan), "--json", "--session", self.session]
        return [*words, *(arguments or ("--yes",))]

    def apply(self, *machines: RealVm, timeout: float = 0, **changes: Any) -> subprocess.CompletedProcess[str]:
        """`meshvm-tui apply -f plan.yaml --yes --json`; `timeout` is the longest that a step may wait."""
        limit = ("--timeout", str(timeout)) if timeout else ()
        return self.run(self.command(self.write(*machines, **changes), "--yes", *limit))

    def look(self, *machines: RealVm, **changes: Any) -> subprocess.CompletedProcess[str]:
        """`meshvm-tui apply --dry-run`: what would change."""
        return self.run(self.command(self.write(*machines, **changes), "--dry-run"))

    def run(self, command: Sequence[str], seconds: float = 110) -> subprocess.CompletedProcess[str]:
        """A command in the world's environment."""
        return subprocess.run(
            command,
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def entries(self) -> dict[str, JSON]:
        """The WorkloadEntries of the plan's namespace, by name."""
        path = "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadentries"
        return {item["metadata"]["name"]: item for item in self.lab.api("GET", path)["items"]}


@contextmanager
def world_on(rig: Rig, folder: Path, package: Path, *arguments: str) -> Iterator[World]:
    """Starts a lab without VMs of its own on the bridge and ends it."""
    start = rig.slices.pop()
    pool = f"{rig.network.host.rpartition('.')[0]}.{start}/27"
    environment = {NETWORK_VARIABLE: rig.network.cidr}
    # A machine that was thrown away is no endpoint of the mesh for longer than a second.
    usual = ("--vms", "0", "--pool", pool, "--grace", "1")
    try:
        with lab_world(folder / "lab", *usual, *arguments, environment=environment) as lab:
            yield World(rig, lab, folder, package)
    finally:
        rig.slices.append(start)


def described(machine: RealVm) -> JSON:
    """A machine as a plan names it."""
    ssh = {"user": machine.user, "port": machine.ssh_port, "key": str(machine.key_file)}
    ssh["knownHost"] = fingerprint(machine.host_key)
    return {"name": machine.name, "host": machine.address, "address": machine.address, "ssh": ssh}


def fingerprint(key: str) -> str:
    """A public key's SHA-256 as ssh-keygen prints it."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def merged(base: JSON, changes: JSON) -> JSON:
    """A copy of `base` in which each value of `changes` stands; maps are merged."""
    result = copy.deepcopy(base)
    for name, value in changes.items():
        known = result.get(name)
        result[name] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result


def finished(done: subprocess.CompletedProcess[str], machine: str = "") -> dict[str, JSON]:
    """How each step ended, by its name: those of one machine and the shared ones, or of all where none is named."""
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ended = [event for event in events if event["event"] == "StepFinished"]
    return {event["step"]: event for event in ended if not machine or event["machine"] in ("", machine)}


def changed(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The steps that changed something."""
    return [step for step, event in finished(done).items() if event["changed"]]


def told(done: subprocess.CompletedProcess[str]) -> str:
    """How a run went, in few lines: for the message of an assertion that failed."""
    lines = []
    for event in map(json.loads, done.stdout.splitlines()):
        if event["event"] == "StepFinished":
            problem = event.get("problem") or {}
            lines.append(f"{event['step']}: {event['state']} {event['message']} {problem.get('cause', '')}")
    return "\n".join([*lines, done.stderr[-2000:]])
