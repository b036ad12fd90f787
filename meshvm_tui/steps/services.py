"""The samples: hello-world in the cluster, the Service that selects the workload, and the HTTP server on each VM."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from meshvm_tui.checks.guest import strangers_at
from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.ports import DEPLOYMENTS, NAMESPACES, SERVICES, GuestOrder
from meshvm_tui.problems import PermanentError
from meshvm_tui.steps.guest_facts import guest_of, guest_view, workload_address
from meshvm_tui.steps.kubernetes_objects import ObjectStep, Wanted
from meshvm_tui.steps.mesh_facts import mesh_facts
from meshvm_tui.steps.sample_rollout import is_available, wait_until_available
from meshvm_tui.steps.script_guest import listening_address, run_block
from meshvm_tui.steps.script_lines import deployment_serves, handle
from meshvm_tui.steps.step import Outcome, Scope, Step, different, fingerprint, machine_of, missing, satisfied, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshvm_tui.plan import HelloWorld as HelloWorldPlan
    from meshvm_tui.plan import HttpServer as HttpServerPlan
    from meshvm_tui.plan import Plan, VmService
    from meshvm_tui.ports import Ports, ReadPorts
    from meshvm_tui.steps.guest_view import GuestView

JSON = dict[str, Any]
HELLO_WORLD = "hello-world"
HELLO_WORLD_PORT = 3000
HTTP_UNIT = "meshvm-http.service"


def injection_labels(revision: str) -> dict[str, str]:
    """The labels of a Pod template that is to get a sidecar of this revision ("" and "default": the default one)."""
    labels = {"sidecar.istio.io/inject": "true"}
    return labels | ({"istio.io/rev": revision} if revision not in ("", "default") else {})


class HelloWorld(ObjectStep):
    """A Deployment and a Service; those of another hand are used as they are."""

    id = "hello-world"
    stage = Stage.SERVICES
    title = "Sample service"
    deadline = 180.0
    needs = ("control-plane",)

    def waits(self, ports: ReadPorts, scope: Scope) -> Observation | None:
        """Its Pods get their sidecar when they are made: istiod must run by then."""
        if not mesh_facts(ports, scope).installed:
            return unknown("control-plane", "its Pods get their sidecar from istiod, which does not run yet")
        return None

    def wanted(self, ports: ReadPorts, scope: Scope) -> tuple[Wanted, ...]:
        """The namespace where it is one of its own, the Deployment, the Service."""
        sample = _hello_world(scope.plan)
        found = [
            Wanted(DEPLOYMENTS, deployment(sample, mesh_facts(ports, scope).revision), adopt=True),
            Wanted(SERVICES, service(sample.namespace), adopt=True),
        ]
        if sample.namespace not in ("default", scope.plan.workload.namespace):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": sample.namespace}}
            found.insert(0, Wanted(NAMESPACES, body, adopt=True))
        return tuple(found)

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """The objects, and whether the Deployment serves."""
        seen = super().observe(ports, scope)
        if seen.standing is not Standing.SATISFIED:
            return seen
        namespace = _hello_world(scope.plan).namespace
        if is_available(ports.cluster.get(DEPLOYMENTS, HELLO_WORLD, namespace)):
            return satisfied(f"{HELLO_WORLD} serves in {namespace}", details=seen.details)
        return different(f"Deployment {namespace}/{HELLO_WORLD} is not available", reason="NotAvailable")

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """The objects; where they are right and only wait to serve, that alone."""
        changes = super().changes(ports, scope, observation)
        if changes or observation.standing is not Standing.DIFFERENT:
            return changes
        target = f"Deployment {_hello_world(scope.plan).namespace}/{HELLO_WORLD} becomes available"
        return (Change("run", target, fingerprint=fingerprint(target)),)

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """The objects, then the wait."""
        serves = deployment_serves(scope.plan, _hello_world(scope.plan).namespace, HELLO_WORLD)
        return (*super().script(ports, scope), serves)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Applies the objects and waits until the Deployment serves."""
        done = super().apply(ports, scope)
        namespace = _hello_world(scope.plan).namespace
        wait_until_available(ports.reading(), scope, HELLO_WORLD, namespace, f"app={HELLO_WORLD}")
        return Outcome(done.changed, f"{HELLO_WORLD} serves in {namespace}")


class VmServiceStep(ObjectStep):
    """The Kubernetes Service through which Pods reach the workload."""

    id = "vm-service"
    stage = Stage.SERVICES
    title = "Service of the workload"
    needs = ("namespace",)

    def wanted(self, ports: ReadPorts, scope: Scope) -> tuple[Wanted, ...]:
        """The Service."""
        return (Wanted(SERVICES, workload_service(scope.plan)),)


class HttpServerStep(Step):
    """A systemd unit of its own that serves an own, empty folder on the address that Pods reach."""

    id = "http-server"
    stage = Stage.SERVICES
    title = "Sample HTTP server"
    deadline = 60.0
    needs = ("guest-reachable",)
    per_machine = True

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Whether the unit is ours, as planned, and runs."""
        view = guest_view(ports, scope)
        unit, wanted = _unit_text(view.text("http", "unit")), _serves(scope, view)
        if not unit:
            return missing(f"{HTTP_UNIT} is not on the VM")
        if f"{wanted} " not in unit:
            return different(f"{HTTP_UNIT} does not run `{wanted}`")
        if "ActiveState=active" not in view.text("http", "show"):
            return different(f"{HTTP_UNIT} does not run", reason="NotRunning")
        port = _http_server(scope.plan).port
        # A unit whose port is taken is active for a moment at each of its starts, while the other one answers.
        if others := strangers_at(view.facts, workload_address(machine_of(scope), view), port):
            return different(f"port {port} is held by {others[0].words}", reason="PortTaken")
        return satisfied(f"{HTTP_UNIT} serves port {port}")

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """One run on the VM."""
        wanted = _serves(scope, guest_view(ports, scope))
        return (
            Change(
                action="create" if observation.standing is Standing.MISSING else "update",
                target=f"{HTTP_UNIT} on {machine_of(scope).name}",
                commands=(f"sudo python3 {wanted}",),
                fingerprint=fingerprint(wanted, observation.message),
            ),
        )

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """The unit, written and started by the same script on the VM."""
        plan, port = scope.plan, str(_http_server(scope.plan).port)
        values = {"HTTP_PORT": port, "HTTP_ADDRESS": listening_address(ports, scope) or "0.0.0.0"}  # noqa: S104
        return (run_block(handle(plan, machine_of(scope)), "http-server", values),)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Writes the unit, starts it, and sees that it is this unit that serves the port."""
        address = workload_address(machine_of(scope), guest_view(ports.reading(), scope))
        port = str(_http_server(scope.plan).port)
        order = GuestOrder("http-server", {"HTTP_PORT": port, "HTTP_ADDRESS": address})
        changed, failed = False, None
        for report in guest_of(ports).execute(order, scope.is_cancelled):
            if report.message:
                scope.say("guest", report.message)
            failed = failed or (report if report.state == "failed" else None)
            changed = changed or report.state == "changed"
        if failed:
            raise _server_failure(failed.message, failed.values)
        scope.keep("unit", HTTP_UNIT)
        return Outcome(changed, f"{HTTP_UNIT} serves {address}:{port}")


def deployment(sample: HelloWorldPlan, revision: str) -> JSON:
    """The guide's Deployment; its Pod template is labelled for a sidecar, never its namespace."""
    labels = {"app": HELLO_WORLD}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": HELLO_WORLD, "namespace": sample.namespace, "labels": dict(labels)},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": dict(labels)},
            "template": {
                "metadata": {"labels": labels | injection_labels(revision)},
                "spec": {
                    "containers": [
                        {
                            "name": HELLO_WORLD,
                            "image": sample.image,
                            "ports": [{"name": "http", "containerPort": HELLO_WORLD_PORT}],
                        }
                    ]
                },
            },
        },
    }


def service(namespace: str) -> JSON:
    """The Service before hello-world."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": HELLO_WORLD, "namespace": namespace, "labels": {"app": HELLO_WORLD}},
        "spec": {
            "selector": {"app": HELLO_WORLD},
            "ports": [{"name": "http", "port": 80, "targetPort": HELLO_WORLD_PORT}],
        },
    }


def workload_service(plan: Plan) -> JSON:
    """The Service that selects the workload: by its `app` label where it has one, for istiod never gives a label
    that the group gets later to entries that are there already."""
    sample = _vm_service(plan)
    labels = plan.workload.labels
    selector = {"app": labels["app"]} if "app" in labels else dict(labels)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": sample.name, "namespace": plan.workload.namespace, "labels": dict(selector)},
        "spec": {
            "selector": selector,
            "ports": [{"name": "http-vm", "port": sample.port, "targetPort": sample.target_port}],
        },
    }


def _server_failure(message: str, values: Mapping[str, Any]) -> PermanentError:
    words = "\n".join(str(part) for part in (message, values.get("output"), values.get("log")) if part)
    if values.get("cause") == "port-taken":
        return PermanentError("MVM-604", words)
    return PermanentError("MVM-603", words)


def _unit_text(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode(errors="replace")
    except binascii.Error:
        return ""


def _serves(scope: Scope, view: GuestView) -> str:
    address = workload_address(machine_of(scope), view)
    return f"-m http.server {_http_server(scope.plan).port} --bind {address}"


def _hello_world(plan: Plan) -> HelloWorldPlan:
    if plan.services.hello_world is None:
        raise PermanentError("MVM-901", "the plan has no services.helloWorld")
    return plan.services.hello_world


def _vm_service(plan: Plan) -> VmService:
    if plan.services.vm_service is None:
        raise PermanentError("MVM-901", "the plan has no services.vmService")
    return plan.services.vm_service


def _http_server(plan: Plan) -> HttpServerPlan:
    if plan.services.http_server is None:
        raise PermanentError("MVM-901", "the plan has no services.httpServer")
    return plan.services.http_server
