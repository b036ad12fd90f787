"""Seconds from a change in the world to its being shown, with no key pressed; a process of its own.

`python -m benchmarks.looks_shown LAB ROUNDS` applies the lab's plans, opens the wizard headless, changes in each stage
something that this stage shows, by another hand and back again, and prints the seconds of each change as JSON. Its
environment is the lab's; how long answers take is the lab's fault `api-slow` and the link to Google.
"""

from __future__ import annotations

import asyncio
import copy
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.stall_app import until
from meshvm_tui.adapters.kubernetes_api import connect
from meshvm_tui.adapters.kubernetes_transport import Request
from meshvm_tui.app import MeshVMApp, make_app
from meshvm_tui.app_memory import rest_until_shown
from meshvm_tui.events import Stage
from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import load_plan
from meshvm_tui.session_store import SessionStore
from meshvm_tui.wiring import WiredConnections

JSON = dict[str, Any]
Change = Callable[[bool], None]
"""Makes a change, or takes it back."""
MESH, HOME = "/namespaces/istio-system", "/namespaces/vm-namespace"
ISTIO = "/apis/networking.istio.io/v1"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
STEADY = 2.0
"""Seconds without a new letter after which a screen has come to rest."""


class Lab:
    """Another hand that changes things, past all of the product's looking."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._api = connect(str(folder / "kubeconfig"), "meshvm-lab")

    def of_object(self, path: str, edit: Callable[[JSON], None]) -> Change:
        """An edit of an object."""
        before = self._api.send(Request("GET", path)).json()["spec"]

        def change(there: bool) -> None:
            live = self._api.send(Request("GET", path)).json()
            live["spec"] = copy.deepcopy(before)
            if there:
                edit(live)
            self._api.send(Request("PUT", path, (), live))

        return change

    def of_policy_engine(self, there: bool) -> None:
        """An admission webhook that the product warns of."""
        name = "gatekeeper-validating-webhook-configuration"
        body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
        if there:
            self._api.send(Request("POST", WEBHOOKS, (), {**body, "metadata": {"name": name}, "webhooks": []}))
        else:
            self._api.send(Request("DELETE", f"{WEBHOOKS}/{name}"))

    def of_file(self, path: str, old: str, new: str) -> Change:
        """Words in a file of the VM."""
        file = self._folder / "vms/vm-1/root" / path
        before = file.read_text(encoding="utf-8")

        def change(there: bool) -> None:
            # In one piece, as whoever edits a file does it: what looks meanwhile sees one or the other.
            beside = file.with_name(file.name + ".new")
            beside.write_text(before.replace(old, new) if there else before, encoding="utf-8")
            beside.chmod(file.stat().st_mode)
            beside.rename(file)

        return change


def of_firewall(plan: Plan) -> Change:
    """The ports of our rule at Google."""
    compute, project = WiredConnections().compute(plan), plan.machines[0].gce.project if plan.machines[0].gce else ""
    rule = compute.firewall(project, plan.firewall.name) or {}

    def change(there: bool) -> None:
        allowed = [{"IPProtocol": "tcp", "ports": ["9"]}] if there else rule["allowed"]
        done = compute.patch_firewall(project, plan.firewall.name, {"allowed": allowed}, str(uuid.uuid4()))
        compute.wait(done, lambda *_: None, lambda: False)

    return change


def changes(folder: Path) -> dict[Stage, Change]:
    """What is changed in each stage of a VM by SSH."""
    lab = Lab(folder)
    port = lambda found: found["spec"]["ports"][0].update(port=8123)  # noqa: E731
    server = lambda found: found["spec"]["servers"][0]["port"].update(number=15099)  # noqa: E731
    image = lambda found: found["spec"]["template"]["spec"]["containers"][0].update(image="istio/pilot:1.30.99")  # noqa: E731
    group = lambda found: found["spec"]["template"]["ports"].update(http=81)  # noqa: E731
    return {
        Stage.CLUSTER: lab.of_policy_engine,
        Stage.MESH: lab.of_object(f"/apis/apps/v1{MESH}/deployments/istiod", image),
        Stage.GATEWAY: lab.of_object(f"{ISTIO}{MESH}/gateways/istiod-gateway", server),
        Stage.WORKLOAD: lab.of_object(f"{ISTIO}{HOME}/workloadgroups/hello-vm", group),
        Stage.MACHINE: lab.of_file("etc/os-release", "PRETTY_NAME=", "PRETTY_NAME=Another-"),
        Stage.FILES: lab.of_file("var/lib/istio/envoy/cluster.env", "=", "=other-"),
        Stage.INSTALL: lab.of_file("var/lib/istio/envoy/cluster.env", "=", "=other-"),
        Stage.SERVICES: lab.of_object(f"/api/v1{HOME}/services/hello-vm", port),
    }


def seen(app: MeshVMApp) -> str:
    """Every letter on the screen."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line) for line in strips)


async def at_rest(app: MeshVMApp) -> str:
    """What the screen shows, once looks add no letter to it."""
    shown, since = seen(app), time.monotonic()
    end = since + 60
    while time.monotonic() - since < STEADY and time.monotonic() < end:
        await asyncio.sleep(0.05)
        if (now := seen(app)) != shown:
            shown, since = now, time.monotonic()
    return shown


async def shown_after(app: MeshVMApp, change: Change, there: bool, phase: float) -> float:
    """Seconds from one change to the first other letter."""
    before = await at_rest(app)
    await asyncio.sleep(phase)
    await asyncio.to_thread(change, there)
    begun = time.monotonic()
    await until(lambda: seen(app) != before, f"the change in {app.wizard and app.wizard.stage}:\n{before}")
    return time.monotonic() - begun


async def of_plan(
    folder: Path, plan: Plan, name: str, parts: dict[Stage, Change], rounds: int
) -> dict[str, list[float]]:
    """Every stage, each change made and taken back at several moments between two looks."""
    rest_until_shown()
    connections, found = WiredConnections(), {}
    app = make_app(
        connections=connections, store=SessionStore(folder / "shown"), session_name=name, start="wizard", plan=plan
    )
    async with app.run_test(size=(140, 45)):
        await until(lambda: app.wizard and app.wizard.focused, "the wizard")
        for stage, change in parts.items():
            await app.back_to_wizard(stage)
            await until(lambda: app.runs and app.runs.world.lines and not app.runs.world.running, "a look")
            found[stage.value] = [
                await shown_after(app, change, there, at / rounds) for at in range(rounds) for there in (True, False)
            ]
    connections.close()
    return found


def applied(plan: Path) -> Plan:
    """The plan, done."""
    command = [sys.executable, "-m", "meshvm_tui", "apply", "-f", str(plan), "--yes"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return load_plan(plan)


def main(folder: Path, rounds: int) -> None:
    """Both plans of the lab."""
    ssh, faults = applied(folder / "plan.yaml"), folder / "faults"
    google = applied(folder / "google-plan.yaml")
    faults.write_text("api-slow:0.02\n", encoding="utf-8")
    found = {"a VM by SSH": asyncio.run(of_plan(folder, ssh, "ssh", changes(folder), rounds))}
    firewall = {Stage.MACHINE: of_firewall(google)}
    found["GKE and Compute Engine"] = asyncio.run(of_plan(folder, google, "google", firewall, rounds))
    print(json.dumps(found))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(Path(sys.argv[1]), int(sys.argv[2]))
