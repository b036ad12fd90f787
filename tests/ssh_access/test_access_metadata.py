"""The temporary key in an instance's metadata: put, renewed, and taken away, beside what others have there."""

from __future__ import annotations

import getpass
import logging
import re

import pytest

from meshvm_tui.adapters.instance_keys import LIFETIME_SECONDS
from meshvm_tui.adapters.ssh_guest import SshGuest
from meshvm_tui.gcp.ssh_keys import key_line
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, TransientError
from tests.ssh_access.bench import NAME, NOW, Bench

OTHERS = "bob:ssh-rsa AAAAB3bob bob@laptop"
EXPIRED = key_line("eve", "ssh-ed25519 AAAAeve", NOW - 60)
UNREADABLE = 'joe:ssh-rsa AAAAjoe google-ssh {"userName":"joe"}'


def test_a_granted_key_logs_in_and_stands_there_with_its_end(bench: Bench) -> None:
    before = bench.access.look(bench.read())
    assert (before.open, before.until, before.login) == (False, "", "metadata")
    with pytest.raises(TransientError) as closed:
        bench.access.target()
    assert closed.value.code == "MVM-829"

    state = bench.grant()
    assert (state.open, state.user, state.way, state.address) == (True, "ann", "external", "127.0.0.1")
    assert state.host_keys == "guest attributes"
    (line,) = bench.lines()
    assert re.fullmatch(
        r'ann:ssh-ed25519 \S+ google-ssh {"userName":"ann","expireOn":"2026-11-22T21:31:00\+0000"}', line
    )
    assert bench.behaviour.logins == ["ann"]
    (write,) = bench.compute.writes
    assert write.body["fingerprint"] == "fp-1"
    assert "kind" not in write.body


def test_what_others_have_there_stays_and_what_has_expired_goes(bench: Bench) -> None:
    bench.set("ssh-keys", "\n".join([OTHERS, EXPIRED, UNREADABLE]))
    bench.set("startup-script", "true")
    bench.grant()
    assert bench.lines()[:2] == [OTHERS, UNREADABLE]
    assert len(bench.lines()) == 3
    bench.access.revoke()
    assert bench.lines() == [OTHERS, UNREADABLE]
    assert {item["key"] for item in bench.live["metadata"]["items"]} == {
        "enable-guest-attributes",
        "startup-script",
        "ssh-keys",
    }


def test_two_processes_on_one_instance_keep_their_keys_apart(bench: Bench) -> None:
    second = bench.another()
    bench.grant()
    (first_line,) = bench.lines()
    bench.grant(second)
    assert len(bench.lines()) == 2
    second.revoke()
    assert bench.lines() == [first_line]
    assert bench.access.look(bench.read()).open
    bench.access.revoke()
    assert bench.lines() == []


def test_somebody_who_was_faster_is_read_again(bench: Bench) -> None:
    """Between read and write another line comes in, twice; neither is lost."""
    stale = bench.read()
    bench.set("ssh-keys", OTHERS)
    state = bench.access.grant(stale, bench.said.append, lambda: False, seconds=240.0)
    assert state.open
    assert bench.lines()[0] == OTHERS
    assert bench.asked("instance") == 2
    assert len({write.request_id for write in bench.compute.writes}) == len(bench.compute.writes)


def test_an_instance_that_never_holds_still_is_left_to_the_engine(bench: Bench) -> None:
    bench.compute.fails["set_metadata"] = [TransientError("MVM-815", "does not match") for _ in range(9)]
    with pytest.raises(TransientError) as failed:
        bench.grant()
    assert failed.value.code == "MVM-815"
    assert len(bench.compute.writes) == 5
    assert bench.behaviour.logins == []


def test_a_lost_answer_leaves_no_key_behind(bench: Bench) -> None:
    bench.compute.cut_after = {"set_metadata"}
    with pytest.raises(TransientError) as failed:
        bench.grant()
    assert failed.value.code == "MVM-804"
    assert len(bench.lines()) == 1
    bench.access.revoke()
    assert bench.lines() == []


def test_a_key_in_the_insert_body_is_used_as_it_is_and_taken_away(bench: Bench) -> None:
    bench.set("ssh-keys", bench.access.public_line())
    assert bench.grant().open
    assert bench.compute.writes == []
    bench.access.revoke()
    assert bench.lines() == []


def test_a_key_in_the_insert_body_goes_even_where_nothing_was_granted(bench: Bench) -> None:
    bench.set("ssh-keys", bench.access.public_line())
    bench.access.revoke()
    assert bench.lines() == []


def test_a_key_is_renewed_when_it_runs_short_and_not_before(bench: Bench) -> None:
    bench.grant()
    (first,) = bench.lines()
    bench.clock.now = NOW + 5 * 60
    bench.grant()
    assert bench.lines() == [first]

    bench.clock.now = NOW + LIFETIME_SECONDS - 60
    seen = bench.access.look(bench.read())
    assert (seen.open, seen.until) == (False, "")
    state = bench.grant()
    assert state.open
    (second,) = bench.lines()
    assert second.split()[1] == first.split()[1]
    assert '"expireOn":"2026-11-22T22:00:00+0000"' in second


def test_an_older_line_of_the_key_does_not_count_as_the_newer_one(bench: Bench) -> None:
    """The key got another end meanwhile (for a body that was never sent); what stands there ends as before."""
    bench.grant()
    bench.clock.now = NOW + LIFETIME_SECONDS - 60
    bench.access.public_line()
    assert not bench.access.look(bench.read()).open


def test_a_line_that_somebody_took_away_is_put_again(bench: Bench) -> None:
    bench.grant()
    bench.set("ssh-keys", OTHERS)
    assert not bench.access.look(bench.read()).open
    assert bench.grant().open
    assert bench.lines()[0] == OTHERS


def test_an_instance_made_anew_under_the_name_is_not_open(bench: Bench) -> None:
    bench.grant()
    other = bench.read() | {"id": "77"}
    assert not bench.access.look(other).open


def test_no_room_for_a_key(bench: Bench) -> None:
    bench.set("ssh-keys", f"bob:ssh-rsa {'A' * 256 * 1024}")
    with pytest.raises(ActionNeeded) as failed:
        bench.grant()
    assert failed.value.code == "MVM-841"
    assert bench.compute.writes == []


def test_the_instance_is_gone_meanwhile(bench: Bench) -> None:
    stale = bench.read()
    bench.compute.on_wait = bench.compute.instances_by_place.clear
    with pytest.raises(PermanentError) as failed:
        bench.access.grant(stale, bench.said.append, lambda: False, seconds=240.0)
    assert failed.value.code == "MVM-819"
    bench.access.revoke()


def test_nothing_is_granted_after_the_end(bench: Bench) -> None:
    bench.access.revoke()
    with pytest.raises(Cancelled):
        bench.grant()
    assert bench.compute.writes == []


def test_an_operator_without_a_name_here_gets_one_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nobody)
    access = bench.another(bench.a_machine(user=None))
    assert access.public_line().startswith("meshvm:ssh-ed25519 ")


def test_the_private_key_is_nowhere_to_be_read(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in what is said, logged, raised, written or shown of the objects that hold it."""
    import paramiko

    read: list[str] = []
    open_key = paramiko.Ed25519Key.from_private_key

    def reading(file: object, password: str | None = None) -> paramiko.PKey:
        read.append(file.getvalue())  # type: ignore[attr-defined]
        return open_key(file, password)  # type: ignore[arg-type]

    monkeypatch.setattr(paramiko.Ed25519Key, "from_private_key", reading)
    caplog.set_level(logging.DEBUG)
    bench.behaviour.takes = lambda _user, _key: False
    with pytest.raises(ActionNeeded) as refused:
        bench.grant()
    bench.behaviour.takes = bench.takes
    state = bench.grant()
    target = bench.access.target()
    guest = SshGuest(bench.access.target)
    shown = [repr(item) for item in (target, state, bench.access, guest, vars(bench.access), refused.value)]
    shown += [caplog.text, *bench.said, repr(refused.value.evidence), str(bench.compute.writes)]
    guest.close()

    (secret,) = read
    body = [line for line in secret.splitlines() if line and not line.startswith("-----")]
    # The head of it is format and public half; the secret stands behind that.
    assert len(body) > 3
    for text in shown:
        assert "PRIVATE" not in text
        assert not any(line in text for line in body[2:])
    for path in bench.folder.rglob("*"):
        assert "PRIVATE" not in path.read_text()


def test_two_machines_have_two_keys(bench: Bench) -> None:
    first, second = bench.access.public_line(), bench.another().public_line()
    assert first.split()[1] != second.split()[1]
    assert NAME not in first
