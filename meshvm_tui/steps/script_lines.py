"""Lines of the saved script that steps share. Its own words (`until_true`, `on_…`, `guest`, `$work`) are defined at its
head, see `script.py`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from meshvm_tui.plan import AUTO
from meshvm_tui.steps.commands import kubectl

if TYPE_CHECKING:
    from meshvm_tui.plan import Machine, Plan

END_OF_FILE = "MESHVM_END"


def written(name: str, text: str) -> str:
    """A file in the script's own folder, its content in the script."""
    ended = text if text.endswith("\n") else f"{text}\n"
    return f"cat >\"$work/{name}\" <<'{END_OF_FILE}'\n{ended}{END_OF_FILE}"


def until_true(seconds: int, words: str, command: str) -> str:
    """A loop with a limit around a shell command."""
    return shlex.join(["until_true", str(seconds), words]) + f" {shlex.quote(command)}"


def deployment_serves(plan: Plan, namespace: str, name: str) -> str:
    """Waits until a Deployment is Available."""
    return kubectl(plan, "wait", f"deployment/{name}", "-n", namespace, "--for=condition=Available", "--timeout=600s")


def gateway_address(plan: Plan) -> str:
    """Sets `$gateway` to the address at which VMs reach istiod, as soon as there is one."""
    if plan.gateway.address != AUTO:
        return f"gateway={shlex.quote(plan.gateway.address)}"
    where = ("get", "service", plan.gateway.name, "-n", plan.gateway_namespace, "-o")
    paths = [f"jsonpath={{.{path}}}" for path in (
        "status.loadBalancer.ingress[0].ip", "status.loadBalancer.ingress[0].hostname", "spec.externalIPs[0]"
    )]  # fmt: skip
    asked = [kubectl(plan, *where, path) for path in paths]
    body = "\n".join(f'    [ -n "$gateway" ] || gateway=$({command})' for command in asked)
    return (
        f"find_gateway() {{\n    gateway=\n{body}\n"
        '    case "$gateway" in *[!0-9.:a-f]*)\n'
        "        gateway=$(getent ahosts \"$gateway\" | awk '{ print $1; exit }') ;;\n    esac\n"
        '    [ -n "$gateway" ]\n}\n'
        f"until_true 600 {shlex.quote(f'the address of Service {plan.gateway.name}')} find_gateway"
    )


def handle(plan: Plan, machine: Machine) -> str:
    """The machine's name in the script's functions: on_vm1, guest vm1 …"""
    return f"vm{[item.name for item in plan.machines].index(machine.name) + 1}"
