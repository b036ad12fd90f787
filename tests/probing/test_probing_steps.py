"""Samples and probes as steps: what they make, what they leave alone, and what an answer must prove."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.plan import Plan
from meshvm_tui.ports import DEPLOYMENTS, SERVICES, GuestOrder, GuestReport, Ports
from meshvm_tui.probing.curl_pod import LABELS
from meshvm_tui.problems import Cancelled, PermanentError, TransientError
from meshvm_tui.steps.probes import ProbeClusterToVm, ProbeVmToCluster
from meshvm_tui.steps.services import HelloWorld, HttpServerStep, VmServiceStep, workload_service
from tests.fakes.cluster import FakeCluster
from tests.fakes.guest import FakeGuest
from tests.fakes.scope import NoIstioctl, TestScope, a_scope

JSON = dict[str, Any]
PLAN = Plan.model_validate(
    {
        "machines": [{"name": "vm-1", "host": "10.0.0.7", "address": "10.0.0.7"}],
        "services": {"httpServer": {"port": 8080}},
    }
)
ISTIOD: JSON = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "istiod", "namespace": "istio-system", "labels": {"app": "istiod"}},
    "spec": {"template": {"spec": {"containers": [{"name": "discovery", "image": "istio/pilot:1.30.3"}]}}},
    "status": {"conditions": [{"type": "Available", "status": "True"}]},
}


class VmWithSamples(FakeGuest):
    """A VM whose http-server, probe and log modes answer as guest.sh does."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = ""
        self.answer: dict[str, str] = {"exit": "0", "http_code": "200", "seconds": "0.0031", "remote_ip": "10.1.0.9"}
        self.request_log: list[str] = []
        self.on_probe: Callable[[str], None] = lambda _id: None

    def execute(self, order: GuestOrder, cancelled: Callable[[], bool]) -> Iterator[GuestReport]:
        self.orders.append(order)
        yield GuestReport(order.mode, "started", "looking")
        failed = self.fail.get(order.mode)
        if failed is not None:
            yield GuestReport(order.mode, "failed", "it failed", failed)
        elif order.mode == "http-server":
            command = f"python3 -m http.server {order.values['HTTP_PORT']} --bind {order.values['HTTP_ADDRESS']} --x"
            self.unit, changed = command, command != self.unit or not self.http_active
            self.http_active = True
            yield GuestReport(order.mode, "changed" if changed else "ok", "serves")
        elif order.mode == "probe":
            self.on_probe(order.values["ID"])
            yield GuestReport(order.mode, "ok", "", self.answer)
        else:
            text = "\n".join(line for line in self.request_log if order.values["ID"] in line)
            yield GuestReport(order.mode, "ok", "", {"text": text})
        yield GuestReport("end", "ok")

    def _topics(self, query: Any) -> dict[str, Any]:
        topics = super()._topics(query)
        topics["http"]["unit"] = base64.b64encode(self.unit.encode()).decode()
        return topics


class Pretend:
    """A cluster and a VM; curl Pods end at once with `pod_output`, and their id reaches the servers' logs."""

    def __init__(self) -> None:
        self.cluster = FakeCluster(ISTIOD)
        self.guest = VmWithSamples()
        self.pod_output = "200 0.004800 10.2.0.1\n"
        self.exit_code = 0
        self.injected = True
        self.witness: Callable[[int], bool] = lambda _number: True
        self.requests = itertools.count(1)
        self.cluster.after_write = self._after_write
        self.guest.on_probe = self._log_in_pod

    @property
    def ports(self) -> Ports:
        return Ports(self.cluster, NoIstioctl(), self.guest)

    def _after_write(self, obj: JSON) -> None:
        if obj["kind"] == "Deployment":
            obj["status"] = {"conditions": [{"type": "Available", "status": "True"}]}
            labels = obj["spec"]["template"]["metadata"]["labels"]
            pod = {"name": "hello-1", "namespace": "default", "labels": labels}
            containers = [{"name": "hello-world"}, {"name": "istio-proxy"}]
            self.cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": pod, "spec": {"containers": containers}})
        if obj["kind"] == "Pod":
            self._run_curl(obj)

    def _run_curl(self, pod: JSON) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        if self.injected:
            pod["spec"]["containers"].append({"name": "istio-proxy"})
        ended = {"name": "curl", "state": {"terminated": {"exitCode": self.exit_code}}}
        pod["status"] = {"containerStatuses": [ended]}
        self.cluster.logs[namespace, name, "curl"] = self.pod_output
        if self.witness(next(self.requests)):
            url = pod["spec"]["containers"][0]["command"][-1]
            self.guest.request_log.append(f'"GET /?{url.partition("?")[2]} HTTP/1.1" 200 -')

    def _log_in_pod(self, probe_id: str) -> None:
        self.cluster.logs["default", "hello-1", "hello-world"] = f"GET /?id={probe_id} 200"


def scope() -> TestScope:
    """The machine's scope."""
    return a_scope(PLAN, PLAN.machine("vm-1"))


def entry(name: str) -> JSON:
    """A WorkloadEntry of the workload's namespace."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {"name": name, "namespace": "vm-namespace"},
    }


def test_hello_world_is_made_waited_for_and_then_as_planned() -> None:
    world, here = Pretend(), scope()
    step = HelloWorld()
    assert step.observe(world.ports.reading(), here).standing is Standing.MISSING
    assert step.apply(world.ports, here).changed
    here.forget()
    assert step.observe(world.ports.reading(), here).standing is Standing.SATISFIED
    writes = list(world.cluster.writes)
    assert not step.apply(world.ports, here).changed
    assert world.cluster.writes == writes
    template = world.cluster.live(DEPLOYMENTS, "hello-world", "default")["spec"]["template"]
    assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"


def test_hello_world_of_another_hand_is_used_as_it_is() -> None:
    world = Pretend()
    for kind, api in (("Deployment", "apps/v1"), ("Service", "v1")):
        body: JSON = {"apiVersion": api, "kind": kind, "metadata": {"name": "hello-world", "namespace": "default"}}
        body["spec"] = {"anything": "else"}
        body["status"] = {"conditions": [{"type": "Available", "status": "True"}]}
        world.cluster.put(body)
    assert HelloWorld().observe(world.ports.reading(), scope()).standing is Standing.SATISFIED
    assert not HelloWorld().apply(world.ports, scope()).changed
    assert world.cluster.writes == []


def test_hello_world_waits_for_istiod() -> None:
    world = Pretend()
    world.cluster.drop(DEPLOYMENTS, "istiod", "istio-system")
    seen = HelloWorld().observe(world.ports.reading(), scope())
    assert (seen.standing, seen.waits_for) == (Standing.UNKNOWN, "control-plane")
    assert len(HelloWorld().changes(world.ports.reading(), scope(), seen)) == 2


def test_a_deployment_that_does_not_serve_fails_with_its_pods_words() -> None:
    world = Pretend()

    def stuck(obj: JSON) -> None:
        if obj["kind"] == "Deployment":
            waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
            pod = {"name": "hello-1", "namespace": "default", "labels": {"app": "hello-world"}}
            world.cluster.put(
                {"apiVersion": "v1", "kind": "Pod", "metadata": pod, "status": {"containerStatuses": [waiting]}}
            )

    world.cluster.after_write = stuck
    with pytest.raises(PermanentError) as failed:
        HelloWorld().apply(world.ports, a_scope(PLAN, deadline=0.0))
    assert failed.value.code == "MVM-601"
    assert "ImagePullBackOff no such image" in failed.value.cause


def test_the_workloads_service_selects_by_app_alone() -> None:
    plan = Plan.model_validate({"workload": {"labels": {"app": "a", "version": "v2"}}})
    assert workload_service(plan)["spec"]["selector"] == {"app": "a"}
    unnamed = Plan.model_validate({"workload": {"labels": {"version": "v2"}}})
    assert workload_service(unnamed)["spec"]["selector"] == {"version": "v2"}


def test_the_workloads_service_is_made_once() -> None:
    world = Pretend()
    assert VmServiceStep().apply(world.ports, scope()).changed
    assert VmServiceStep().observe(world.ports.reading(), scope()).standing is Standing.SATISFIED
    assert world.cluster.live(SERVICES, "hello-vm", "vm-namespace")["spec"]["ports"][0]["name"] == "http-vm"


def test_the_http_server_is_written_once_and_bound_to_the_workloads_address() -> None:
    world, here = Pretend(), scope()
    step = HttpServerStep()
    assert step.observe(world.ports.reading(), here).standing is Standing.MISSING
    assert step.apply(world.ports, here).changed
    here.forget()
    assert step.observe(world.ports.reading(), here).standing is Standing.SATISFIED
    assert world.guest.orders[0].values == {"HTTP_PORT": "8080", "HTTP_ADDRESS": "10.0.0.7"}


@pytest.mark.parametrize(
    ("unit", "active", "reason"),
    [
        ("-m http.server 80 --bind 10.0.0.7 ", True, "Differs"),
        ("-m http.server 8080 --bind 10.0.0.7 ", False, "NotRunning"),
    ],
)
def test_an_http_server_that_is_not_as_planned_is_named(unit: str, active: bool, reason: str) -> None:
    world = Pretend()
    world.guest.unit, world.guest.http_active = unit, active
    assert HttpServerStep().observe(world.ports.reading(), scope()).reason == reason


@pytest.mark.parametrize(("cause", "code"), [("port-taken", "MVM-604"), ("start", "MVM-603")])
def test_an_http_server_that_cannot_run_says_why(cause: str, code: str) -> None:
    world = Pretend()
    world.guest.fail["http-server"] = {"cause": cause, "log": "Address already in use"}
    with pytest.raises(PermanentError) as failed:
        HttpServerStep().apply(world.ports, scope())
    assert failed.value.code == code
    assert "Address already in use" in failed.value.cause


def test_the_vm_reaches_the_cluster_and_a_pod_testifies() -> None:
    world = Pretend()
    HelloWorld().apply(world.ports, scope())
    outcome = ProbeVmToCluster().apply(world.ports, scope())
    assert not outcome.changed and outcome.observation
    ((route, proof),) = outcome.observation.details
    assert route == "vm-1 → http://hello-world.default"
    assert proof.startswith("200 in 3.1 ms; seen in the log of Pod default/hello-1 (hello-world): GET /?id=")


def test_an_answer_that_no_pod_logged_proves_nothing() -> None:
    world = Pretend()
    HelloWorld().apply(world.ports, scope())
    world.guest.on_probe = lambda _id: None
    with pytest.raises(PermanentError) as failed:
        ProbeVmToCluster().apply(world.ports, scope())
    assert failed.value.code == "MVM-618"


def test_a_name_that_cannot_be_resolved_yet_is_tried_again() -> None:
    world = Pretend()
    world.guest.answer = {"exit": "6", "words": "curl: (6) Could not resolve host: hello-world.default"}
    with pytest.raises(TransientError) as failed:
        ProbeVmToCluster().apply(world.ports, scope())
    assert failed.value.code == "MVM-611"
    assert "Could not resolve host" in failed.value.cause


def test_the_cluster_reaches_the_vm_and_the_vm_testifies() -> None:
    world = Pretend()
    outcome = ProbeClusterToVm().apply(world.ports, scope())
    assert outcome.observation
    ((route, proof),) = outcome.observation.details
    assert route == "Pods → http://hello-vm.vm-namespace → vm-1"
    assert proof.startswith("200 in 4.8 ms; seen in the log of meshvm-http.service on vm-1: GET /?id=")


def test_the_probes_only_writes_are_its_pods_creation_and_deletion() -> None:
    world = Pretend()
    ProbeClusterToVm().apply(world.ports, scope())
    assert [(verb, kind) for verb, kind, _, _ in world.cluster.writes] == [("create", "Pod"), ("delete", "Pod")]


@pytest.mark.parametrize(
    ("exit_code", "output", "code"), [(6, "curl: (6) x\n000 0 \n", "MVM-611"), (0, "503 0.1 10.0.0.7\n", "MVM-615")]
)
def test_the_pod_goes_where_the_request_failed_too(exit_code: int, output: str, code: str) -> None:
    world = Pretend()
    world.exit_code, world.pod_output = exit_code, output
    with pytest.raises(TransientError) as failed:
        ProbeClusterToVm().apply(world.ports, scope())
    assert failed.value.code == code
    assert [verb for verb, *_ in world.cluster.writes] == ["create", "delete"]


def test_the_pod_goes_where_the_run_is_cancelled() -> None:
    world, here = Pretend(), scope()
    world.cluster.after_write = lambda obj: obj.update(spec={"containers": [{"name": "istio-proxy"}]})
    here.on_wait = here.cancelled.set
    with pytest.raises(Cancelled):
        ProbeClusterToVm().apply(world.ports, here)
    assert [verb for verb, *_ in world.cluster.writes] == ["create", "delete"]


def test_a_pod_without_a_sidecar_proves_nothing() -> None:
    world = Pretend()
    world.injected = False
    with pytest.raises(PermanentError) as failed:
        ProbeClusterToVm().apply(world.ports, scope())
    assert failed.value.code == "MVM-622"


def test_of_several_endpoints_it_asks_until_this_machine_has_answered() -> None:
    world = Pretend()
    for name in ("a", "b", "c"):
        world.cluster.put(entry(name))
    world.witness = lambda number: number == 3
    assert ProbeClusterToVm().apply(world.ports, scope()).observation
    assert [verb for verb, *_ in world.cluster.writes] == ["create", "delete"] * 3


@pytest.mark.parametrize(("entries", "code", "tries"), [(1, "MVM-618", 1), (2, "MVM-619", 16)])
def test_a_machine_that_never_answers_is_told_from_one_that_is_alone(entries: int, code: str, tries: int) -> None:
    world = Pretend()
    for number in range(entries):
        world.cluster.put(entry(f"e-{number}"))
    world.witness = lambda _number: False
    with pytest.raises(PermanentError) as failed:
        ProbeClusterToVm().apply(world.ports, scope())
    assert failed.value.code == code
    assert [verb for verb, *_ in world.cluster.writes].count("create") == tries


def test_pods_that_a_killed_run_left_behind_are_swept() -> None:
    world = Pretend()
    for name, made in (("old", "2026-01-01T00:00:00Z"), ("new", "2026-01-01T00:09:30Z")):
        left: JSON = {"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Failed"}}
        left["metadata"] = {"name": name, "namespace": "default", "labels": dict(LABELS), "creationTimestamp": made}
        world.cluster.put(left)
    world.cluster.clock = datetime(2026, 1, 1, 0, 10, tzinfo=UTC).timestamp()
    ProbeClusterToVm().apply(world.ports, scope())
    deleted = [name for verb, _, _, name in world.cluster.writes if verb == "delete"]
    assert "old" in deleted and "new" not in deleted


def test_probes_are_listed_with_the_command_that_does_the_same() -> None:
    world = Pretend()
    for step, command in ((ProbeVmToCluster(), "ssh 10.0.0.7 'curl"), (ProbeClusterToVm(), "kubectl run meshvm-curl")):
        seen = step.observe(world.ports.reading(), scope())
        (change,) = step.changes(world.ports.reading(), scope(), seen)
        assert (seen.standing, change.action) == (Standing.UNKNOWN, "probe")
        assert change.commands[0].startswith(command)
