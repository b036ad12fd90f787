"""The product's own script runs on a lab VM: in a namespace of its own, and by the closed list where there is none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.adapters import guest_script
from meshvm_tui.lab.guest.closed_list import REFUSAL
from meshvm_tui.lab.guest.vm import Vm
from tests.lab_guest.lab_vm import Lab, Login

FILES = {
    "cluster.env": b"ISTIO_SERVICE='hello-vm.vm-namespace'\n",
    "mesh.yaml": b"defaultConfig: {}\n",
    "root-cert.pem": b"-----BEGIN CERTIFICATE-----\n",
    "hosts": b"127.0.9.9 istiod.istio-system.svc\n",
    "istio-token": b"a.b.c",
}


@pytest.fixture(params=["namespaces", "closed list"])
def guest(request: pytest.FixtureRequest, lab: Lab) -> Iterator[tuple[Vm, Login]]:
    vm = lab.vm(namespaces=request.param == "namespaces")
    assert bool(vm.forbidden) is (request.param != "namespaces")
    login = Login(vm, lab.key)
    yield vm, login
    login.close()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def execute(login: Login, mode: str, values: dict[str, str], contents: dict[str, bytes]) -> list[dict[str, Any]]:
    sent = b"".join(guest_script.archive(mode, values, contents, {}))
    return lines(login.run(guest_script.EXECUTE_COMMAND, sent).out)


def test_an_observation_writes_nothing(guest: tuple[Vm, Login]) -> None:
    vm, login = guest
    before = {path: path.lstat().st_mtime_ns for path in vm.path("/").rglob("*")}
    said = lines(login.run(guest_script.OBSERVE_COMMAND, guest_script.observation({})).out)
    topics = {line["topic"]: line for line in said}
    assert topics["who"]["user"] == "operator"
    assert topics["os"]["id"] == "debian"
    assert vm.address in topics["network"]["addresses"]
    assert topics["package"]["dpkg"] == ""
    assert {path: path.lstat().st_mtime_ns for path in vm.path("/").rglob("*")} == before


def test_files_and_package_get_into_their_places(guest: tuple[Vm, Login], package: bytes) -> None:
    vm, login = guest
    values = {"VERSION": "1.30.3", "READY_WAIT": "0", "DPKG_TRIES": "1"}
    said = execute(login, "apply", values, {**FILES, "istio-sidecar.deb": package})
    states = {line["step"]: line["state"] for line in said if line["state"] in ("ok", "changed", "failed")}
    assert states["sidecar-package"] == "changed", said
    assert states["guest-files"] == "changed", said
    # Without a mesh behind it the agent cannot become ready, and the script says so.
    assert states["sidecar-running"] == "failed"
    for name, place in (
        ("cluster.env", "/var/lib/istio/envoy/cluster.env"),
        ("mesh.yaml", "/var/lib/istio/config/mesh"),
        ("root-cert.pem", "/etc/certs/root-cert.pem"),
        ("istio-token", "/run/secrets/tokens/istio-token"),
    ):
        assert vm.path(place).read_bytes() == FILES[name]
    assert vm.path("/etc/hosts").read_text().count("istiod.istio-system.svc") == 1
    observed = lines(login.run(guest_script.OBSERVE_COMMAND, guest_script.observation({})).out)
    places = next(line for line in observed if line["topic"] == "places")["stat"]
    assert "istio-token|istio-proxy|600|regular file" in places
    again = execute(login, "apply", values, {**FILES, "istio-sidecar.deb": package})
    assert {line["step"]: line["state"] for line in again}["guest-files"] == "ok"


def test_the_sample_server_answers_and_logs(guest: tuple[Vm, Login], lab: Lab) -> None:
    vm, login = guest
    values = {"HTTP_ADDRESS": vm.address, "HTTP_PORT": "18081", "POLL": "0.05"}
    said = execute(login, "http-server", values, {})
    assert {line["step"]: line["state"] for line in said}["http-server"] == "changed", said
    probe = execute(login, "probe", {"URL": f"http://{vm.address}:18081/", "ID": "abc123"}, {})
    assert next(line for line in probe if line.get("exit"))["http_code"] == "200"
    log = execute(login, "log", {"WHAT": "http", "ID": "abc123"}, {})
    assert any("id=abc123" in line.get("text", "") for line in log), log


def test_what_the_closed_list_refuses(lab: Lab, tmp_path: Path) -> None:
    login = Login(lab.vm(namespaces=False), lab.key)
    target = tmp_path / "written"
    for command in (
        f"touch {target}",
        f"sh -c 'touch {target}'",
        f"hostname; touch {target}",
        f"hostname $(touch {target})",
        f"curl -o {target} http://127.0.0.1/",
        "sudo sh -c 'cat hosts >> /etc/hosts'",
        "sudo cp a /etc/b",
    ):
        said = login.run(command)
        assert (said.code, REFUSAL[:40] in said.err) == (126, True), command
    changed = guest_script.observation({}).replace(b"observe_system\n", f"touch '{target}'\n".encode(), 1)
    assert "is not the one" in login.run(guest_script.OBSERVE_COMMAND, changed).err
    valued = f"MV_MODE=observe; touch '{target}'\n".encode() + guest_script.script().encode()
    assert "more than quoted values" in login.run(guest_script.OBSERVE_COMMAND, valued).err
    assert not target.exists()
    assert login.ok("hostname") == "vm-1\n"
    assert login.run("systemctl is-active istio").out == "inactive\n"
    login.close()


def test_a_setting_that_would_run_something_keeps_the_unit_down(lab: Lab, package: bytes, tmp_path: Path) -> None:
    vm = lab.vm(namespaces=False)
    login = Login(vm, lab.key)
    target = tmp_path / "written"
    evil = {**FILES, "cluster.env": f"A=$(touch '{target}')\n".encode(), "istio-sidecar.deb": package}
    execute(login, "apply", {"READY_WAIT": "0"}, evil)
    login.run("sudo systemctl restart istio")
    assert "holds more than quoted values" in login.ok("journalctl -u istio -o cat")
    assert not target.exists()
    login.close()


@pytest.mark.skipif(os.environ.get("MESHVM_LAB_NAMESPACES") == "off", reason="namespaces are switched off")
def test_the_switch_forces_the_closed_list(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHVM_LAB_NAMESPACES", "off")
    login = Login(lab.vm(), lab.key)
    assert login.run("cat /etc/hostname").code == 126
    login.close()
