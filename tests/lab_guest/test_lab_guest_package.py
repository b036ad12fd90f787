"""The lab's .deb is a true one, always the same, and is given out over HTTP."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from meshvm_tui.lab.guest.package import PackageServer, build
from tests.lab_guest.lab_vm import Lab, Login, Switches


def test_the_same_bytes_at_every_build() -> None:
    assert build("1.30.3") == build("1.30.3")
    assert build("1.30.3") != build("1.30.2")


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs Debian's dpkg-deb")
def test_debians_own_tool_reads_it(tmp_path: Path, package: bytes) -> None:
    file = tmp_path / "p.deb"
    file.write_bytes(package)
    shown = subprocess.run(["dpkg-deb", "-f", str(file)], capture_output=True, text=True, check=True).stdout
    assert "Depends: iproute2, iptables, sudo, hostname" in shown
    listed = subprocess.run(["dpkg-deb", "-c", str(file)], capture_output=True, text=True, check=True).stdout
    assert "-rwxr-sr-x root/root" in listed
    assert "./lib/systemd/system/istio.service" in listed


def test_a_vm_downloads_and_installs_it(lab: Lab) -> None:
    server = PackageServer(f"{lab.block}.5", 0, "1.30.3", lab.faults)
    server.start()
    try:
        login = Login(lab.vm(), lab.key)
        login.ok(f"curl -fsSLO {server.url} && curl -fsSL -o sum {server.url}.sha256")
        assert login.ok("sha256sum istio-sidecar.deb").split()[0] == server.sha256 == login.ok("cat sum").split()[0]
        login.ok("sudo apt-get install -y ./istio-sidecar.deb")
        assert "ii  istio-sidecar" in login.ok("dpkg -l istio-sidecar")
        lab.faults.on["package-404"] = ""
        said = login.run(f"curl -fsSLO {server.url}")
        assert (said.code, "404" in said.err) == (22, True)
        login.close()
    finally:
        server.stop()


def test_the_server_knows_only_its_version() -> None:
    server = PackageServer("127.0.0.1", 0, "1.30.3", Switches())
    server.start()
    try:
        with urllib.request.urlopen(server.url, timeout=5) as answer:
            assert hashlib.sha256(answer.read()).hexdigest() == server.sha256
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(server.url.replace("1.30.3", "1.29.0"), timeout=5)
        caught.value.close()
    finally:
        server.stop()


def test_a_login_page_or_another_architecture_comes_instead() -> None:
    switches = Switches()
    server = PackageServer("127.0.0.1", 0, "1.30.3", switches)
    server.start()
    try:
        switches.on["package-html"] = "Log in, please"
        with urllib.request.urlopen(server.url, timeout=5) as answer:
            assert b"<title>Log in, please</title>" in answer.read()
        switches.on = {"package-architecture": "mips"}
        with urllib.request.urlopen(server.url, timeout=5) as answer:
            assert answer.read() == build("1.30.3", "mips")
    finally:
        server.stop()


def test_dpkg_fails_as_in_life(lab: Lab, package: bytes) -> None:
    vm = lab.vm()
    login = Login(vm, lab.key)
    login.ok("cat > good.deb", package)
    login.ok("cat > bad.deb", b"<html>not found</html>")
    login.ok("cat > cut.deb", package[:900])
    assert "not a Debian format archive" in login.run("sudo dpkg -i bad.deb").err
    assert login.run("sudo dpkg -i cut.deb").code == 1
    lab.faults.on = {"disk-full": ""}
    assert "No space left on device" in login.run("sudo dpkg -i good.deb").err
    lab.faults.on = {"dpkg-lock": "=600"}
    said = login.run("sudo dpkg -i good.deb")
    assert (said.code, "lock" in said.err) == (2, True)
    assert login.run("sudo apt-get -o DPkg::Lock::Timeout=0 install -y ./good.deb").code == 100
    lab.faults.on = {}
    login.ok("sudo dpkg -i good.deb && sudo dpkg -P istio-sidecar")
    assert login.run("dpkg -s istio-sidecar").code == 1
    assert login.run("ls /usr/local/bin").out == ""
    login.close()
