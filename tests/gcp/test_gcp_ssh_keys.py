"""Lines of ssh-keys in metadata, and what metadata says about logging in."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.gcp import ssh_keys
from meshvm_tui.problems import ActionNeeded

NOW = 1_795_383_000.0  # 2026-11-22T21:30:00Z
KEY = "ssh-ed25519 AAAAKEY comment"
LINE = 'ann:ssh-ed25519 AAAAKEY google-ssh {"userName":"ann","expireOn":"2026-11-22T22:00:00+0000"}'


def metadata(*lines: str, name: str = "ssh-keys") -> dict[str, Any]:
    items = [{"key": "startup-script", "value": "true"}]
    items += [{"key": name, "value": "\n".join(lines)}] if lines else []
    return {"kind": "compute#metadata", "fingerprint": "abc", "items": items}


def test_a_line_is_as_the_guest_agent_reads_it() -> None:
    assert ssh_keys.key_line("ann", KEY, NOW + 1800) == LINE


def test_a_key_is_added_beside_what_others_put_there() -> None:
    changed = ssh_keys.with_key(metadata("bob:ssh-rsa BBBB bob@x"), LINE, NOW)
    assert changed["fingerprint"] == "abc"
    assert ssh_keys.value_of(changed, "ssh-keys") == f"bob:ssh-rsa BBBB bob@x\n{LINE}"
    assert ssh_keys.value_of(changed, "startup-script") == "true"
    assert "kind" not in changed


def test_lines_that_have_expired_go_and_our_key_is_there_once() -> None:
    gone = LINE.replace("AAAAKEY", "CCCC").replace("22:00", "21:00")
    changed = ssh_keys.with_key(metadata(gone, LINE.replace("22:00", "21:40")), LINE, NOW)
    assert ssh_keys.value_of(changed, "ssh-keys") == LINE


def test_taking_a_key_away_leaves_the_others() -> None:
    changed = ssh_keys.without_key(metadata("bob:ssh-rsa BBBB bob@x", LINE), KEY)
    assert changed is not None
    assert ssh_keys.value_of(changed, "ssh-keys") == "bob:ssh-rsa BBBB bob@x"
    alone = ssh_keys.without_key(metadata(LINE), KEY)
    assert alone is not None
    assert ssh_keys.value_of(alone, "ssh-keys") is None
    assert ssh_keys.without_key(metadata("bob:ssh-rsa BBBB"), KEY) is None


def test_an_instance_with_keys_of_the_old_kind_gets_ours_there() -> None:
    changed = ssh_keys.with_key(metadata("bob:ssh-rsa BBBB", name="sshKeys"), LINE, NOW)
    assert ssh_keys.value_of(changed, "sshKeys") == f"bob:ssh-rsa BBBB\n{LINE}"
    assert ssh_keys.value_of(changed, "ssh-keys") is None


def test_a_value_that_is_full_is_not_cut() -> None:
    with pytest.raises(ActionNeeded) as caught:
        ssh_keys.with_key(metadata("bob:ssh-rsa " + "B" * 262_144), LINE, NOW)
    assert caught.value.code == "MVM-841"


@pytest.mark.parametrize(
    ("line", "ended"),
    [
        (LINE, False),
        (LINE.replace("22:00", "21:29"), True),
        ("bob:ssh-rsa B bob", False),
        ("x:a b google-ssh {", False),
    ],
)
def test_only_a_line_with_an_end_can_have_ended(line: str, ended: bool) -> None:
    assert ssh_keys.has_expired(line, NOW) == ended


def test_the_instances_own_switch_wins() -> None:
    on, off, none = ({"items": [{"key": "enable-oslogin", "value": value}]} for value in ("TRUE", "false", ""))
    assert ssh_keys.is_on("enable-oslogin", {}, on)
    assert not ssh_keys.is_on("enable-oslogin", off, on)
    assert ssh_keys.is_on("enable-oslogin", on, off)
    assert not ssh_keys.is_on("enable-oslogin", none, {})


@pytest.mark.parametrize(
    ("login", "user"),
    [("ann", "ann"), ("Ann.B@acme.example", "ann_b"), ("root", "meshvm"), ("nobody", "meshvm"), ("9lives", "meshvm")],
)
def test_a_login_here_becomes_a_user_there(login: str, user: str) -> None:
    assert ssh_keys.user_name(login) == user


def test_only_what_has_the_form_of_a_key_is_taken_for_a_host_key() -> None:
    found = ssh_keys.host_keys(
        {"ssh-ed25519": "AAAA\nssh-rsa EVIL", "ssh-rsa": "BB B", "ssh-dss": "CC", "ecdsa-sha2-nistp256": "not!a key"}
    )
    assert found == ("ssh-ed25519 AAAA", "ssh-rsa BB")
