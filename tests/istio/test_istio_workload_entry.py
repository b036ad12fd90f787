"""What a WorkloadEntry is called and what it says."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.istio.workload_entry import Health, entry_facts, entry_name


@pytest.mark.parametrize(
    ("group", "address", "network", "name"),
    [
        ("vm", "10.128.0.50", "", "vm-10.128.0.50"),
        ("vm", "10.128.0.50", "vm-network", "vm-10.128.0.50-vm-network"),
        ("vm", "fd00:10:96::1", "", "vm-fd00-10-96--1"),
    ],
)
def test_names(group: str, address: str, network: str, name: str) -> None:
    assert entry_name(group, address, network) == name


def test_of_a_long_name_the_end_is_kept() -> None:
    name = entry_name("g" * 253, "10.0.0.1")
    assert len(name) == 253
    assert name.endswith("ggg-10.0.0.1")
    assert len(entry_name("g" * 244, "10.0.0.1")) == 253


def entry(annotations: dict[str, str] | None = None, **condition: str) -> dict[str, Any]:
    conditions = [{"type": "Other", "status": "False"}, {"type": "Healthy", **condition}] if condition else []
    return {
        "metadata": {"name": "vm-10.0.0.1", "namespace": "vms", "uid": "u", "annotations": annotations or {}},
        "spec": {"address": "10.0.0.1", "labels": {"app": "x"}, "ports": {"http": 80}, "serviceAccount": "sa"},
        "status": {"conditions": conditions},
    }


CHECKED = {"proxy.istio.io/health-checks-enabled": "true"}


@pytest.mark.parametrize(
    ("obj", "health"),
    [
        (entry(), Health.UNCHECKED),
        (entry(CHECKED), Health.UNPROVEN),
        (entry(CHECKED, status="True"), Health.HEALTHY),
        (entry(CHECKED, status="False", message="refused"), Health.UNHEALTHY),
        (entry(status="True"), Health.HEALTHY),
    ],
)
def test_health(obj: dict[str, Any], health: Health) -> None:
    assert entry_facts(obj).health is health


def test_an_entry_in_plain_values() -> None:
    annotations = {
        "istio.io/autoRegistrationGroup": "vm",
        "istio.io/workloadController": "istiod-1",
        "istio.io/connectedAt": "2026-01-01T00:00:00.5Z",
    }
    facts = entry_facts(
        entry(annotations, status="False", message="refused", lastTransitionTime="2026-01-01T00:01:00Z")
    )
    assert (facts.name, facts.namespace, facts.group, facts.controller) == ("vm-10.0.0.1", "vms", "vm", "istiod-1")
    assert (facts.health_message, facts.health_since) == ("refused", "2026-01-01T00:01:00Z")
    assert (facts.labels, facts.ports, facts.service_account) == ({"app": "x"}, {"http": 80}, "sa")
    assert facts.auto_registered
    assert facts.connected


def test_an_entry_whose_vm_left_is_not_connected() -> None:
    left = {"istio.io/autoRegistrationGroup": "vm", "istio.io/disconnectedAt": "2026-01-01T00:00:00Z"}
    assert not entry_facts(entry(left)).connected


def test_an_entry_by_hand_is_neither_registered_nor_connected() -> None:
    facts = entry_facts({"metadata": {"name": "x"}})
    assert not facts.auto_registered
    assert not facts.connected
    assert facts.health is Health.UNCHECKED
