"""The bootstrap files that a machine should have now: from the mesh, the plan, and what the VM itself says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshvm_tui.istio import bootstrap, mesh_config
from meshvm_tui.istio.bootstrap_files import HOSTS, TOKEN, Deviation
from meshvm_tui.istio.workload_group import WorkloadGroup, parse_object
from meshvm_tui.ports import CONFIG_MAPS
from meshvm_tui.steps.guest_facts import ROOT_CONFIG_MAP, ROOT_KEY, guest_view, workload_address
from meshvm_tui.steps.guest_view import PLACES
from meshvm_tui.steps.mesh_facts import gateway_ip, mesh_facts
from meshvm_tui.steps.object_compare import after_apply
from meshvm_tui.steps.step import machine_of
from meshvm_tui.steps.workload import WorkloadGroup as WorkloadGroupStep

if TYPE_CHECKING:
    from meshvm_tui.plan import Sidecar
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.guest_view import GuestView
    from meshvm_tui.steps.mesh_facts import MeshFacts
    from meshvm_tui.steps.step import Scope

SSH_PORT = 22
NO_ADDRESS = "192.0.2.1"
"""Stands for an address that is not known yet (RFC 5737: nobody has it)."""


@dataclass(frozen=True)
class WantedFiles:
    """cluster.env, mesh.yaml, root-cert.pem and hosts by name; empty while they cannot be made, and then why."""

    files: Mapping[str, str] = field(default_factory=dict)
    waits_for: str = ""
    message: str = ""


def wanted_files(ports: ReadPorts, scope: Scope) -> WantedFiles:
    """Made anew from the cluster as it is; read once until something was applied."""
    return scope.recall("wanted-files", lambda: _make(ports, scope))


def expected_files(ports: ReadPorts, scope: Scope, *, address: str, ssh_port: str) -> Mapping[str, str]:
    """cluster.env and mesh.yaml as they will be once the mesh is there as the plan wants it; the others are made of
    what only the running mesh knows."""
    mesh = mesh_facts(ports, scope)
    planned = {
        "defaultConfig": {"discoveryAddress": mesh.discovery_address, "meshId": mesh.mesh_id},
        "trustDomain": mesh.trust_domain,
    }
    given = bootstrap.BootstrapInput(
        group=_group(ports, scope),
        mesh=mesh_config.from_document(dict(mesh.config) if mesh.installed else planned, "the mesh"),
        root_cert="",
        gateway_address=NO_ADDRESS,
        istio_namespace=mesh.istio_namespace,
        revision=mesh.revision,
        cluster_id=mesh.cluster_id,
        internal_ip=address,
        capture_dns=scope.plan.sidecar.capture_dns,
        auto_register=True,
        extra=_additions(scope.plan.sidecar, ssh_port),
    )
    contents = bootstrap.render(given).contents()
    return {name: contents[name] for name in ("cluster.env", "mesh.yaml")}


def differing(files: Mapping[str, str], view: GuestView) -> tuple[Deviation, ...]:
    """How the VM's files differ from the wanted ones, by file and key. The token is judged elsewhere."""
    found = {name: text if text or _is_there(name, view) else None for name, text in view.files.items()}
    deviations = bootstrap.differences(files, found)
    other_lines = set(view.files[HOSTS].split("\n")) - set(files[HOSTS].split("\n"))
    if other_lines and not any(item.file == HOSTS for item in deviations):
        deviations += (Deviation(HOSTS, "", f"has other lines in our block: {'; '.join(sorted(other_lines))}"),)
    return deviations


def _is_there(name: str, view: GuestView) -> bool:
    return name not in (HOSTS, TOKEN) and PLACES[name] in view.places


def _make(ports: ReadPorts, scope: Scope) -> WantedFiles:
    mesh = mesh_facts(ports, scope)
    if not mesh.installed:
        return WantedFiles({}, "control-plane", "the files say what istiod says, which is not installed yet")
    gateway = gateway_ip(ports, scope)
    if not gateway:
        return WantedFiles({}, "gateway-address", "the file hosts needs the gateway's address")
    namespace = scope.plan.workload.namespace
    found = ports.cluster.get(CONFIG_MAPS, ROOT_CONFIG_MAP, namespace)
    if found is None:
        return WantedFiles({}, "namespace", f"istiod has not written ConfigMap {namespace}/{ROOT_CONFIG_MAP} yet")
    root = str((found.get("data") or {}).get(ROOT_KEY) or "")
    rendered = bootstrap.render(_given(ports, scope, mesh, gateway, root))
    return WantedFiles({name: text for name, text in rendered.contents().items() if name != TOKEN})


def _given(ports: ReadPorts, scope: Scope, mesh: MeshFacts, gateway: str, root: str) -> bootstrap.BootstrapInput:
    view, sidecar = guest_view(ports, scope), scope.plan.sidecar
    return bootstrap.BootstrapInput(
        group=_group(ports, scope),
        mesh=mesh_config.from_document(dict(mesh.config), f"ConfigMap of revision {mesh.revision}"),
        root_cert=root,
        gateway_address=gateway,
        istio_namespace=mesh.istio_namespace,
        revision=mesh.revision,
        cluster_id=mesh.cluster_id,
        internal_ip=workload_address(machine_of(scope), view),
        capture_dns=sidecar.capture_dns,
        auto_register=True,
        extra=_additions(sidecar, view.text("network", "ssh_port")),
    )


def _group(ports: ReadPorts, scope: Scope) -> WorkloadGroup:
    """The group as it is once the plan was applied to it: what others have put into it counts as well."""
    found = WorkloadGroupStep().find(ports, scope)[0]
    source = f"WorkloadGroup {scope.plan.workload.namespace}/{scope.plan.workload.name}"
    return parse_object(after_apply(found.body, found.live), source)


def _additions(sidecar: Sidecar, ssh_port: str) -> bootstrap.Additions:
    """The port that SSH really uses stays outside the mesh, or nobody could log in any more."""
    ports = list(sidecar.exclude_inbound_ports)
    if ssh_port.isdecimal() and int(ssh_port) != SSH_PORT:
        ports.insert(0, int(ssh_port))
    return bootstrap.Additions(tuple(ports), tuple(sidecar.exclude_outbound_ranges), dict(sidecar.extra_env))
