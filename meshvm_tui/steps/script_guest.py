"""The saved script's part of a VM: its five files, made where the script runs, and the one execution on the VM.

Blocks of steps that share an execution are equal; the script has each once. No block holds a secret: the token is
asked for when the script runs.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshvm_tui.gcp.gcloud_commands import gcloud
from meshvm_tui.ports import GuestFacts
from meshvm_tui.steps import guest_commands
from meshvm_tui.steps.bootstrap_state import BootstrapState, bootstrap_state
from meshvm_tui.steps.commands import kubectl
from meshvm_tui.steps.google_facts import place
from meshvm_tui.steps.guest_facts import ROOT_CONFIG_MAP, ROOT_KEY, guest_view, istiod_host, workload_address
from meshvm_tui.steps.guest_order import values_of
from meshvm_tui.steps.guest_view import TOKEN, GuestView
from meshvm_tui.steps.script_lines import gateway_address, handle, written
from meshvm_tui.steps.sidecar_package import SENT_NAME, package_source
from meshvm_tui.steps.step import NotYetKnown, machine_of
from meshvm_tui.steps.wanted_files import NO_ADDRESS, expected_files

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

_NEW_MACHINE = GuestFacts({"os": {"arch": "x86_64"}})


def files_block(ports: ReadPorts, scope: Scope) -> str:
    """Makes the files in the script's folder of the machine."""
    plan, machine = scope.plan, machine_of(scope)
    folder = handle(plan, machine)
    state = _state(ports, scope)
    address = workload_address(machine, _view(ports, scope))
    lines = [
        f"# The bootstrap files of {machine.name}, as istioctl x workload entry configure makes them",
        f'mkdir -p "$work/{folder}"',
        gateway_address(plan),
    ]
    port = _view(ports, scope).text("network", "ssh_port") or str(machine.ssh.port)
    made = expected_files(ports, scope, address=address or NO_ADDRESS, ssh_port=port)
    lines += [written(f"{folder}/{name}", text) for name, text in made.items()]
    if not address:
        lines.append(_with_its_address(ports, scope, folder))
    lines += [
        f'printf \'%s %s\\n\' "$gateway" {istiod_host(ports, scope)} >"$work/{folder}/hosts"',
        _root(scope, folder),
    ]
    if state is None or state.place_token:
        lines.append(f'{guest_commands.create_token(plan)} | tr -d "\\n" >"$work/{folder}/{TOKEN}"')
    return "\n".join(lines)


def execution_block(ports: ReadPorts, scope: Scope) -> str:
    """Package, files and unit on the VM in one go; then the proof over a new connection, and the confirmation."""
    plan, machine = scope.plan, machine_of(scope)
    folder, state, view = handle(plan, machine), _state(ports, scope), _view(ports, scope)
    source = package_source(ports, scope, view)
    if source is None:
        return _stop("the sidecar's version is not known before istiod runs: set sidecar.version in the plan")
    host = istiod_host(ports, scope)
    values = values_of(source, host=host, foreign=state.foreign_certificate if state else "")
    lines = [f"# {machine.name}: istio-sidecar, the files in their places, istio.service"]
    if source.path and not source.is_installed(view):
        lines.append(f'cp {shlex.quote(source.path)} "$work/{folder}/{SENT_NAME}"')
    lines += [
        run_block(folder, "apply", values, fresh=False),
        "# A new connection proves that SSH still works; unless this confirms it, the VM stops the sidecar again",
        f"on_{folder} true </dev/null",
        run_block(folder, "confirm", {"ISTIOD_HOST": host}),
    ]
    return "\n".join(lines)


def run_block(folder: str, mode: str, values: Mapping[str, str], *, fresh: bool = True) -> str:
    """Runs guest.sh on the VM in one of its modes; `fresh` in a folder of its own, without the five files."""
    sent = f"{folder}-{mode}" if fresh else folder
    pairs = {"MODE": mode, **{f"{name}": value for name, value in sorted(values.items())}}
    text = "".join(f"MV_{name}={shlex.quote(value)}\n" for name, value in pairs.items())
    made = [f'mkdir -p "$work/{sent}"'] if fresh else []
    return "\n".join([*made, written(f"{sent}/values.sh", text), f'guest {folder} "$work/{sent}"'])


def listening_address(ports: ReadPorts, scope: Scope) -> str:
    """The address at which Pods reach the machine; "" while nobody knows."""
    return workload_address(machine_of(scope), _view(ports, scope))


def _with_its_address(ports: ReadPorts, scope: Scope, folder: str) -> str:
    """Puts the instance's own address where it was not known when the script was saved."""
    where = place(ports, scope)
    asked = gcloud(
        "compute", "instances", "describe", machine_of(scope).name, f"--zone={where.zone}",
        f"--project={where.project}", "--format=value(networkInterfaces[0].networkIP)",
    )  # fmt: skip
    files = " ".join(f'"$work/{folder}/{name}"' for name in ("cluster.env", "mesh.yaml"))
    return (
        f"address=$({asked})\nfor file in {files}; do\n"
        f'    sed "s/{NO_ADDRESS}/$address/g" "$file" >"$file.new" && mv "$file.new" "$file"\ndone'
    )


def _root(scope: Scope, folder: str) -> str:
    """istiod writes the root into each namespace, a moment after the namespace was made."""
    key = ROOT_KEY.replace(".", r"\.")
    namespace = scope.plan.workload.namespace
    asked = kubectl(scope.plan, "get", "configmap", ROOT_CONFIG_MAP, "-n", namespace, "-o", f"jsonpath={{.data.{key}}}")
    place_ = f'"$work/{folder}/{ROOT_KEY}"'
    return (
        f"root_of_the_mesh() {{ {asked} >{place_} && [ -s {place_} ]; }}\n"
        f"until_true 60 'the root certificate in namespace {namespace}' root_of_the_mesh"
    )


def _view(ports: ReadPorts, scope: Scope) -> GuestView:
    try:
        return guest_view(ports, scope)
    except NotYetKnown:
        return GuestView(_NEW_MACHINE)


def _state(ports: ReadPorts, scope: Scope) -> BootstrapState | None:
    """None while the files that the VM should have cannot be known."""
    try:
        state = bootstrap_state(ports, scope)
    except NotYetKnown:
        return None
    return state if state.wanted else None


def _stop(words: str) -> str:
    return f"echo {shlex.quote(words)} >&2\nexit 3"
