"""Host keys: pins, known_hosts in all its forms, and what is asked, refused or told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from paramiko import ECDSAKey
from paramiko.hostkeys import HostKeys as ParamikoHostKeys

from meshvm_tui.adapters.ssh_host_keys import AcceptHostKey, HostKeys, ShownKey, known_keys
from meshvm_tui.problems import ActionNeeded, PermanentError

SHOWN = ShownKey("ssh-ed25519", "AAAAone", "SHA256:one")


def keys(
    tmp_path: Path, text: str = "", *, pin: str = "", port: int = 22, accept: AcceptHostKey | None = None
) -> HostKeys:
    operator = tmp_path / "operator"
    operator.write_text(text)
    return HostKeys("vm1", port, pin, (operator,), tmp_path / "own" / "known_hosts", accept)


@pytest.mark.parametrize(
    "line",
    [
        "vm1 ssh-ed25519 AAAAone",
        "other,vm1 ssh-ed25519 AAAAone comment",
        "vm* ssh-ed25519 AAAAone",
        ParamikoHostKeys.hash_host("vm1") + " ssh-ed25519 AAAAone",
        "not a line\n|1|broken ssh-ed25519 xx\n@cert-authority * ssh-rsa AAAA\nvm1 ssh-ed25519 AAAAone",
        "vm1 ssh-rsa AAAAzzz\nvm1 ssh-ed25519 AAAAone",
    ],
    ids=["plain", "several names", "wildcard", "hashed", "beside broken lines", "beside another type"],
)
def test_a_known_key_is_accepted(tmp_path: Path, line: str) -> None:
    keys(tmp_path, line).check(SHOWN)


def test_the_port_is_part_of_the_name(tmp_path: Path) -> None:
    keys(tmp_path, "[vm1]:2222 ssh-ed25519 AAAAone", port=2222).check(SHOWN)
    with pytest.raises(ActionNeeded) as caught:
        keys(tmp_path, "vm1 ssh-ed25519 AAAAone", port=2222).check(SHOWN)
    assert caught.value.code == "MVM-404"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("vm1 ssh-ed25519 AAAAother", "MVM-405"),
        ("@revoked vm1 ssh-ed25519 AAAAone", "MVM-419"),
        ("vm1 ssh-ed25519 AAAAone\n@revoked * ssh-ed25519 AAAAone", "MVM-419"),
    ],
)
def test_a_changed_or_revoked_key_is_refused_for_good(tmp_path: Path, line: str, code: str) -> None:
    with pytest.raises(PermanentError) as caught:
        keys(tmp_path, line, accept=lambda *_: True).check(SHOWN)
    assert caught.value.code == code


def test_a_changed_key_is_told_with_both_fingerprints_and_where_the_other_one_stands(tmp_path: Path) -> None:
    other = ECDSAKey.generate()
    line = f"# a comment\nvm1 ssh-ed25519 {other.get_base64()}"
    with pytest.raises(PermanentError) as caught:
        keys(tmp_path, line).check(SHOWN)
    for words in (SHOWN.fingerprint, other.fingerprint, f"{tmp_path}/operator:2"):
        assert words in caught.value.cause


def test_another_type_is_told_apart_from_a_changed_key(tmp_path: Path) -> None:
    with pytest.raises(ActionNeeded) as caught:
        keys(tmp_path, "vm1 ssh-rsa AAAArsa").check(SHOWN)
    assert caught.value.code == "MVM-418"
    assert "ssh-rsa" in caught.value.cause
    assert keys(tmp_path, "vm1 ssh-rsa AAAArsa").preferred_types() == ("ssh-rsa",)


@pytest.mark.parametrize(
    "line", ["!vm1,vm* ssh-ed25519 AAAAone", "[vm1]:22 ssh-ed25519 AAAAone", "# vm1 ssh-ed25519 AAAAone"]
)
def test_lines_that_are_of_other_hosts(tmp_path: Path, line: str) -> None:
    operator = tmp_path / "operator"
    operator.write_text(line)
    assert list(known_keys(operator, "vm1", 22)) == []


def test_an_unknown_key_is_asked_for_with_its_fingerprint(tmp_path: Path) -> None:
    with pytest.raises(ActionNeeded) as caught:
        keys(tmp_path).check(SHOWN)
    assert caught.value.code == "MVM-404"
    assert "SHA256:one" in caught.value.cause
    assert "knownHost" in caught.value.next_action


def test_an_accepted_key_is_kept_in_our_own_file_only(tmp_path: Path) -> None:
    asked: list[tuple[str, int, str]] = []

    def accept(host: str, port: int, fingerprint: str) -> bool:
        asked.append((host, port, fingerprint))
        return True

    subject = keys(tmp_path, accept=accept)
    subject.check(SHOWN)
    subject.check(SHOWN)
    assert asked == [("vm1", 22, "ssh-ed25519 SHA256:one")]
    assert (tmp_path / "operator").read_text() == ""
    assert subject.own_file.stat().st_mode & 0o777 == 0o600
    assert subject.own_file.read_text() == "vm1 ssh-ed25519 AAAAone\n"


@pytest.mark.parametrize("pin", ["SHA256:one", "ssh-ed25519 AAAAone", "ssh-ed25519 AAAAone comment"])
def test_a_pin_alone_counts(tmp_path: Path, pin: str) -> None:
    keys(tmp_path, "vm1 ssh-ed25519 AAAAother", pin=pin).check(SHOWN)


@pytest.mark.parametrize("pin", ["SHA256:two", "ssh-ed25519 AAAAtwo", "ssh-rsa AAAAone"])
def test_a_pin_that_does_not_fit(tmp_path: Path, pin: str) -> None:
    with pytest.raises(PermanentError) as caught:
        keys(tmp_path, "vm1 ssh-ed25519 AAAAone", pin=pin, accept=lambda *_: True).check(SHOWN)
    assert caught.value.code == "MVM-405"
