"""A lab that a test uses: started as a child process, with the environment that it gives to the product."""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from paramiko import SSHClient


@dataclass(frozen=True)
class LabWorld:
    """A running lab: its state folder and the environment to use it with."""

    state: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def plan(self) -> Path:
        """The plan that the lab wrote."""
        return self.state / "plan.yaml"

    def edit_plan(self, change: Callable[[dict[str, Any]], None]) -> Path:
        """A copy of the lab's plan with a change."""
        value = yaml.safe_load(self.plan.read_text(encoding="utf-8"))
        change(value)
        edited = self.state / "edited-plan.yaml"
        edited.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
        return edited

    def vm_root(self, name: str = "vm-1") -> Path:
        """A VM's file system, seen from outside."""
        return self.state / "vms" / name / "root"

    def fault(self, *lines: str) -> None:
        """Leaves exactly these faults switched on."""
        (self.state / "faults").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def inside(self, command: str, name: str = "vm-1") -> str:
        """What a shell command prints on a VM, run over SSH as its user; it must succeed."""
        machine = next(item for item in self._machines() if item["name"] == name)
        with SSHClient() as client:
            client.load_host_keys(str(self.state / "ssh/known_hosts"))
            ssh = machine["ssh"]
            client.connect(
                machine["host"],
                ssh["port"],
                ssh["user"],
                key_filename=ssh["key"],
                allow_agent=False,
                look_for_keys=False,
            )
            _, output, errors = client.exec_command(command, timeout=30)
            printed, said = output.read().decode(), errors.read().decode()
            assert output.channel.recv_exit_status() == 0, f"{command}: {said}"
        return printed

    def _machines(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = yaml.safe_load(self.plan.read_text(encoding="utf-8"))["machines"]
        return found

    def api(self, method: str, path: str, body: Any = None, media_type: str = "application/json") -> Any:
        """One call to the lab's API, as its administrator but with no adapter of the product in between."""
        config = yaml.safe_load((self.state / "kubeconfig").read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        request = urllib.request.Request(cluster["server"] + path, method=method)
        request.add_header("Authorization", f"Bearer {config['users'][0]['user']['token']}")
        request.add_header("Content-Type", media_type)
        data = None if body is None else json.dumps(body).encode()
        context = ssl.create_default_context(cadata=authority)
        with urllib.request.urlopen(request, data, timeout=10, context=context) as answer:
            return json.load(answer)

    def requests(self) -> list[dict[str, Any]]:
        """Every request that its API server has seen."""
        lines = (self.state / "requests.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def run(self, *arguments: str, seconds: float = 180) -> subprocess.CompletedProcess[str]:
        """Runs `meshvm-tui` with these arguments in the lab's environment."""
        return subprocess.run(
            [sys.executable, "-m", "meshvm_tui", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )


@contextmanager
def lab_world(
    state: Path, *arguments: str, seconds: float = 60, environment: Mapping[str, str] | None = None
) -> Iterator[LabWorld]:
    """Starts a lab in a folder, waits until everything in it listens, and ends it."""
    inherited = {**os.environ, **(environment or {})}
    command: Sequence[str] = (sys.executable, "-m", "meshvm_tui.lab", "serve", "--state", str(state), *arguments)
    with (state.parent / f"{state.name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=inherited)
    try:
        end = time.monotonic() + seconds
        while not (state / "ready").exists():
            assert process.poll() is None, Path(log.name).read_text(encoding="utf-8")
            assert time.monotonic() < end, "the lab is not ready"
            time.sleep(0.05)
        replaced = json.loads((state / "env.json").read_text(encoding="utf-8"))
        yield LabWorld(state, {**os.environ, **replaced}, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
