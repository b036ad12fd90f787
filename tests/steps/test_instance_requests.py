"""The step `machine`, request by request: when an id is sent again and when not, and what starts, waits or gives up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, Problem, TransientError
from meshvm_tui.steps.instance import REQUEST, Instance
from tests.fakes.compute_world import PROJECT, ZONE
from tests.google.discovery import judge
from tests.steps.google_bench import Bench, a_plan

STEP = Instance()


def ids(bench: Bench) -> list[str]:
    return [write.request_id for write in bench.compute.writes]


def cut(bench: Bench) -> None:
    """The run is given up in the middle of waiting."""
    bench.scope.cancelled.set()
    with pytest.raises(Cancelled):
        bench.apply(STEP)
    bench.anew()


@pytest.mark.parametrize("code", ["MVM-811", "MVM-812", "MVM-813", "MVM-805"])
def test_a_refusal_ends_its_request(code: str) -> None:
    """With the same id Compute Engine would give the failed operation again, whatever was mended since."""
    bench = Bench(a_plan())
    bench.compute.operation_fails["insert_instance"].append(PermanentError(code, "no"))
    with pytest.raises(Problem):
        bench.apply(STEP)
    bench.anew()
    assert bench.apply(STEP).changed
    first, second = ids(bench)
    assert first != second
    assert bench.observe(STEP).standing is Standing.SATISFIED


def test_where_no_answer_came_the_same_request_goes_out_again() -> None:
    bench = Bench(a_plan())
    bench.compute.fails["insert_instance"].append(TransientError("MVM-804", "no route"))
    with pytest.raises(TransientError):
        bench.apply(STEP)
    bench.anew()
    bench.apply(STEP)
    first, second = ids(bench)
    assert first == second
    assert len(bench.compute.instances_by_place) == 1


def test_the_id_is_kept_before_anything_is_sent_and_forgotten_at_the_end() -> None:
    bench = Bench(a_plan())
    seen: list[object] = []
    bench.compute.on_wait = lambda: seen.append(bench.scope.told.kept[REQUEST])
    bench.apply(STEP)
    (kept,) = seen
    assert isinstance(kept, dict)
    assert kept["id"] == ids(bench)[0]
    assert bench.scope.told.kept[REQUEST] == {}


def test_a_request_that_was_carried_out_and_undone_since_is_not_repeated_for_ever() -> None:
    bench = Bench(a_plan())
    cut(bench)
    bench.apply(STEP)
    bench.scope.told.kept[REQUEST] = {"id": ids(bench)[0], "of": _of(bench)}
    bench.compute.instances_by_place.clear()
    bench.anew()
    with pytest.raises(TransientError) as caught:
        bench.apply(STEP)
    assert caught.value.code == "MVM-820"
    bench.apply(STEP)
    assert ids(bench)[-1] != ids(bench)[0]
    assert len(bench.compute.instances_by_place) == 1


def _of(bench: Bench) -> str:
    """What the kept id is the id of: found by giving up once more in a world that is empty."""
    other = Bench(bench.plan)
    other.scope.cancelled.set()
    with pytest.raises(Cancelled):
        other.apply(STEP)
    return str(other.scope.told.kept[REQUEST]["of"])


def test_a_start_that_is_refused_for_room_says_that_the_zone_stays() -> None:
    bench = Bench(a_plan(create=False))
    bench.compute.put({"name": "my-mesh-vm", "status": "TERMINATED"})
    bench.compute.operation_fails["start_instance"].append(ActionNeeded("MVM-812", "ZONE_RESOURCE_POOL_EXHAUSTED"))
    with pytest.raises(ActionNeeded) as caught:
        bench.apply(STEP)
    assert caught.value.code == "MVM-812"
    assert "stays in its zone" in caught.value.next_action
    assert bench.apply(STEP).changed
    assert len(set(ids(bench))) == 2


def test_one_that_is_stopping_is_started_when_it_has_stopped() -> None:
    bench = Bench(a_plan(create=False))
    live = bench.compute.put({"name": "my-mesh-vm", "status": "STOPPING"})
    (change,) = bench.changes(STEP)
    assert change.target == f"wait for instance {PROJECT}/{ZONE}/my-mesh-vm, then start it"
    assert change.commands == (f"gcloud compute instances start my-mesh-vm --zone={ZONE} --project={PROJECT}",)
    bench.scope.on_wait = lambda: live.update(status="TERMINATED")
    with pytest.raises(TransientError):
        bench.apply(STEP)
    bench.apply(STEP)
    assert live["status"] == "RUNNING"


def vanishes(bench: Bench) -> None:
    bench.compute.instances_by_place.clear()


def breaks(bench: Bench) -> None:
    bench.compute.instances_by_place[PROJECT, ZONE, "my-mesh-vm"]["status"] = "REPAIRING"


@pytest.mark.parametrize(("what", "code"), [(vanishes, "MVM-819"), (breaks, "MVM-820")])
def test_waiting_ends_where_it_can_come_to_nothing(what: Callable[[Bench], None], code: str) -> None:
    bench = Bench(a_plan())
    bench.compute.put({"name": "my-mesh-vm", "status": "STAGING"})
    bench.scope.on_wait = lambda: what(bench)
    with pytest.raises(Problem) as caught:
        bench.apply(STEP)
    assert caught.value.code == code
    assert not isinstance(caught.value, TransientError)
    assert bench.compute.writes == []


def test_one_that_runs_is_not_touched_by_apply() -> None:
    bench = Bench(a_plan())
    bench.compute.put({"name": "my-mesh-vm"})
    assert bench.apply(STEP).changed is False
    assert bench.compute.writes == []


def test_what_an_instance_is_stands_in_its_details() -> None:
    bench = Bench(a_plan())
    bench.compute.put(
        {
            "name": "my-mesh-vm",
            "machineType": f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/zones/{ZONE}/machineTypes/e2-small",
            "disks": [{"boot": True, "licenses": ["projects/debian-cloud/global/licenses/debian-12-bookworm"]}],
        }
    )
    details = dict(bench.observe(STEP).details)
    assert details["machine type"] == "e2-small: 2 vCPU, shared, 2 GB"
    assert (details["image"], details["status"], details["zone"]) == ("debian-12-bookworm", "RUNNING", ZONE)
    assert details["made by"] == "somebody else"


def test_a_list_of_types_that_may_not_be_seen_hides_the_shape_alone() -> None:
    bench = Bench(a_plan())
    bench.compute.put({"name": "my-mesh-vm", "machineType": "zones/z/machineTypes/e2-small"})
    bench.compute.fails["machine_types"].append(ActionNeeded("MVM-805", "compute.machineTypes.list"))
    assert dict(bench.observe(STEP).details)["machine type"] == "e2-small"


@pytest.mark.parametrize("method", ["image_families", "networks"])
def test_what_may_not_be_listed_may_still_be_used(method: str) -> None:
    bench = Bench(a_plan())
    bench.compute.fails[method].append(ActionNeeded("MVM-805", "list"))
    assert bench.observe(STEP).standing is Standing.MISSING


def test_a_list_that_fails_otherwise_is_a_failure() -> None:
    bench = Bench(a_plan())
    bench.compute.fails["networks"].append(TransientError("MVM-817", "later"))
    with pytest.raises(TransientError):
        bench.observe(STEP)


def test_advice_that_cannot_be_had_does_not_hide_what_went_wrong() -> None:
    bench = Bench(a_plan())
    bench.compute.operation_fails["insert_instance"].append(ActionNeeded("MVM-812", "no room"))
    bench.compute.fails["zones"].append(TransientError("MVM-817", "later"))
    with pytest.raises(ActionNeeded) as caught:
        bench.apply(STEP)
    assert (caught.value.code, caught.value.cause) == ("MVM-812", "no room")


def test_os_login_is_asked_for_where_it_is_on() -> None:
    bench = Bench(a_plan())
    bench.compute.projects[PROJECT]["commonInstanceMetadata"]["items"] = [{"key": "enable-oslogin", "value": "TRUE"}]
    bench.compute.disabled = {"oslogin.googleapis.com"}
    with pytest.raises(ActionNeeded) as caught:
        bench.observe(STEP)
    assert caught.value.code == "MVM-806"
    assert "gcloud services enable oslogin.googleapis.com" in caught.value.next_action
    bench.compute.disabled, bench.compute.denied = set(), {"compute.instances.osAdminLogin"}
    bench.anew()
    (finding,) = bench.observe(STEP).findings
    assert "compute.instances.osAdminLogin" in finding.evidence


def test_only_what_the_plan_needs_is_asked_for() -> None:
    bench = Bench(a_plan(firewall={"manage": False}))
    bench.plan.cluster.gke = None
    bench.compute.put({"name": "my-mesh-vm"})
    bench.observe(STEP)
    (asked,) = [wanted for method, (_, wanted) in _asked(bench, "permissions")]
    assert set(asked) == {"compute.instances.get", "compute.projects.get", "compute.instances.setMetadata"}
    (services,) = [wanted for method, (_, wanted) in _asked(bench, "enabled_services")]
    assert set(services) == {"compute.googleapis.com"}


def _asked(bench: Bench, method: str) -> list[tuple[str, tuple[str, tuple[str, ...]]]]:
    return [(name, (arguments[0], arguments[1])) for name, arguments in bench.compute.reads if name == method]


def test_what_is_sent_is_right_by_googles_document() -> None:
    bench = Bench(a_plan())
    bench.apply(STEP)
    (write,) = bench.compute.writes
    path = f"/compute/v1/projects/{PROJECT}/zones/{ZONE}/instances"
    assert judge("compute", "POST", path, {"requestId": write.request_id}, write.body) == []
    assert judge("compute", "POST", path, {}, {**write.body, "machineTyp": "x"}) != []
