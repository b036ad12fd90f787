"""What ssh's own configuration says about a host, and what the plan says instead."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from meshvm_tui.adapters.ssh_config import ssh_config
from meshvm_tui.adapters.ssh_target import SshTarget, target_for
from meshvm_tui.plan import Machine
from meshvm_tui.problems import ActionNeeded, PermanentError

installed = pytest.mark.skipif(shutil.which("ssh") is None, reason="NOT RUN: OpenSSH's client is not installed")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir(mode=0o700)
    return tmp_path


def machine(host: str, **ssh: object) -> Machine:
    return Machine.model_validate({"name": "vm1", "host": host, "ssh": ssh})


@installed
def test_an_alias_gives_what_the_plan_leaves_out(home: Path) -> None:
    (home / ".ssh/config").write_text(
        "Host my-vm\n  HostName 192.0.2.7\n  User ops\n  Port 2222\n  IdentityFile ~/keys/vm\n  IdentitiesOnly yes\n"
        "  ProxyJump gate@bastion:2200\n  HostKeyAlias vm.corp\n  IdentityAgent /run/agent.sock\n",
        encoding="utf-8",
    )
    target = target_for(machine("my-vm"), own_known_hosts=home / "own")
    assert (target.where, target.jump, target.known_as) == ("ops@192.0.2.7:2222", "gate@bastion:2200", "vm.corp")
    assert target.login_keys(lambda: False).files == (home / "keys/vm",)
    assert target.only_these_keys
    assert target.agent == "/run/agent.sock"
    hop = target.jump_target()
    assert (hop.where, hop.jump, hop.known_as) == ("gate@bastion:2200", "", "")


@installed
def test_the_plan_wins(home: Path) -> None:
    (home / ".ssh/config").write_text(
        "Host *\n  User ops\n  Port 2222\n  ProxyJump other\n  IdentityFile ~/keys/vm\n", encoding="utf-8"
    )
    told = machine("vm", user="me", port=2022, key="/k", via="jump", jump="gate:2200")
    target = target_for(told, own_known_hosts=home / "own")
    assert (target.user, target.port, target.key, target.jump) == ("me", 2022, "/k", "gate:2200")


@installed
def test_without_a_configuration_ssh_has_its_defaults(home: Path) -> None:
    target = target_for(machine("vm", user="me"), own_known_hosts=home / "own")
    assert (target.where, target.jump, target.only_these_keys) == ("me@vm:22", "", False)
    keys = target.login_keys(lambda: False)
    assert {home / ".ssh" / name for name in ("id_rsa", "id_ecdsa", "id_ed25519")} <= set(keys.files)
    assert home / ".ssh/known_hosts" in target.host_keys().operator_files


def test_where_openssh_is_not_installed_its_defaults_are_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    config = ssh_config("vm", "me", 2022)
    assert (config.host, config.user, config.port) == ("vm", "me", 2022)
    assert config.keys[-1] == home / ".ssh/id_ed25519"
    assert not config.keys_are_named


@installed
@pytest.mark.parametrize(
    ("text", "words"),
    [("Host x\n  Nonsense 7\n", "nonsense"), ("Host *\n  ProxyCommand corp-tunnel %h\n", "ProxyCommand corp-tunnel")],
)
def test_what_cannot_be_read_or_followed_is_said(home: Path, text: str, words: str) -> None:
    (home / ".ssh/config").write_text(text, encoding="utf-8")
    with pytest.raises(ActionNeeded) as caught:
        ssh_config("x")
    assert (caught.value.code, words in caught.value.cause) == ("MVM-436", True)


@installed
def test_a_name_that_looks_like_an_option_is_none(home: Path) -> None:
    with pytest.raises(ActionNeeded) as caught:
        ssh_config("-oProxyCommand=touch /tmp/never")
    assert caught.value.code == "MVM-436"


@pytest.mark.parametrize(
    ("jump", "where", "before"),
    [
        ("gate", "me@gate:22", ""),
        ("ops@gate:2200", "ops@gate:2200", ""),
        ("ops@[fd00::1]:2200", "ops@fd00::1:2200", ""),
        ("[fd00::1]", "me@fd00::1:22", ""),
        ("first:1,ops@second:2", "ops@second:2", "first:1"),
    ],
)
def test_hops(home: Path, jump: str, where: str, before: str) -> None:
    hop = SshTarget("vm", 22, "me", "", "SHA256:pin", home / "own", jump=jump).jump_target()
    assert (hop.where, hop.jump, hop.known_host) == (where, before, "")


@pytest.mark.parametrize("jump", ["", "ops@", "gate:ssh"])
def test_a_hop_that_cannot_be_read(home: Path, jump: str) -> None:
    with pytest.raises(PermanentError) as caught:
        SshTarget("vm", 22, "me", "", "", home / "own", jump=jump).jump_target()
    assert caught.value.code == "MVM-416"
