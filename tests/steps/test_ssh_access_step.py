"""The step `ssh-access`: shown before, granted at every APPLY, no change of the world."""

from __future__ import annotations

import time

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.problems import PermanentError
from meshvm_tui.steps.guest_facts import guest_facts
from meshvm_tui.steps.machine import GuestReachable
from meshvm_tui.steps.ssh_access import SshAccess
from meshvm_tui.steps.step import NotYetKnown
from tests.steps.google_bench import Bench, a_plan

STEP = SshAccess()


def test_a_key_for_the_run_is_shown_granted_and_no_change() -> None:
    bench = Bench(a_plan())
    bench.compute.put({"name": "my-mesh-vm"})
    seen = bench.observe(STEP)
    assert seen.standing is Standing.MISSING
    (change,) = bench.changes(STEP)
    assert change.action == "grant"
    assert change.target == "SSH key of ann into the instance's metadata, for 30 minutes"
    assert change.commands[0].startswith("gcloud compute instances add-metadata my-mesh-vm")
    outcome = bench.apply(STEP)
    assert not outcome.changed
    assert outcome.message == "ann logs in at 203.0.113.7 (external) until 22:00"
    assert bench.observe(STEP).standing is Standing.SATISFIED


def test_os_login_has_its_own_command() -> None:
    bench = Bench(a_plan())
    bench.access.login = "os-login"
    bench.compute.put({"name": "my-mesh-vm"})
    (change,) = bench.changes(STEP)
    assert change.commands[0].startswith("gcloud compute os-login ssh-keys add")


def test_before_there_is_an_instance_nothing_is_known() -> None:
    seen = Bench(a_plan()).observe(STEP)
    assert (seen.standing, seen.waits_for) == (Standing.UNKNOWN, "machine")


@pytest.mark.parametrize(
    ("status", "waits_for", "yet_to_be_made"),
    [("", "machine", True), ("TERMINATED", "machine", False), ("RUNNING", "ssh-access", False)],
)
def test_the_inside_is_unknown_until_a_key_opens_it(status: str, waits_for: str, yet_to_be_made: bool) -> None:
    """Only on a machine that is not there yet can there be nothing to show beforehand."""
    bench = Bench(a_plan())
    if status:
        bench.compute.put({"name": "my-mesh-vm", "status": status})
    with pytest.raises(NotYetKnown) as caught:
        guest_facts(bench.reading, bench.scope)
    assert (caught.value.waits_for, caught.value.yet_to_be_made) == (waits_for, yet_to_be_made)


def test_nothing_is_sent_to_a_machine_that_says_it_is_another() -> None:
    bench = Bench(a_plan())
    bench.compute.put({"name": "my-mesh-vm", "id": "7"})
    bench.access.open = True
    bench.scope.memo["guest-facts"] = _facts("8")
    with pytest.raises(PermanentError) as caught:
        GuestReachable().observe(bench.reading, bench.scope)
    assert caught.value.code == "MVM-833"
    assert caught.value.cause == "my-mesh-vm is instance 7; there answers instance 8"


def _facts(instance: str) -> object:
    from meshvm_tui.ports import GuestFacts

    return GuestFacts({"instance": {"id": instance}})


def test_the_grant_is_given_the_time_that_the_step_has_left() -> None:
    bench = Bench(a_plan())
    bench.compute.put({"name": "my-mesh-vm"})
    bench.scope.deadline = time.monotonic() + 7.0
    bench.apply(STEP)
    assert 0.0 < bench.access.seconds <= 7.0
