"""The host key is right, or nothing is sent: published as guest attributes, pinned by the plan, or asked for."""

from __future__ import annotations

from collections.abc import Iterator

import paramiko
import pytest

from meshvm_tui.problems import ActionNeeded, PermanentError
from tests.fakes.ssh_server import Behaviour, SshServer
from tests.ssh_access.bench import NAME, NOW, STARTED, Bench


@pytest.fixture
def other() -> Iterator[SshServer]:
    """A server with another host key."""
    found = SshServer(Behaviour())
    yield found
    found.close()


def test_another_key_than_the_published_one_gets_no_login(bench: Bench, other: SshServer) -> None:
    bench.publish(other)
    with pytest.raises(PermanentError) as failed:
        bench.grant()
    assert failed.value.code == "MVM-405"
    assert bench.server.host_key.fingerprint in failed.value.cause
    assert f"compute.{bench.live['id']}" in failed.value.cause
    assert bench.behaviour.connections == 1
    assert bench.behaviour.logins == []


@pytest.mark.parametrize("line", ["AAAA\nevil", "", "not-base64!", "AAAA"])
def test_what_is_no_key_or_another_one_opens_nothing(bench: Bench, line: str) -> None:
    bench.compute.publishes[NAME] = {bench.server.host_key.get_name(): line}
    with pytest.raises((PermanentError, ActionNeeded)) as failed:
        bench.grant()
    assert failed.value.code in ("MVM-404", "MVM-405")
    assert bench.behaviour.logins == []


def test_without_published_keys_the_operator_compares(bench: Bench) -> None:
    bench.compute.publishes.clear()
    with pytest.raises(ActionNeeded) as failed:
        bench.grant()
    assert failed.value.code == "MVM-404"
    assert failed.value.evidence["fingerprint"] == bench.server.host_key.fingerprint
    assert bench.behaviour.logins == []
    assert bench.clock.now == pytest.approx(NOW + 60, abs=2)


def test_the_plans_pin_goes_before_what_is_published(bench: Bench, other: SshServer) -> None:
    pinned = bench.another(bench.a_machine(knownHost=bench.server.host_key.fingerprint))
    bench.publish(other)
    assert bench.grant(pinned).host_keys == ""
    assert bench.asked("guest_attributes") == 0
    wrong = bench.another(bench.a_machine(knownHost=other.host_key.fingerprint))
    bench.publish(bench.server)
    with pytest.raises(PermanentError) as failed:
        bench.grant(wrong)
    assert failed.value.code == "MVM-405"
    assert bench.behaviour.logins == ["ann"]


def test_guest_attributes_that_are_off_are_not_asked_for(bench: Bench) -> None:
    bench.live["metadata"]["items"] = []
    with pytest.raises(ActionNeeded) as failed:
        bench.grant()
    assert failed.value.code == "MVM-404"
    assert bench.asked("guest_attributes") == 0


def test_guest_attributes_that_are_on_for_the_project_count(bench: Bench) -> None:
    bench.live["metadata"]["items"] = []
    bench.set_project("enable-guest-attributes", "TRUE")
    assert bench.grant().host_keys == "guest attributes"


def test_a_known_host_of_gcloud_counts_as_well(bench: Bench) -> None:
    bench.live["metadata"]["items"] = []
    key: paramiko.PKey = bench.server.host_key
    line = f"compute.{bench.live['id']} {key.get_name()} {key.get_base64()}\n"
    (bench.folder / "known_hosts").write_text(line)
    assert bench.grant().open


def test_keys_that_come_with_the_boot_are_waited_for(bench: Bench) -> None:
    keys = bench.compute.publishes.pop(NAME)

    def publish() -> None:
        if bench.clock.now > NOW + 2.5:
            bench.compute.publishes[NAME] = keys

    bench.clock.on_sleep = publish
    assert bench.grant().host_keys == "guest attributes"
    assert bench.asked("guest_attributes") == 4


def test_an_instance_that_runs_for_long_is_asked_once(bench: Bench) -> None:
    bench.compute.publishes.clear()
    bench.live["lastStartTimestamp"] = STARTED.replace("22T", "20T")
    with pytest.raises(ActionNeeded):
        bench.grant()
    assert bench.asked("guest_attributes") == 1


def test_attributes_that_may_not_be_read_count_as_none(bench: Bench) -> None:
    bench.live["lastStartTimestamp"] = STARTED.replace("22T", "20T")
    bench.compute.fails["guest_attributes"] = [PermanentError("MVM-805", "compute.instances.getGuestAttributes")]
    with pytest.raises(ActionNeeded) as failed:
        bench.grant()
    assert failed.value.code == "MVM-404"


def test_looking_asks_google_for_next_to_nothing(bench: Bench) -> None:
    bench.grant()
    bench.compute.reads.clear()
    for _ in range(20):
        bench.clock.now += 1
        assert bench.access.look(bench.read()).open
    assert bench.compute.reads == []
    bench.clock.now += 60
    bench.access.look(bench.read())
    assert bench.compute.reads == [("project", ("shop-project",))]


def test_looking_with_a_key_of_ones_own_asks_again_once_a_minute(bench: Bench) -> None:
    bench.compute.publishes.clear()
    access = bench.another(bench.a_machine(key="~/.ssh/id_ed25519"))
    for _ in range(30):
        bench.clock.now += 1
        access.look(bench.read())
    assert bench.asked("guest_attributes") == 1
    bench.publish(bench.server)
    bench.clock.now += 60
    assert access.look(bench.read()).open
    assert access.target().published == tuple(
        f"{kind} {key.split()[0]}" for kind, key in bench.compute.publishes[NAME].items()
    )


def test_one_that_was_made_anew_has_its_own_keys(bench: Bench, other: SshServer) -> None:
    bench.publish(other)
    with pytest.raises(PermanentError):
        bench.grant()
    bench.publish(bench.server)
    bench.live["id"] = "77"
    assert bench.grant().open
