"""Which steps a plan has, and in which order. What the plan leaves out is left out here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.plan import ProbeFrom
from meshvm_tui.steps.cluster import ClusterReachable
from meshvm_tui.steps.exposure import ExposeIstiod, ExposeServices
from meshvm_tui.steps.files import BootstrapFiles
from meshvm_tui.steps.firewall import InstanceFirewall
from meshvm_tui.steps.gateway import EastWestGateway
from meshvm_tui.steps.gateway_address import GatewayAddress
from meshvm_tui.steps.install import GuestFiles, SidecarPackage, SidecarRunning
from meshvm_tui.steps.instance import Instance
from meshvm_tui.steps.machine import GuestReachable
from meshvm_tui.steps.mesh import ControlPlane
from meshvm_tui.steps.probes import ProbeClusterToVm, ProbeVmToCluster
from meshvm_tui.steps.registration import EntryHealthy, EntryRegistered
from meshvm_tui.steps.services import HelloWorld, HttpServerStep, VmServiceStep
from meshvm_tui.steps.ssh_access import SshAccess
from meshvm_tui.steps.workload import Namespace, ServiceAccount, WorkloadGroup

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.steps.step import Step

ON_GOOGLE = (Instance, InstanceFirewall, SshAccess)
"""Steps of machines on Compute Engine alone."""


def ordered(plan: Plan) -> tuple[tuple[Step, str], ...]:
    """Shared steps, the machines' own, shared samples, the machines' samples and probes."""
    return (
        *_shared([ClusterReachable(), ControlPlane(), *_gateway_steps(plan)]),
        *_shared([Namespace(), ServiceAccount(), WorkloadGroup()]),
        *_per_machine(plan, _machine_steps(plan)),
        *_shared(_shared_samples(plan)),
        *_per_machine(plan, _machine_samples(plan)),
    )


def _gateway_steps(plan: Plan) -> list[Step]:
    steps: list[Step] = [EastWestGateway(), GatewayAddress()]
    if plan.gateway.expose_istiod:
        steps.append(ExposeIstiod())
    if plan.gateway.expose_services:
        steps.append(ExposeServices())
    return steps


def _machine_steps(plan: Plan) -> list[Step]:
    steps: list[Step] = [Instance(), InstanceFirewall(), SshAccess()]
    steps += [GuestReachable(), BootstrapFiles(), SidecarPackage(), GuestFiles(), SidecarRunning(), EntryRegistered()]
    if plan.workload.probe and not plan.services.http_server:
        steps.append(EntryHealthy())
    return steps


def _shared_samples(plan: Plan) -> list[Step]:
    steps: list[Step] = []
    if plan.services.hello_world:
        steps.append(HelloWorld())
    if plan.services.vm_service:
        steps.append(VmServiceStep())
    return steps


def _machine_samples(plan: Plan) -> list[Step]:
    steps: list[Step] = []
    if plan.services.http_server:
        steps.append(HttpServerStep())
        if plan.workload.probe:
            # The health check asks a server: where that is our sample, it has to run first.
            steps.append(EntryHealthy())
    sources = {item.source for item in plan.traffic_probes()}
    if ProbeFrom.VM in sources:
        steps.append(ProbeVmToCluster())
    if ProbeFrom.CLUSTER in sources:
        steps.append(ProbeClusterToVm())
    return steps


def _shared(steps: list[Step]) -> list[tuple[Step, str]]:
    return [(step, "") for step in steps]


def _per_machine(plan: Plan, steps: list[Step]) -> list[tuple[Step, str]]:
    return [
        (step, machine.name)
        for machine in plan.machines
        for step in steps
        if machine.gce is not None or not isinstance(step, ON_GOOGLE)
    ]
