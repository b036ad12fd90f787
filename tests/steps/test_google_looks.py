"""Looks that follow one another ask Google for the instance and its rules, and for the rest only now and then."""

from __future__ import annotations

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.look_memory import LASTS, LookMemory
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.steps.firewall import InstanceFirewall
from meshvm_tui.steps.instance import Instance
from meshvm_tui.steps.step import Step
from tests.steps.google_bench import Bench, a_plan

SLOW = {"zones", "machine_types", "image_families", "networks", "permissions", "enabled_services", "project"}


class Looks:
    """The stage Machine, looked at again and again."""

    def __init__(self) -> None:
        self.bench, self.now = Bench(a_plan()), 100.0
        self.memory = LookMemory(lambda: self.now)

    def look(self, *steps: Step) -> list[str]:
        """One look: what Google was asked."""
        asked = len(self.bench.compute.reads)
        self.bench.anew()
        self.bench.scope.known = self.memory.of(self.bench.plan)
        for step in steps or (Instance(), InstanceFirewall()):
            step.observe(self.bench.reading, self.bench.scope)
        return [method for method, _ in self.bench.compute.reads[asked:]]


def test_a_second_look_asks_for_what_moves() -> None:
    looks = Looks()
    assert set(looks.look()) > SLOW
    assert sorted(looks.look()) == ["firewall", "firewalls", "instance"]


def test_an_instance_that_is_there_costs_one_request_more() -> None:
    looks = Looks()
    looks.bench.compute.put({"name": "my-mesh-vm", "tags": {"items": ["my-mesh-vm"]}})
    looks.look()
    assert sorted(looks.look()) == ["effective_firewalls", "firewall", "firewalls", "instance"]


def test_half_a_minute_later_it_asks_for_everything() -> None:
    looks = Looks()
    looks.look()
    looks.now += LASTS
    assert set(looks.look()) > SLOW


def test_an_instance_that_appears_is_seen_at_once() -> None:
    looks = Looks()
    looks.look()
    looks.bench.compute.put({"name": "my-mesh-vm"})
    looks.look(Instance())
    assert Instance().observe(looks.bench.reading, looks.bench.scope).standing is Standing.SATISFIED


def test_an_api_that_was_off_is_seen_to_be_on_at_once() -> None:
    looks = Looks()
    looks.bench.compute.disabled.add("compute.googleapis.com")
    for _ in range(2):
        with pytest.raises(ActionNeeded, match=r"compute\.googleapis\.com"):
            looks.look()
    looks.bench.compute.disabled.clear()
    assert "enabled_services" in looks.look()


def test_a_permission_that_was_lacking_is_seen_to_be_granted_at_once() -> None:
    looks = Looks()
    looks.bench.compute.denied.add("compute.firewalls.create")
    looks.look(Instance())
    assert "permissions" in looks.look(Instance())
    looks.bench.compute.denied.clear()
    assert "permissions" in looks.look(Instance())
    assert "permissions" not in looks.look(Instance())
