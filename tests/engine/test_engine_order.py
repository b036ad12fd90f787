"""Which steps a plan has, in which order."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.events import Stage
from meshvm_tui.plan import Plan
from meshvm_tui.steps import steps_for

SHARED = ["cluster-reachable", "control-plane", "eastwest-gateway", "gateway-address", "expose-istiod"]
WORKLOAD = ["namespace", "service-account", "workload-group"]
MACHINE = [
    "guest-reachable",
    "bootstrap-files",
    "sidecar-package",
    "guest-files",
    "sidecar-running",
    "entry-registered",
]
SAMPLES = ["hello-world", "vm-service"]
PROOF = ["http-server", "probe-vm-to-cluster", "probe-cluster-to-vm"]


def order(**plan: Any) -> list[str]:
    """The ids of a plan with one machine."""
    whole = Plan.model_validate({"machines": [{"name": "vm-1", "host": "10.0.0.1"}], **plan})
    return [step.id for step, _ in steps_for(whole)]


def test_the_whole_order() -> None:
    assert order() == SHARED + WORKLOAD + MACHINE + SAMPLES + PROOF


def test_machines_have_their_own_steps_and_share_the_others() -> None:
    plan = Plan.model_validate({"machines": [{"name": "a", "host": "10.0.0.1"}, {"name": "b", "host": "10.0.0.2"}]})
    for step, machine in steps_for(plan):
        assert bool(machine) == step.per_machine
    assert [machine for step, machine in steps_for(plan) if step.id == "guest-files"] == ["a", "b"]


def test_a_health_check_comes_after_the_server_that_it_asks() -> None:
    probe = {"workload": {"probe": {"tcpSocket": {"port": 80}}}}
    with_sample = order(**probe)
    assert with_sample.index("entry-healthy") == with_sample.index("http-server") + 1
    without = order(**probe, services={"httpServer": None})
    assert without.index("entry-healthy") == without.index("entry-registered") + 1


@pytest.mark.parametrize(
    ("plan", "left_out"),
    [
        ({"gateway": {"exposeIstiod": False}}, {"expose-istiod"}),
        ({"services": {"helloWorld": None}}, {"hello-world", "probe-vm-to-cluster"}),
        ({"services": {"vmService": None}}, {"vm-service", "probe-cluster-to-vm"}),
        ({"services": {"httpServer": None}}, {"http-server"}),
        ({"probes": {"requests": [{"from": "vm", "url": "http://a"}]}}, {"probe-cluster-to-vm"}),
        ({"machines": []}, {*MACHINE, *PROOF}),
    ],
)
def test_what_the_plan_leaves_out_is_left_out(plan: dict[str, Any], left_out: set[str]) -> None:
    assert set(order()) - set(order(**plan)) == left_out


def test_exposing_services_follows_exposing_istiod() -> None:
    assert order(gateway={"exposeServices": True})[5] == "expose-services"


def test_every_need_names_a_step_that_comes_before() -> None:
    plan = {"workload": {"probe": {"tcpSocket": {"port": 80}}}, "gateway": {"exposeServices": True}}
    whole = Plan.model_validate({"machines": [{"name": "vm-1", "host": "10.0.0.1"}], **plan})
    seen: set[str] = set()
    for step, _ in steps_for(whole):
        assert set(step.needs) <= seen, step.id
        seen.add(step.id)


def test_every_stage_has_a_step() -> None:
    plan = Plan.model_validate({"machines": [{"name": "vm-1", "host": "10.0.0.1"}]})
    assert {step.stage for step, _ in steps_for(plan)} == set(Stage)
