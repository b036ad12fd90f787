"""Logins to a real OpenSSH: keys, agents, host keys, and the way there through ssh's own configuration."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from meshvm_tui.adapters.ssh_target import SshTarget, target_for
from meshvm_tui.plan import Machine
from meshvm_tui.ports import SecretKind
from meshvm_tui.problems import ActionNeeded, PermanentError
from tests.real_vm.conftest import BootVm
from tests.real_vm.rig import RealVm
from tests.real_vm.ssh_logins import (
    Operator,
    authorize,
    make_key,
    observed,
    problem_of,
    ssh_agent,
    target_of,
)
from tests.real_vm.world import fingerprint

pytestmark = pytest.mark.real_vm


@pytest.fixture(scope="module")
def machine(boot_module_vm: BootVm) -> RealVm:
    """A machine that shows keys of all three types; nothing that a test does to it matters to the others."""
    made = boot_module_vm()
    made.run("ssh-keygen -A && systemctl restart ssh")
    return made


def test_an_encrypted_key_is_opened_by_its_passphrase_and_only_by_it(machine: RealVm, tmp_path: Path) -> None:
    key = make_key(tmp_path / "locked", "correct horse")
    authorize(machine, key)
    operator = Operator("wrong one", "correct horse")
    assert observed(target_of(machine, tmp_path, key=str(key), secrets=operator)).values["who"]["user"] == "op"
    assert (operator.asked[0], operator.wrong) == ((SecretKind.PASSPHRASE, str(key)), ["wrong one"])

    problem = problem_of(target_of(machine, tmp_path, key=str(key), secrets=Operator("a", "b", "c", "d")))
    assert (problem.code, type(problem)) == ("MVM-435", ActionNeeded)
    problem = problem_of(target_of(machine, tmp_path, key=str(key)))
    assert (problem.code, str(key) in problem.cause) == ("MVM-407", True)
    assert problem.evidence == {"secret": "passphrase", "subject": str(key)}


def test_an_encrypted_key_that_the_agent_holds_needs_no_passphrase(
    machine: RealVm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(tmp_path / "plain")
    authorize(machine, key)
    with ssh_agent(tmp_path, key) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        command = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "not asked for", "-f", str(key)]
        subprocess.run(command, check=True, capture_output=True, timeout=20)
        operator = Operator()
        observed(target_of(machine, tmp_path, key=str(key), secrets=operator))
        key.with_name("plain.pub").unlink()  # OpenSSH's format tells the public half by itself
        observed(target_of(machine, tmp_path, key=str(key), secrets=operator))
        assert operator.asked == []


def test_the_agents_keys_open_without_a_named_key_and_too_many_are_said(
    machine: RealVm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [make_key(tmp_path / f"wrong-{number}") for number in range(7)]
    with ssh_agent(tmp_path, wrong[0], machine.key_file) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        assert observed(target_of(machine, tmp_path, key="")).values["who"]["privilege"] == "root"
    (tmp_path / "many").mkdir()
    with ssh_agent(tmp_path / "many", *wrong, machine.key_file) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        problem = problem_of(target_of(machine, tmp_path, key=""))
        assert (problem.code, "Too many authentication failures" in problem.cause) == ("MVM-433", True)
        # ssh's IdentitiesOnly: the key that is named is the only one that is tried.
        observed(target_of(machine, tmp_path, key=str(machine.key_file)))
        observed(target_of(machine, tmp_path, key="", keys=(machine.key_file,), only_these_keys=True))


def test_a_key_that_the_machine_does_not_know_is_refused_for_good(machine: RealVm, tmp_path: Path) -> None:
    key = make_key(tmp_path / "stranger")
    problem = problem_of(target_of(machine, tmp_path, key=str(key)))
    assert (problem.code, type(problem)) == ("MVM-406", PermanentError)
    assert str(key) in problem.cause
    assert "SHA256:" in problem.cause


def test_known_hosts_hashed_beside_lines_that_nobody_can_read(machine: RealVm, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"{machine.address} {machine.host_key}\n", encoding="ascii")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True, timeout=20)
    hashed = known.read_text(encoding="ascii")
    assert hashed.startswith("|1|")
    rubbish = "@cert-authority *.corp ssh-ed25519 AAAA\n@revoked * ssh-rsa AAAAB3\nbroken\n|1|zz|zz ssh-rsa x\n"
    known.write_bytes(rubbish.encode() + b"\xff\xfe not text\n" + hashed.encode())
    assert observed(target_of(machine, tmp_path, known_host="")).host_key.endswith(fingerprint(machine.host_key))
    known.write_text(rubbish, encoding="ascii")
    assert problem_of(target_of(machine, tmp_path, known_host="")).code == "MVM-404"


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_the_machine_is_asked_for_the_key_type_that_is_known(machine: RealVm, tmp_path: Path, kind: str) -> None:
    public = machine.output(f"cut -d' ' -f1,2 /etc/ssh/ssh_host_{kind}_key.pub")
    (tmp_path / "known_hosts").write_text(f"{machine.address} {public}\n", encoding="ascii")
    shown = observed(target_of(machine, tmp_path, known_host="")).host_key
    assert shown.split()[1] == fingerprint(public)


def test_another_type_than_the_machine_has_is_no_attack(boot_vm: BootVm, tmp_path: Path) -> None:
    only_one = boot_vm()
    key = make_key(tmp_path / "other", kind="ecdsa").with_name("other.pub").read_text(encoding="ascii")
    (tmp_path / "known_hosts").write_text(f"{only_one.address} {key}", encoding="ascii")
    problem = problem_of(target_of(only_one, tmp_path, known_host=""))
    assert (problem.code, type(problem)) == ("MVM-418", ActionNeeded)
    assert "ecdsa-sha2-nistp256" in problem.cause


def test_a_changed_host_key_blocks_and_both_fingerprints_are_said(machine: RealVm, tmp_path: Path) -> None:
    public = make_key(tmp_path / "before").with_name("before.pub").read_text(encoding="ascii")
    known = tmp_path / "known_hosts"
    known.write_text(f"# a comment\n{machine.address} {public}", encoding="ascii")
    logins = machine.journal("ssh").count("Accepted")
    problem = problem_of(target_of(machine, tmp_path, known_host="", accept=lambda *_: True))
    assert (problem.code, type(problem)) == ("MVM-405", PermanentError)
    for words in (fingerprint(public), fingerprint(machine.host_key), f"{known}:2"):
        assert words in problem.cause
    assert machine.journal("ssh").count("Accepted") == logins


def test_an_alias_of_ssh_config_is_enough(machine: RealVm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    (home / "hosts").write_text(f"{machine.address} {machine.host_key}\n", encoding="ascii")
    (home / ".ssh/config").write_text(f"Include {home}/more\n", encoding="utf-8")
    (home / "more").write_text(
        f"Host my-vm\n  HostName {machine.address}\n  User op\n  Port {machine.ssh_port}\n"
        f"  IdentityFile {machine.key_file}\n  IdentitiesOnly yes\n  UserKnownHostsFile {home}/hosts\n",
        encoding="utf-8",
    )
    plan = Machine.model_validate({"name": "vm1", "host": "my-vm"})
    target = target_for(plan, own_known_hosts=tmp_path / "own")
    assert target.where == f"op@{machine.address}:22"
    assert observed(target).values["who"]["user"] == "op"
    # What the plan says wins over what ssh is told.
    named = target_for(
        Machine.model_validate({"name": "vm1", "host": "my-vm", "ssh": {"user": "root", "key": "/nowhere/key"}}),
        own_known_hosts=tmp_path / "own",
    )
    assert named.user == "root"
    assert problem_of(named).code == "MVM-407"


def test_a_configuration_that_ssh_cannot_read_is_said_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    for text, words in (("Host x\n  Portt 7\n", "portt"), ("Host *\n  ProxyCommand nc %h 22\n", "ProxyCommand nc")):
        (tmp_path / ".ssh/config").write_text(text, encoding="utf-8")
        with pytest.raises(ActionNeeded) as caught:
            target_for(Machine.model_validate({"name": "v", "host": "x"}), own_known_hosts=tmp_path / "own")
        assert caught.value.code == "MVM-436"
        assert words in caught.value.cause


class TestJump:
    """The way over a host in between, which is a real machine too."""

    @pytest.fixture(scope="class")
    def jump(self, boot_module_vm: BootVm) -> RealVm:
        """A jump host on a port of its own."""
        return boot_module_vm(ssh_port=2222)

    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """ssh's own configuration of the hop is asked for: this one is empty."""
        (tmp_path / ".ssh").mkdir(mode=0o700)
        monkeypatch.setenv("HOME", str(tmp_path))
        return tmp_path

    def target(self, machine: RealVm, jump: RealVm, home: Path) -> SshTarget:
        """The machine over the jump host, with nothing pinned."""
        files = (home / ".ssh/known_hosts",)
        way = f"op@{jump.address}:2222"
        return target_of(machine, home, known_host="", jump=way, operator_known_hosts=files)

    def known(self, folder: Path, *lines: str) -> None:
        """What known_hosts has."""
        (folder / ".ssh/known_hosts").write_text("".join(f"{line}\n" for line in lines), encoding="ascii")

    def test_both_host_keys_are_checked_and_the_machine_sees_the_jump_host(
        self, machine: RealVm, jump: RealVm, tmp_path: Path
    ) -> None:
        self.known(tmp_path, f"[{jump.address}]:2222 {jump.host_key}", f"{machine.address} {machine.host_key}")
        assert observed(self.target(machine, jump, tmp_path)).values["network"]["ssh_port"] == "22"
        assert f"Accepted publickey for op from {jump.address}" in machine.journal("ssh")

    def test_the_alias_of_a_jump_host_in_ssh_config(self, machine: RealVm, jump: RealVm, tmp_path: Path) -> None:
        (tmp_path / ".ssh/config").write_text(
            f"Host bastion\n  HostName {jump.address}\n  Port 2222\n"
            f"Host inner\n  HostName {machine.address}\n  ProxyJump bastion\n"
            f"Host *\n  User op\n  IdentityFile {machine.key_file}\n  UserKnownHostsFile {tmp_path}/.ssh/known_hosts\n",
            encoding="utf-8",
        )
        self.known(tmp_path, f"[{jump.address}]:2222 {jump.host_key}", f"{machine.address} {machine.host_key}")
        plan = Machine.model_validate({"name": "vm1", "host": "inner"})
        before = machine.journal("ssh").count(f"op from {jump.address}")
        observed(target_for(plan, own_known_hosts=tmp_path / "own"))
        assert machine.journal("ssh").count(f"op from {jump.address}") == before + 1

    def test_each_failure_names_its_hop(self, machine: RealVm, jump: RealVm, tmp_path: Path) -> None:
        through = self.target(machine, jump, tmp_path)
        problem = problem_of(through)
        assert (problem.code, f"jump host op@{jump.address}:2222" in problem.cause) == ("MVM-404", True)
        assert "fingerprint" not in problem.evidence  # the plan's pin is the machine's, not the jump host's
        self.known(tmp_path, f"[{jump.address}]:2222 {jump.host_key}")
        problem = problem_of(through)
        assert (problem.code, "jump host" in problem.cause) == ("MVM-404", False)
        assert machine.address in problem.cause
        pinned = replace(through, known_host=fingerprint(machine.host_key))
        observed(pinned)
        problem = problem_of(replace(pinned, port=23))
        assert (problem.code, "jump host" in problem.cause, ":23" in problem.cause) == ("MVM-416", True, True)
        stranger = make_key(tmp_path / "stranger")
        problem = problem_of(replace(pinned, key=str(stranger)))
        assert (problem.code, "jump host" in problem.cause) == ("MVM-406", True)
        jump.run("echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/a.conf && systemctl restart ssh")
        problem = problem_of(pinned)
        assert (problem.code, "dministratively prohibited" in problem.cause) == ("MVM-416", True)
