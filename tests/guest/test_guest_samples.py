"""guest.sh http-server, probe and log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guest.stub_vm import StubVm, states

HTTP = {"HTTP_PORT": "8080", "HTTP_ADDRESS": "10.0.0.7"}
OURS = 'LISTEN 0 5 10.0.0.7:8080 0.0.0.0:* users:(("python3",pid=42,fd=3))\n'
OTHER = 'LISTEN 0 5 0.0.0.0:8080 0.0.0.0:* users:(("python3",pid=7,fd=3))\n'


@pytest.fixture
def vm(tmp_path: Path) -> StubVm:
    return StubVm(tmp_path)


def test_the_server_is_a_unit_and_a_second_run_changes_nothing(vm: StubVm) -> None:
    tool = vm.bin / "systemctl"
    tool.write_text(tool.read_text() + f"[ \"$verb\" != restart ] || printf '%s' '{OURS}' >$STUB/listeners\n")
    reports = vm.execute("http-server", **HTTP)
    assert states(reports)["http-server"] == "changed"
    unit = vm.read("etc/systemd/system/meshvm-http.service")
    assert "http.server 8080 --bind 10.0.0.7 --directory /var/lib/meshvm-http" in unit
    assert "DynamicUser=yes" in unit
    before, calls = vm.tree(), len(vm.changes())
    assert states(vm.execute("http-server", **HTTP))["http-server"] == "ok"
    assert (vm.tree(), len(vm.changes())) == (before, calls)


def test_an_old_server_on_the_port_is_no_answer(vm: StubVm) -> None:
    vm.say("listeners", OTHER)
    reports = vm.fail("http-server", **HTTP)
    found = next(line for line in reports if line["state"] == "failed")
    assert (found["cause"], found["holders"].strip()) == ("port-taken", "7")
    assert not any("start meshvm-http" in call for call in vm.changes())


def test_a_unit_whose_process_does_not_hold_the_port_fails(vm: StubVm) -> None:
    reports = vm.fail("http-server", **HTTP)
    assert next(line for line in reports if line["state"] == "failed")["cause"] == "listener"


def test_a_request_carries_its_id_and_curls_exit_code_is_told(vm: StubVm) -> None:
    (answer,) = [
        line
        for line in vm.execute("probe", URL="http://hello-world.default", ID="abc1")
        if line["step"] == "probe" and line["state"] == "ok"
    ]
    assert (answer["exit"], answer["http_code"], answer["remote_ip"]) == ("0", "200", "10.0.0.9")
    assert any(call.endswith("http://hello-world.default?id=abc1") for call in vm.calls)
    vm.say("curl-exit", "6")
    failed = vm.execute("probe", URL="http://a.b/?x=1", ID="abc2")[-2]
    assert (failed["exit"], failed["http_code"]) == ("6", "000")
    assert "Could not resolve host" in failed["words"]
    assert any(call.endswith("http://a.b/?x=1&id=abc2") for call in vm.calls)


def test_logs(vm: StubVm) -> None:
    vm.say("journal", '10.4.0.9 - - "GET /?id=abc1 HTTP/1.1" 200 -\n10.4.0.9 - - "GET /?id=zzz HTTP/1.1" 200 -\n')
    found = vm.execute("log", WHAT="http", ID="abc1")
    assert next(line for line in found if "text" in line)["text"].endswith('"GET /?id=abc1 HTTP/1.1" 200 -')
    vm.write("var/log/istio/istio.log", "one\ntwo\n")
    found = vm.execute("log", WHAT="agent")
    assert next(line for line in found if "text" in line)["text"] == "one\ntwo"


def test_an_unknown_mode_is_refused(vm: StubVm) -> None:
    assert (
        vm.fail(
            "format-disk",
        )[-1]["state"]
        == "failed"
    )
