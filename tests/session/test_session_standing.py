"""What a session needs next, and what it leaves behind: in words, from its records alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from meshvm_tui.plan import Plan
from meshvm_tui.session import Session, StepRecord
from meshvm_tui.session_leftovers import leftovers
from meshvm_tui.session_standing import Need, cluster_words, standing_of
from meshvm_tui.steps import steps_for

NOW = 1_767_225_780.0
PLAN = Plan.model_validate({"cluster": {"context": "prod"}, "machines": [{"name": "vm-1", "host": "10.0.0.1"}]})
GKE = {"cluster": {"gke": {"project": "acme-prod", "name": "prod", "location": "europe-west1"}}}
VM = {"name": "my-mesh-vm", "gce": {"project": "acme-prod", "zone": "europe-west1-b", "create": {}}}


def session(*records: StepRecord, plan: Plan = PLAN, **more: Any) -> Session:
    """A session with these records."""
    return Session(name="one", plan=plan, records=records, **more)


def done(plan: Plan) -> tuple[StepRecord, ...]:
    """Every step of the plan, succeeded at midnight."""
    return tuple(
        StepRecord(step.id, machine, "succeeded", finished="2026-01-01T00:00:00.000Z")
        for step, machine in steps_for(plan)
    )


def failed(step: str, machine: str, code: str) -> StepRecord:
    """A record of a failure."""
    return StepRecord(step, machine, "failed", code=code, message="as it was said")


@pytest.mark.parametrize(
    ("given", "need", "words"),
    [
        (session(plan=Plan()), Need.BEGIN, "Cluster: not chosen yet"),
        (session(last_screen="Workload"), Need.BEGIN, "Workload: filled in up to here, nothing applied yet"),
        (session(*done(PLAN)[:2]), Need.GO_ON, "Gateway: next is East-west gateway"),
        (session(*done(PLAN)[:3], failed("gateway-address", "", "MVM-212")), Need.WAIT, "Gateway: no address yet"),
        (
            session(*done(PLAN)[:9], failed("sidecar-running", "vm-1", "MVM-302")),
            Need.MEND,
            "Install failed on vm-1: MVM-302 The istio-token is for another audience",
        ),
        (
            session(StepRecord("sidecar-package", "vm-1", "running")),
            Need.GO_ON,
            "Install on vm-1: cut off in Sidecar package",
        ),
        (
            session(StepRecord("namespace", "", "cancelled")),
            Need.GO_ON,
            "Workload: cancelled in Namespace",
        ),
        (session(*done(PLAN)), Need.NOTHING, "all answered 3 min ago"),
    ],
)
def test_what_is_needed_next(given: Session, need: Need, words: str) -> None:
    found = standing_of(given, NOW)
    assert (found.need, found.words) == (need, words)


def test_a_session_without_machines_needs_one() -> None:
    plan = PLAN.model_copy(update={"machines": []})
    assert standing_of(session(*done(plan), plan=plan), NOW).words == "Machine: none is named yet"


def test_a_plan_without_probes_claims_no_answer() -> None:
    none = {"hello_world": None, "vm_service": None, "http_server": None}
    plan = PLAN.model_copy(update={"services": PLAN.services.model_copy(update=none)})
    assert standing_of(session(*done(plan), plan=plan), NOW).words == "all in place"


def test_a_gke_cluster_is_named_without_a_context() -> None:
    assert cluster_words(Plan.model_validate(GKE)) == "GKE acme-prod/prod, europe-west1"
    assert cluster_words(PLAN) == "prod"
    assert cluster_words(Plan()) == ""


def test_what_stays_is_named_by_place() -> None:
    plan = Plan.model_validate({**GKE, "machines": [VM]})
    records = tuple(replace(record, changed=True) for record in done(plan))
    kept = {
        "namespace//before/Namespace vm-namespace": None,
        "eastwest-gateway//before/Service istio-system/istio-eastwestgateway": {"kind": "Service"},
        "control-plane//installed": True,
        "machine/my-mesh-vm/made": True,
        "machine/my-mesh-vm/request": {},
        "firewall/my-mesh-vm/rule-cluster-pods-to-vm": {"project": "acme-prod", "created": True},
        "sidecar-package/my-mesh-vm/version": "1.30.3",
        "http-server/my-mesh-vm/unit": "meshvm-http.service",
        "entry-registered/my-mesh-vm/entry": {"name": "hello-vm-10.0.0.1", "uid": "7"},
    }
    found = {item.place: item.things for item in leftovers(session(*records, plan=plan, kept=kept))}
    assert found == {
        "In the cluster": (
            "the Istio control plane in istio-system",
            "Namespace vm-namespace",
            "Service istio-system/istio-eastwestgateway (was there before, changed)",
            "WorkloadEntry vm-namespace/hello-vm-10.0.0.1",
        ),
        "On VM my-mesh-vm": (
            "package istio-sidecar 1.30.3",
            "files under /etc/istio, /etc/certs, /var/lib/istio and /var/run/secrets",
            "the block in /etc/hosts",
            "the service istio, enabled",
            "the service meshvm-http.service",
        ),
        "In Google Cloud": (
            "instance my-mesh-vm (acme-prod, europe-west1-b)",
            "firewall rule cluster-pods-to-vm in acme-prod",
        ),
    }


def test_what_was_cut_off_may_be_there_too() -> None:
    cut = StepRecord("guest-files", "vm-1", "running", started="2026-01-01T00:00:00Z")
    [on_vm] = leftovers(session(cut))
    assert "the block in /etc/hosts" in on_vm.things
    plan = Plan.model_validate({**GKE, "machines": [VM]})
    [google] = leftovers(session(plan=plan, kept={"machine/my-mesh-vm/request": {"id": "1"}}))
    assert google.things[0].startswith("perhaps instance my-mesh-vm")


def test_what_only_looked_leaves_nothing() -> None:
    assert leftovers(session(*done(PLAN))) == ()
