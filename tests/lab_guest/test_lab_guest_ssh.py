"""SSH to a lab VM: streams, codes, signals, who may come in, and the faults of the connection."""

from __future__ import annotations

import hashlib
import io
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meshvm_tui.lab.guest.vm import Vm
from tests.lab_guest.lab_vm import Lab, Login


def another_key() -> paramiko.PKey:
    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return paramiko.Ed25519Key.from_private_key(io.StringIO(text.decode()))


def until(wanted: bool, found: object, seconds: float = 30.0) -> None:
    """Waits until `found()` is as wanted."""
    deadline = time.monotonic() + seconds
    while bool(found()) is not wanted:  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


def test_standard_input_output_and_error_arrive_whole(login: Login) -> None:
    data = bytes(range(256)) * 8000
    said = login.run("cat; echo words >&2; exit 7", b"text\n")
    assert (said.code, said.out, said.err) == (7, "text\n", "words\n")
    assert login.ok("sha256sum | cut -c 1-64; true", data).strip() == hashlib.sha256(data).hexdigest()


def test_a_command_that_dies_by_a_signal_has_no_exit_code(login: Login) -> None:
    assert login.run("kill -TERM $$").code == -1


def test_several_commands_run_side_by_side(login: Login) -> None:
    stdin, waiting, _ = login.client.exec_command("read line; echo got $line", timeout=10)
    assert login.ok("echo meanwhile") == "meanwhile\n"
    stdin.write("it\n")
    assert waiting.read() == b"got it\n"


def test_the_environment_is_a_logins(login: Login, vm: Vm) -> None:
    shown = dict(line.split("=", 1) for line in login.ok("env").splitlines() if "=" in line)
    assert shown["HOME"] == "/home/operator"
    assert shown["SSH_CONNECTION"].split()[2:] == [vm.address, str(vm.ssh_port)]
    assert login.ok("id -un; sudo id -un; sudo sh -c 'echo $SUDO_USER'") == "operator\nroot\noperator\n"
    assert login.ok("pwd") == "/home/operator\n"


def test_only_the_labs_key_opens_it_and_only_for_commands(shared: Lab, vm: Vm, login: Login) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        Login(vm, another_key())
    transport = login.client.get_transport()
    assert transport is not None
    with pytest.raises(paramiko.ChannelException):
        transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 0), timeout=5)


def test_the_hook_lets_other_keys_in(lab: Lab) -> None:
    key = another_key()
    asked: list[tuple[str, str]] = []

    def authorized(name: str, text: str) -> bool:
        asked.append((name, text))
        return name == "ada"

    vm = Vm("vm-1", f"{lab.block}.99", 0, lab.folder / "hooked", lab.faults, lab.clock, authorized=authorized)
    vm.start()
    lab.vms.append(vm)
    login = Login(vm, key, "ada")
    assert login.ok("id -un; pwd") == "ada\n/home/ada\n"
    login.close()
    with pytest.raises(paramiko.AuthenticationException):
        Login(vm, key, "eve")
    assert {name for name, _ in asked} == {"ada", "eve"}


def test_the_host_key_stays_the_same(lab: Lab) -> None:
    vm = lab.vm()
    first = vm.host_key_fingerprint
    again = Vm("vm-1", vm.address, 0, vm.folder, lab.faults, lab.clock)
    assert again.host_key_fingerprint == first
    assert first.startswith("SHA256:")


def test_refused_and_silent_connections(lab: Lab) -> None:
    vm = lab.vm()
    lab.faults.on["ssh-refused"] = "vm-1"

    def refused() -> bool:
        try:
            socket.create_connection((vm.address, vm.ssh_port), timeout=1).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            return False  # it was accepted by the kernel just before the port was closed
        return False

    until(True, refused)
    lab.faults.on = {"ssh-silent": ""}
    until(False, refused)
    with socket.create_connection((vm.address, vm.ssh_port), timeout=1) as connection:
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    lab.faults.on = {}
    login = Login(vm, lab.key)
    assert login.ok("true") == ""
    login.close()


def test_the_cut_comes_while_files_are_applied_and_only_on_the_vm_that_is_named(lab: Lab) -> None:
    first, second = lab.vm("vm-1"), lab.vm("vm-2")
    lab.faults.on["ssh-cut"] = "vm-2"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    command = "d=$(mktemp -d) && tar -xf - -C $d && for i in 1 2 3 4; do echo $i; sleep 0.05; done"
    whole = Login(first, lab.key)
    assert whole.ok(command, out.getvalue()) == "1\n2\n3\n4\n"
    whole.close()
    cut = Login(second, lab.key)
    assert cut.ok("echo other commands are left alone") != ""
    said = cut.run(command, out.getvalue())
    assert said.code == -1
    assert "4" not in said.out
    transport = cut.client.get_transport()
    until(False, lambda: transport is not None and transport.is_active())
    cut.close()


def test_sudo_asks_for_its_password(lab: Lab) -> None:
    login = Login(lab.vm(), lab.key)
    lab.faults.on["sudo-password"] = ""
    said = login.run("sudo -n true")
    assert (said.code, said.err) == (1, "sudo: a password is required\n")
    assert "Sorry, try again." in login.run("sudo -S -p '' true", b"wrong\n").err
    assert login.ok("sudo -S -p '' cat", b"lab\nthe rest of the input") == "the rest of the input"
    login.close()


def test_files_are_copied_by_sftp_as_scp_does(login: Login, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(bytes(range(256)) * 1000)
    local.chmod(0o640)
    sftp = login.client.open_sftp()
    sftp.put(str(local), "copied")
    sftp.chmod("copied", 0o640)
    assert login.ok("stat -c '%s %a' ~/copied") == "256000 640\n"
    sftp.get("copied", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == local.read_bytes()
    sftp.mkdir("folder")
    sftp.rename("copied", "folder/moved")
    assert sftp.listdir("folder") == [".", "..", "moved"] or sftp.listdir("folder") == ["moved"]
    assert sftp.normalize(".") == "/home/operator"
    sftp.remove("folder/moved")
    sftp.rmdir("folder")
    with pytest.raises(FileNotFoundError):
        sftp.stat("folder")
    with pytest.raises(OSError, match="Read-only"):
        sftp.open("/etc/hosts", "w")
    sftp.close()


@pytest.mark.skipif(shutil.which("scp") is None, reason="needs OpenSSH's scp")
def test_openssh_itself_gets_in_and_copies(shared: Lab, vm: Vm, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"[{vm.address}]:{vm.ssh_port} {vm.ssh.public_key}\n")
    key = shared.folder / "id_ed25519"
    key.chmod(0o600)
    options = ["-F", "none", "-i", str(key), "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes"]
    (tmp_path / "mesh.yaml").write_text("from scp\n")
    target = f"operator@{vm.address}"
    port = str(vm.ssh_port)
    subprocess.run(["scp", *options, "-P", port, str(tmp_path / "mesh.yaml"), f"{target}:"], check=True, timeout=20)
    shown = subprocess.run(
        ["ssh", *options, "-p", port, target, "cat mesh.yaml; exit 5"], capture_output=True, timeout=20, check=False
    )
    assert (shown.returncode, shown.stdout) == (5, b"from scp\n")
