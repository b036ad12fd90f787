"""The proof: one request each way, answered, with its random id in the answering server's own log."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from meshvm_tui.events import Change, Observation, Stage, Standing
from meshvm_tui.plan import ProbeFrom
from meshvm_tui.ports import WORKLOAD_ENTRIES
from meshvm_tui.probing.curl import curl_arguments, new_id, with_id
from meshvm_tui.probing.curl_pod import curl_pod
from meshvm_tui.probing.proof import Verdict, judge, proof_words
from meshvm_tui.probing.witness import ServiceName, has_pods, seen_in_pods, service_of
from meshvm_tui.problems import PermanentError, Problem, TransientError
from meshvm_tui.steps.commands import as_yaml, kubectl
from meshvm_tui.steps.mesh_facts import mesh_facts
from meshvm_tui.steps.probe_requests import request_from_pod, request_from_vm, seen_on_vm, ssh_command
from meshvm_tui.steps.script_lines import handle, until_true
from meshvm_tui.steps.step import Outcome, Scope, Step, fingerprint, machine_of, unknown

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan, TrafficProbe
    from meshvm_tui.ports import ClusterReader, Ports, ReadPorts

SCRIPT_ID = "meshvm-script"
"""What stands in the server's log for a request of the saved script."""
LOG_SECONDS = 5.0
"""How long a server may take to write its log."""
LOG_POLL = 0.5
OTHER_LOG_SECONDS = 1.5
"""The same where another machine may have answered, and another request is soon made."""
TRIES_PER_ENTRY = 8
"""Among three machines, one stays unmet by chance in less than one run of ten thousand."""
MOST_TRIES = 48


class _Probe(Step):
    """Every request of the plan that starts at one side."""

    stage: ClassVar[Stage] = Stage.SERVICES
    per_machine: ClassVar[bool] = True
    probe: ClassVar[bool] = True
    may_skip: ClassVar[bool] = True
    source: ClassVar[ProbeFrom]

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Never satisfied by looking."""
        return unknown("", "will be probed")

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """One request for each probe of the plan."""
        return tuple(
            Change(
                "probe", self.route(scope, item), commands=self.commands(scope, item), fingerprint=fingerprint(item.url)
            )
            for item in self.requests(scope.plan)
        )

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Makes the requests; the first that proves nothing is raised as a problem."""
        details = tuple((self.route(scope, item), self.prove(ports, scope, item)) for item in self.requests(scope.plan))
        message = "; ".join(proof.partition(";")[0] for _, proof in details)
        return Outcome(False, message, Observation(Standing.SATISFIED, "Answered", message, details))

    def requests(self, plan: Plan) -> tuple[TrafficProbe, ...]:
        """The plan's probes that start here."""
        return tuple(item for item in plan.traffic_probes() if item.source is self.source)

    def route(self, scope: Scope, item: TrafficProbe) -> str:
        """From where to where."""
        raise NotImplementedError

    def commands(self, scope: Scope, item: TrafficProbe) -> tuple[str, ...]:
        """The same by hand."""
        raise NotImplementedError

    def prove(self, ports: Ports, scope: Scope, item: TrafficProbe) -> str:
        """Makes one request and says what its answer proves."""
        raise NotImplementedError


class ProbeVmToCluster(_Probe):
    """From the VM, through its sidecar, to a service of the cluster."""

    id = "probe-vm-to-cluster"
    title = "VM reaches the cluster"
    deadline = 30.0
    needs = ("sidecar-running", "hello-world")
    source = ProbeFrom.VM

    def route(self, scope: Scope, item: TrafficProbe) -> str:
        """The machine, then the URL."""
        return f"{_name(scope)} → {item.url}"

    def commands(self, scope: Scope, item: TrafficProbe) -> tuple[str, ...]:
        """curl over SSH."""
        return (ssh_command(scope, with_id(item.url, "ID")),)

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """curl on the VM; the script ends where it does not answer."""
        name = handle(scope.plan, machine_of(scope))
        asked = [
            shlex.join([*curl_arguments(with_id(item.url, SCRIPT_ID)), "-f"]) for item in self.requests(scope.plan)
        ]
        return tuple(f"on_{name} {shlex.quote(line)} </dev/null" for line in asked)

    def prove(self, ports: Ports, scope: Scope, item: TrafficProbe) -> str:
        """The answer, and the id in the log of a Pod behind the Service."""
        probe_id = new_id()
        answer, log = request_from_vm(ports, scope, item.url, probe_id)
        _raise_unless_good(judge(answer, item.expect, log), item.url)
        service = service_of(item.url, scope.plan.workload.namespace)
        if service is None or not has_pods(ports.cluster, service):
            return proof_words(answer, "who answered is not known: no Pods stand behind this name")
        seen = _wait_for_log(scope, lambda: seen_in_pods(ports.cluster, service, probe_id))
        if not seen:
            raise PermanentError(
                "MVM-618", f"{item.url} answered {answer.status}, but no Pod's log shows id={probe_id}."
            )
        return proof_words(answer, seen)


class ProbeClusterToVm(_Probe):
    """From a Pod with a sidecar to the VM, through the Service that selects it."""

    id = "probe-cluster-to-vm"
    title = "Cluster reaches the VM"
    deadline = 25.0
    needs = ("sidecar-running", "vm-service", "http-server")
    source = ProbeFrom.CLUSTER

    def route(self, scope: Scope, item: TrafficProbe) -> str:
        """Pods, then the URL, then which machine is meant."""
        return f"Pods → {item.url} → {_name(scope)}"

    def commands(self, scope: Scope, item: TrafficProbe) -> tuple[str, ...]:
        """A Pod that runs curl."""
        run = ("run", "meshvm-curl", "--rm", "-i", "--restart=Never", "-n", _pod_namespace(scope.plan))
        labelled = (
            "--labels=sidecar.istio.io/inject=true",
            f"--image={scope.plan.probes.curl_image}",
            "--command",
            "--",
        )
        return (kubectl(scope.plan, *run, *labelled, *curl_arguments(with_id(item.url, "ID"))),)

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """A Pod that runs curl, its answer, and its end."""
        revision = mesh_facts(ports, scope).revision
        return tuple(_by_a_pod(scope, item, revision) for item in self.requests(scope.plan))

    def prove(self, ports: Ports, scope: Scope, item: TrafficProbe) -> str:
        """The answer, and the id in this machine's own log; other machines of the Service may answer first."""
        witness = _is_vm_service(scope.plan, item.url)
        tries = _tries(ports.cluster, scope.plan) if witness else 1
        revision = mesh_facts(ports.reading(), scope).revision
        for number in range(1, tries + 1):
            probe_id = new_id()
            answer, log = request_from_pod(
                ports.cluster, scope, item.url, probe_id, namespace=_pod_namespace(scope.plan), revision=revision
            )
            _raise_unless_good(judge(answer, item.expect, log), item.url)
            if not witness:
                return proof_words(answer, "who answered is not known: this is not the plan's own server")
            seconds = LOG_SECONDS if tries == 1 else OTHER_LOG_SECONDS
            if seen := _wait_for_log(scope, partial(seen_on_vm, ports, scope, probe_id), seconds):
                return proof_words(answer, seen)
            scope.progress(f"another machine answered request {number} of at most {tries}", None, None)
        code = "MVM-618" if tries == 1 else "MVM-619"
        raise PermanentError(code, f"{item.url} answered {tries} times; the log of {_name(scope)} shows none of them.")


def _by_a_pod(scope: Scope, item: TrafficProbe, revision: str) -> str:
    plan, namespace = scope.plan, _pod_namespace(scope.plan)
    body = curl_pod(
        with_id(item.url, SCRIPT_ID),
        namespace=namespace,
        image=plan.probes.curl_image,
        revision="" if revision == "default" else revision,
    )
    create, delete = kubectl(plan, "create", "-f", "-", "-o", "name"), kubectl(plan, "delete", "-n", namespace)
    ended = '{.status.containerStatuses[?(@.name=="curl")].state.terminated.exitCode}'
    exit_code = f'{kubectl(plan, "get", "-n", namespace, "-o", f"jsonpath={ended}")} "$pod"'
    return "\n".join(
        (
            f"pod=$({create} <<'EOF'\n{as_yaml(body)}EOF\n)",
            f'curl_has_ended() {{ code=$({exit_code}); [ -n "$code" ]; }}',
            until_true(90, "the answer to a Pod", "curl_has_ended"),
            f'{kubectl(plan, "logs", "-n", namespace, "-c", "curl")} "$pod"',
            f'{delete} --wait=false "$pod"',
            '[ "$code" = 0 ]',
        )
    )


def _raise_unless_good(verdict: Verdict, url: str) -> None:
    if verdict.code:
        kind: type[Problem] = TransientError if verdict.transient else PermanentError
        raise kind(verdict.code, f"{url}: {verdict.cause}")


def _wait_for_log(scope: Scope, look: Callable[[], str], seconds: float = LOG_SECONDS) -> str:
    """A log line may come a moment after the answer."""
    waited = 0.0
    while not (seen := look()) and waited < seconds:
        scope.wait(LOG_POLL)
        waited += LOG_POLL
    return seen


def _is_vm_service(plan: Plan, url: str) -> bool:
    """Whether a URL means the plan's own Service before its own server, whose log can be read."""
    vm_service = plan.services.vm_service
    if vm_service is None or plan.services.http_server is None:
        return False
    meant = ServiceName(vm_service.name, plan.workload.namespace)
    return service_of(url, _pod_namespace(plan)) == meant


def _tries(cluster: ClusterReader, plan: Plan) -> int:
    """With several endpoints, any of them may answer: enough requests for each to be met."""
    entries = len(cluster.list(WORKLOAD_ENTRIES, plan.workload.namespace))
    return 1 if entries <= 1 else min(MOST_TRIES, TRIES_PER_ENTRY * entries)


def _pod_namespace(plan: Plan) -> str:
    return plan.services.hello_world.namespace if plan.services.hello_world else "default"


def _name(scope: Scope) -> str:
    return scope.machine.name if scope.machine else ""
