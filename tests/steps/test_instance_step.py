"""The step `machine`: an instance is made as the plan says, taken as it is, or started; never made twice."""

from __future__ import annotations

import re

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.problems import ActionNeeded, PermanentError, TransientError
from meshvm_tui.steps.instance import Instance
from tests.fakes.compute_world import PROJECT, ZONE
from tests.steps.google_bench import LINE, Bench, a_plan

STEP = Instance()


def test_what_is_not_there_is_shown_and_made_and_then_there_is_nothing_to_do() -> None:
    bench = Bench(a_plan())
    seen = bench.observe(STEP)
    assert seen.standing is Standing.MISSING
    assert dict(seen.details)["machine type"] == "n1-standard-2: 2 vCPU, 7.5 GB"
    (change,) = bench.changes(STEP)
    assert change.action == "create"
    assert "+name: my-mesh-vm" in change.diff
    assert "ssh-keys" not in change.diff
    assert change.commands[0].startswith("gcloud compute instances create my-mesh-vm")
    outcome = bench.apply(STEP)
    assert outcome.changed
    (write,) = bench.compute.writes
    assert (write.method, write.project, write.zone) == ("insert_instance", PROJECT, ZONE)
    assert {"key": "ssh-keys", "value": LINE} in write.body["metadata"]["items"]
    again = bench.observe(STEP)
    assert again.standing is Standing.SATISFIED
    assert dict(again.details)["made by"] == "meshvm-tui"
    assert bench.scope.told.kept["instance-id"] == dict(again.details)["instance id"]


def test_one_of_somebody_elses_is_taken_as_it_is() -> None:
    bench = Bench(a_plan())
    bench.compute.put({"name": "my-mesh-vm", "tags": {"items": ["web"]}})
    seen = bench.observe(STEP)
    assert seen.standing is Standing.SATISFIED
    assert "not made here, taken as it is" in seen.message
    assert bench.compute.writes == []


def test_a_stopped_one_is_started() -> None:
    bench = Bench(a_plan(create=False))
    bench.compute.put({"name": "my-mesh-vm", "status": "TERMINATED"})
    (change,) = bench.changes(STEP)
    assert change.commands == (f"gcloud compute instances start my-mesh-vm --zone={ZONE} --project={PROJECT}",)
    assert bench.apply(STEP).changed
    assert [write.method for write in bench.compute.writes] == ["start_instance"]
    assert bench.observe(STEP).standing is Standing.SATISFIED


def test_one_on_its_way_is_waited_for() -> None:
    bench = Bench(a_plan())
    live = bench.compute.put({"name": "my-mesh-vm", "status": "STAGING"})
    assert [change.action for change in bench.changes(STEP)] == ["run"]
    bench.scope.on_wait = lambda: live.update(status="RUNNING")
    bench.apply(STEP)
    assert bench.compute.writes == []
    assert bench.scope.told.waits == 1


@pytest.mark.parametrize(("status", "words"), [("SUSPENDED", "gcloud compute instances resume"), ("STRANGE", "")])
def test_a_state_that_only_its_owner_can_end_is_said(status: str, words: str) -> None:
    bench = Bench(a_plan())
    bench.compute.put({"name": "my-mesh-vm", "status": status})
    with pytest.raises(ActionNeeded) as caught:
        bench.observe(STEP)
    assert caught.value.code == "MVM-820"
    assert words in caught.value.next_action


def test_one_that_the_plan_does_not_make_has_to_exist() -> None:
    with pytest.raises(ActionNeeded) as caught:
        Bench(a_plan(create=False)).observe(STEP)
    assert caught.value.code == "MVM-819"
    assert caught.value.cause == f"projects/{PROJECT}/zones/{ZONE}/instances/my-mesh-vm"


def test_an_answer_that_is_lost_leads_to_one_instance() -> None:
    bench = Bench(a_plan())
    bench.compute.cut_after.add("insert_instance")
    with pytest.raises(TransientError):
        bench.apply(STEP)
    assert bench.observe(STEP).standing is Standing.SATISFIED
    assert len(bench.compute.instances_by_place) == 1


def test_a_run_that_was_killed_before_the_answer_sends_the_same_request_again() -> None:
    """As far as the next run knows nothing is there, and Compute Engine knows the request."""
    bench = Bench(a_plan())
    bench.compute.on_wait = _killed
    with pytest.raises(KeyboardInterrupt):
        bench.apply(STEP)
    bench.compute.on_wait = lambda: None
    bench.anew()
    bench.apply(STEP)
    first, second = bench.compute.writes
    assert first.request_id == second.request_id
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first.request_id)
    assert len(bench.compute.instances_by_place) == 1


def test_another_plan_is_another_request() -> None:
    bench = Bench(a_plan())
    bench.compute.on_wait = _killed
    with pytest.raises(KeyboardInterrupt):
        bench.apply(STEP)
    bench.compute.on_wait = lambda: None
    create = bench.plan.machines[0].gce.create if bench.plan.machines[0].gce else None
    assert create
    create.machine_type = "e2-small"
    bench.anew()
    bench.apply(STEP)
    first, second = bench.compute.writes
    assert first.request_id != second.request_id


def _killed() -> None:
    raise KeyboardInterrupt


def test_one_that_another_run_made_meanwhile_is_taken() -> None:
    bench = Bench(a_plan())
    bench.scope.forget()
    assert bench.observe(STEP).standing is Standing.MISSING
    bench.compute.put({"name": "my-mesh-vm"})
    # The step still believes that it is not there: what it read stays until something was applied.
    assert STEP.apply(bench.ports, bench.scope).changed
    assert len(bench.compute.instances_by_place) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("MVM-812", "another zone of us-central1 that has n1-standard-2: us-central1-b, us-central1-f"),
        ("MVM-811", "a smaller type: e2-medium, e2-small, or another region"),
    ],
)
def test_no_room_leads_elsewhere(code: str, words: str) -> None:
    bench = Bench(a_plan())
    bench.compute.operation_fails["insert_instance"].append(PermanentError(code, "no room"))
    with pytest.raises(ActionNeeded) as caught:
        bench.apply(STEP)
    assert caught.value.code == code
    assert words in caught.value.next_action
    assert caught.value.cause == "no room"


@pytest.mark.parametrize(
    ("part", "code", "words"),
    [
        ({"machineType": "n1-standart-2"}, "MVM-816", "there are: n1-standard-2"),
        ({"imageFamily": "debian-21"}, "MVM-816", "debian-12"),
        ({"network": "other"}, "MVM-816", "no network in shop-project is called other"),
        ({"subnet": "inner"}, "MVM-816", "no subnetwork in shop-project, us-central1 is called inner"),
    ],
)
def test_what_the_plan_names_is_looked_for_before_anything_is_sent(part: dict[str, str], code: str, words: str) -> None:
    plan = a_plan()
    value = plan.model_dump(by_alias=True)
    value["machines"][0]["gce"]["create"] |= part
    with pytest.raises(ActionNeeded) as caught:
        Bench(type(plan).model_validate(value)).observe(STEP)
    assert caught.value.code == code
    assert words in caught.value.cause


def test_a_zone_that_is_none() -> None:
    value = a_plan().model_dump(by_alias=True)
    value["machines"][0]["gce"]["zone"] = "us-central1-z"
    with pytest.raises(ActionNeeded) as caught:
        Bench(type(a_plan()).model_validate(value)).observe(STEP)
    assert caught.value.code == "MVM-810"
    assert "us-central1-a" in caught.value.cause


def test_a_permission_that_is_certain_to_lack_stops_before_anything_is_sent() -> None:
    bench = Bench(a_plan())
    bench.compute.denied = {"compute.instances.create", "compute.firewalls.create"}
    with pytest.raises(ActionNeeded) as caught:
        bench.observe(STEP)
    assert caught.value.code == "MVM-805"
    assert caught.value.cause == f"in project {PROJECT}: compute.instances.create"


def test_a_permission_that_may_stand_elsewhere_is_a_finding() -> None:
    bench = Bench(a_plan())
    bench.compute.denied = {"compute.subnetworks.use"}
    (finding,) = bench.observe(STEP).findings
    assert finding.code == "MVM-805"
    assert "compute.subnetworks.use" in finding.evidence


def test_an_api_that_is_off_comes_with_the_command_that_switches_it_on() -> None:
    bench = Bench(a_plan())
    bench.compute.disabled = {"container.googleapis.com"}
    with pytest.raises(ActionNeeded) as caught:
        bench.observe(STEP)
    assert caught.value.code == "MVM-806"
    assert caught.value.next_action == f"Run: gcloud services enable container.googleapis.com --project={PROJECT}"


def test_whoever_may_not_ask_about_permissions_is_not_stopped() -> None:
    bench = Bench(a_plan())
    refused = ActionNeeded("MVM-805", "resourcemanager.projects.get")
    bench.compute.fails["permissions"].append(refused)
    bench.compute.fails["enabled_services"].append(refused)
    assert bench.observe(STEP).standing is Standing.MISSING
