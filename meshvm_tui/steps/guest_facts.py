"""The one observation that a machine's steps share; while an execution is under way, the one that it began with."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from meshvm_tui.istio import names
from meshvm_tui.ports import CONFIG_MAPS, GuestFacts, GuestQuery
from meshvm_tui.problems import PermanentError, Problem
from meshvm_tui.steps.google_facts import instance
from meshvm_tui.steps.guest_view import GuestView
from meshvm_tui.steps.mesh_facts import gateway_ip, mesh_facts
from meshvm_tui.steps.step import NotYetKnown, Scope, machine_of

if TYPE_CHECKING:
    from meshvm_tui.plan import Machine
    from meshvm_tui.ports import Guest, Ports, ReadPorts

FROZEN = "!guest-facts"
GATEWAY = "!gateway-check"
ROOT_CONFIG_MAP, ROOT_KEY = "istio-ca-root-cert", "root-cert.pem"


def guest_facts(ports: ReadPorts, scope: Scope) -> GuestFacts:
    """What is on the machine, read once until something was applied."""
    if FROZEN in scope.memo:
        frozen: GuestFacts = scope.memo[FROZEN]
        return frozen
    return scope.recall("guest-facts", lambda: _observe(ports, scope))


def guest_view(ports: ReadPorts, scope: Scope) -> GuestView:
    """The same, typed."""
    return GuestView(guest_facts(ports, scope))


def guest_of(ports: Ports) -> Guest:
    """The machine's inside, to be changed."""
    if ports.guest is None:
        raise PermanentError("MVM-901", "a step of a machine was run without its guest")
    return ports.guest


def workload_address(machine: Machine, view: GuestView) -> str:
    """The IP at which Pods reach the machine: the plan's, or else the one that SSH uses, seen from inside."""
    if machine.address:
        return machine.address
    host = (machine.host or "").strip("[]")
    if _is_ip(host) and host in view.addresses:
        return host
    return view.text("network", "ssh_address") or (host if _is_ip(host) else "")


def istiod_host(ports: ReadPorts, scope: Scope) -> str:
    """The name by which the VM knows istiod: the one in its /etc/hosts."""
    mesh = mesh_facts(ports, scope)
    return names.istiod_host(mesh.istio_namespace, mesh.revision)


def root_certificate(ports: ReadPorts, scope: Scope) -> str:
    """The mesh's root as istiod wrote it beside the workload, or beside itself; "" while there is none."""
    for namespace in (scope.plan.workload.namespace, scope.plan.mesh.istio_namespace):
        found = ports.cluster.get(CONFIG_MAPS, ROOT_CONFIG_MAP, namespace)
        if found and (text := str((found.get("data") or {}).get(ROOT_KEY) or "")):
            return text
    return ""


def _observe(ports: ReadPorts, scope: Scope) -> GuestFacts:
    """The way to the gateway is tried once per run: it takes seconds where it is closed."""
    values: dict[str, str] = {}
    if machine_of(scope).gce is not None:
        _check_open(ports, scope)
        values["INSTANCE"] = "yes"
    if ports.guest is None:
        raise PermanentError("MVM-901", "a step of a machine was run without its guest")
    gateway = _gateway_values(ports, scope) if GATEWAY not in scope.memo else {}
    if http := scope.plan.services.http_server:
        values["HTTP_PORT"] = str(http.port)
    values.update(_host_value(ports, scope))
    facts = ports.guest.observe(GuestQuery({**values, **gateway}))
    check: Any = facts.values.get("gateway")
    if check and GuestView(facts).text("gateway", "exit") in _REACHED:
        scope.memo[GATEWAY] = check
    if GATEWAY in scope.memo:
        facts = GuestFacts({**facts.values, "gateway": scope.memo[GATEWAY]}, facts.host_key, facts.clock_skew)
    return facts


_REACHED = ("0", "1", "8", "16", "22", "52", "92")
"""curl's exit codes after TLS was set up."""


def gateway_was_reached(exit_code: str) -> bool:
    """Whether curl got as far as TLS with a certificate that it trusts."""
    return exit_code in _REACHED


def _check_open(ports: ReadPorts, scope: Scope) -> None:
    """Raises NotYetKnown while an instance is not there, or no key of ours opens it."""
    view = instance(ports, scope)
    if view is None:
        raise NotYetKnown("machine", "the instance is not there yet", yet_to_be_made=True)
    if view.status != "RUNNING":
        raise NotYetKnown("machine", "the instance does not run yet")
    if ports.access is None or not ports.access.look(view.body).open:
        raise NotYetKnown("ssh-access", "looked at once a key of ours opens the instance")


def _host_value(ports: ReadPorts, scope: Scope) -> dict[str, str]:
    try:
        return {"ISTIOD_HOST": istiod_host(ports, scope)}
    except Problem:
        # Which istiod is meant is not settled yet; the machine can be looked at all the same.
        return {}


def _gateway_values(ports: ReadPorts, scope: Scope) -> dict[str, str]:
    try:
        address = gateway_ip(ports, scope)
        return {"GATEWAY_IP": address, "ROOT_PEM": root_certificate(ports, scope)} if address else {}
    except Problem:
        return {}


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
