"""The guide's own commands over SSH do their work in the VM, and touch nothing of the computer."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.lab.guest.vm import Vm
from tests.lab_guest.lab_vm import Lab, Login

FILES = {
    "root-cert.pem": "-----BEGIN CERTIFICATE-----\n",
    "istio-token": "a.b.c",
    "cluster.env": "ISTIO_SERVICE='hello-vm.vm-namespace'\n",
    "mesh.yaml": "defaultConfig: {}\n",
    "hosts": "127.0.9.9 istiod.istio-system.svc\n",
}
COMMANDS = (
    "sudo mkdir -p /etc/certs",
    "sudo cp root-cert.pem /etc/certs/root-cert.pem",
    "sudo mkdir -p /var/run/secrets/tokens",
    "sudo cp istio-token /var/run/secrets/tokens/istio-token",
    "sudo dpkg -i istio-sidecar.deb",
    "sudo cp cluster.env /var/lib/istio/envoy/cluster.env",
    "sudo cp mesh.yaml /etc/istio/config/mesh",
    "sudo sh -c 'cat $(eval echo ~$SUDO_USER)/hosts >> /etc/hosts'",
    "sudo mkdir -p /etc/istio/proxy",
    "sudo chown -R istio-proxy /var/lib/istio /etc/certs /etc/istio/proxy /etc/istio/config /var/run/secrets "
    "/etc/certs/root-cert.pem",
)


def fingerprint(*folders: Path) -> dict[str, str]:
    """What lies in folders: every file's content, every entry's kind, owner and mode."""
    found: dict[str, str] = {}
    for folder in folders:
        for place, names, files in os.walk(folder):
            for name in (*names, *files):
                path = Path(place, name)
                status = path.lstat()
                text = f"{status.st_mode} {status.st_uid} {status.st_gid} "
                if path.is_symlink():
                    text += str(path.readlink())
                elif path.is_file() and os.access(path, os.R_OK):
                    text += hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path)] = text
    return found


@pytest.fixture(scope="module")
def onboarded(shared: Lab, package: bytes) -> Iterator[Vm]:
    """A VM after the guide, with the computer proven as it was."""
    places = (Path("/etc"), Path.home(), Path("/usr/local/bin"), Path("/lib/systemd"))
    before = fingerprint(*places)
    login = Login(shared.vms[0], shared.key)
    for name, text in FILES.items():
        login.ok(f"cat > ~/{name}", text.encode())
    login.ok("cat > ~/istio-sidecar.deb", package)
    for command in COMMANDS:
        login.ok(command)
    login.close()
    assert fingerprint(*places) == before
    yield shared.vms[0]


def test_the_computer_is_untouched_and_the_vm_has_the_files(onboarded: Vm, login: Login) -> None:
    assert login.ok("cat /etc/certs/root-cert.pem") == FILES["root-cert.pem"]
    assert login.ok("cat /etc/hosts").endswith(FILES["hosts"])
    assert login.ok("cat /var/lib/istio/config/mesh") == FILES["mesh.yaml"]
    assert onboarded.path("/run/secrets/tokens/istio-token").read_text() == "a.b.c"
    assert "istio-proxy" not in Path("/etc/passwd").read_text()


def test_owners_are_as_chown_said(onboarded: Vm, login: Login) -> None:
    shown = login.ok("stat -c '%n|%U|%a|%F' /etc/certs/root-cert.pem /etc/certs /etc/hosts /etc/istio")
    assert shown.splitlines() == [
        "/etc/certs/root-cert.pem|istio-proxy|644|regular file",
        "/etc/certs|istio-proxy|755|directory",
        "/etc/hosts|root|644|regular file",
        "/etc/istio|root|777|symbolic link",
    ]


def test_the_package_is_recorded_as_dpkg_does(onboarded: Vm, login: Login) -> None:
    form = "'${Status}|${Version}|${Architecture}'"
    assert login.ok(f"dpkg-query -W -f {form} istio-sidecar").startswith("install ok installed|1.30.3|")
    assert "/usr/local/bin/pilot-agent" in login.ok("dpkg -L istio-sidecar")
    assert "istio-proxy" in login.ok("id istio-proxy")
    assert login.ok("readlink /etc/istio") == "/var/lib/istio\n"
    assert login.ok("stat -c %a /usr/local/bin/pilot-agent") == "2755\n"


def test_without_sudo_nothing_of_the_system_can_be_changed(onboarded: Vm, login: Login) -> None:
    for command, words in (
        ("cp root-cert.pem /etc/certs/x", "Read-only"),
        ("dpkg -i istio-sidecar.deb", "requires superuser privilege"),
        ("systemctl start istio", "authentication required"),
        ("chown root /etc/hosts", "Operation not permitted"),
        ("useradd mallory", "Permission denied"),
    ):
        said = login.run(command)
        assert said.code != 0
        assert words in said.err


def test_names_come_from_the_vms_hosts_and_the_sidecars_dns(onboarded: Vm, login: Login) -> None:
    assert login.ok("getent hosts istiod.istio-system.svc").split()[0] == "127.0.9.9"
    assert login.run("getent hosts hello-world.default").code == 2
    assert login.run("curl -sS http://hello-world.default/").code == 6
    names = onboarded.path("/run/meshvm-agent/names.json")
    names.parent.mkdir(exist_ok=True)
    names.write_text('{"names": {"hello-world.default": "127.0.9.8"}}')
    assert login.ok("getent hosts hello-world.default").split()[0] == "127.0.9.8"
    names.unlink()


def test_a_conffile_that_was_edited_survives_a_second_install(onboarded: Vm, login: Login) -> None:
    login.ok("sudo sh -c 'echo EDITED=1 >> /var/lib/istio/envoy/sidecar.env'")
    login.ok("sudo dpkg --force-confdef --force-confold -i istio-sidecar.deb")
    assert "EDITED=1" in login.ok("cat /var/lib/istio/envoy/sidecar.env")


def test_a_folder_made_before_the_package_prevents_its_link(lab: Lab, package: bytes) -> None:
    login = Login(lab.vm(), lab.key)
    login.ok("cat > p.deb", package)
    login.ok("sudo mkdir -p /etc/istio/proxy && sudo dpkg -i p.deb")
    assert login.run("test -L /etc/istio").code == 1
    login.close()


def test_the_agent_reads_only_what_istio_proxy_may_read(lab: Lab, package: bytes) -> None:
    vm = lab.vm()
    login = Login(vm, lab.key)
    login.ok("cat > p.deb && sudo dpkg -i p.deb && sudo mkdir -p /var/run/secrets/tokens", package)
    login.ok("echo a.b.c | sudo sh -c 'umask 077; cat > /var/run/secrets/tokens/istio-token'")
    login.ok("sudo sh -c 'echo {} > /etc/istio/config/mesh; chmod 600 /etc/istio/config/mesh'")
    login.ok("sudo cp /etc/hostname /etc/certs/root-cert.pem")
    login.ok("sudo chown root /etc/istio/config/mesh && sudo systemctl start istio")
    deadline = time.monotonic() + 30
    while not (log := login.run("cat /var/log/istio/istio.log").out):
        assert time.monotonic() < deadline, login.run("cat /var/log/istio/*").out
    assert "open ./etc/istio/config/mesh: permission denied" in log
    login.ok("sudo chown istio-proxy /etc/istio/config/mesh && sudo systemctl restart istio")
    while "istio-token: permission denied" not in login.run("cat /var/log/istio/istio.log").out:
        assert time.monotonic() < deadline, login.run("cat /var/log/istio/*").out
    login.ok("sudo cp p.deb /etc/certs/key.pem && sudo systemctl stop istio")
    assert login.ok("stat -c %U /etc/certs/key.pem /var/run/secrets/tokens/istio-token") == "istio-proxy\nroot\n"
    login.close()
