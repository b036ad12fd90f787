"""The fake that stands for Google in tests of steps behaves as Google does where steps rely on it."""

from __future__ import annotations

import pytest

from meshvm_tui.compute_ports import Compute
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, TransientError
from tests.fakes.compute import FakeCompute
from tests.fakes.compute_world import PROJECT, ZONE

HERE = (PROJECT, ZONE)


def told(status: str, percent: int | None) -> None:
    """Nobody listens."""


def test_it_is_a_compute_port() -> None:
    port: Compute = FakeCompute()
    assert port.defaults().project.value == PROJECT


def test_an_instance_is_there_once_its_operation_was_waited_for() -> None:
    fake = FakeCompute()
    operation = fake.insert_instance(*HERE, {"name": "vm-1"}, "r1")
    assert fake.instance(*HERE, "vm-1") is None
    fake.wait(operation, told, lambda: False)
    made = fake.instance(*HERE, "vm-1")
    assert made is not None
    assert (made["status"], made["networkInterfaces"][0]["networkIP"]) == ("RUNNING", "10.128.0.4")


def test_a_request_id_makes_a_thing_once_and_a_cut_loses_the_answer_only() -> None:
    fake = FakeCompute(cut_after={"insert_instance"})
    with pytest.raises(TransientError):
        fake.insert_instance(*HERE, {"name": "vm-1"}, "r1")
    fake.wait(fake.insert_instance(*HERE, {"name": "vm-1"}, "r1"), told, lambda: False)
    assert len(fake.instances_by_place) == 1
    with pytest.raises(ActionNeeded, match="MVM-814"):
        fake.insert_instance(*HERE, {"name": "vm-1"}, "r2")


def test_metadata_wants_the_fingerprint_that_is_there() -> None:
    fake = FakeCompute()
    old = fake.put({"name": "vm-1"})["metadata"]["fingerprint"]
    body = {"fingerprint": old, "items": [{"key": "a", "value": "b"}]}
    fake.wait(fake.set_metadata(*HERE, "vm-1", body, "r1"), told, lambda: False)
    with pytest.raises(TransientError, match="MVM-815"):
        fake.set_metadata(*HERE, "vm-1", body, "r2")


def test_an_operation_that_failed_stays_failed_and_cancelling_leaves_it_alone() -> None:
    fake = FakeCompute(operation_fails={"insert_instance": [PermanentError("MVM-813", "no")]})
    operation = fake.insert_instance(*HERE, {"name": "vm-1"}, "r1")
    with pytest.raises(Cancelled):
        fake.wait(operation, told, lambda: True)
    for _ in range(2):
        with pytest.raises(PermanentError, match="no"):
            fake.wait(operation, told, lambda: False)
    assert fake.instance(*HERE, "vm-1") is None


def test_a_patch_changes_what_it_names_and_an_empty_list_clears() -> None:
    fake = FakeCompute()
    live = fake.put_firewall({"name": "pods", "targetTags": ["mesh-vm"], "sourceRanges": ["10.8.0.0/14"]})
    both = {"name": "pods", "targetServiceAccounts": ["a@b.iam.gserviceaccount.com"]}
    with pytest.raises(PermanentError, match="MVM-818"):
        fake.patch_firewall(PROJECT, "pods", both, "r1")
    fake.wait(fake.patch_firewall(PROJECT, "pods", both | {"targetTags": []}, "r2"), told, lambda: False)
    assert "targetTags" not in live
    assert live["sourceRanges"] == ["10.8.0.0/14"]
