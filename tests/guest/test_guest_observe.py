"""guest.sh observe: what it sees, and that it writes nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from meshvm_tui.adapters import guest_script
from tests.guest.stub_vm import StubVm, decoded

AWKWARD = 'tab\there "quoted" back\\slash bell\x07 ünïcode\nsecond line\r\n\nend'


@pytest.fixture(params=["sh", "dash", "bash"])
def vm(tmp_path: Path, request: pytest.FixtureRequest) -> StubVm:
    return StubVm(tmp_path, request.param)


def test_an_empty_vm_is_described_and_not_written_to(vm: StubVm) -> None:
    before = vm.tree()
    seen = vm.observe()
    assert vm.tree() == before
    assert vm.changes() == []
    assert seen["os"]["id"] == "debian"
    assert seen["os"]["name"] == 'Debian "12"'
    assert seen["os"]["systemd"] == "yes"
    assert seen["network"]["ssh_port"] == "2222"
    assert seen["package"]["dpkg"] == ""
    assert seen["token"]["claims"] == ""
    assert "end" in seen


def test_contents_arrive_byte_for_byte_and_text_is_escaped(vm: StubVm) -> None:
    vm.write("var/lib/istio/envoy/cluster.env", "A='1'\nB='no newline at the end'")
    vm.write("var/log/istio/istio.log", AWKWARD)
    seen = vm.observe()
    assert decoded(seen["files"]["cluster.env"]) == "A='1'\nB='no newline at the end'"
    assert seen["log"]["agent"] == AWKWARD


def test_long_text_is_whole(vm: StubVm) -> None:
    text = "\n".join(f"{n}\t" + "x" * 700 for n in range(80))
    vm.write("var/log/istio/istio.log", text)
    vm.write("etc/certs/cert-chain.pem", "y" * 60_000)
    seen = vm.observe()
    assert seen["log"]["agent"] == text
    assert decoded(seen["files"]["cert-chain.pem"]) == "y" * 60_000


def test_of_the_token_only_the_claims_leave_the_vm(vm: StubVm) -> None:
    vm.write("var/run/secrets/tokens/istio-token", "header.claims.signature")
    done = subprocess.run(
        [vm.shell, "-s"], input=guest_script.observation({}), capture_output=True, env=vm.environment(), check=True
    )
    assert b'"claims":"claims"' in done.stdout
    assert b"signature" not in done.stdout and b"header" not in done.stdout


def test_hosts_are_told_apart(vm: StubVm) -> None:
    vm.write(
        "etc/hosts",
        "127.0.0.1 localhost\n1.1.1.1 istiod.istio-system.svc # by hand\n# 2.2.2.2 istiod.istio-system.svc\n"
        "# BEGIN meshvm-tui\n3.3.3.3 istiod.istio-system.svc\n# END meshvm-tui\n4.4.4.4 other\n",
    )
    seen = vm.observe()["hosts"]
    assert decoded(seen["block"]) == "3.3.3.3 istiod.istio-system.svc\n"
    assert seen["others"] == "1.1.1.1 istiod.istio-system.svc # by hand"
    assert seen["blocks"] == "1"


def test_only_the_listeners_that_matter_are_told(vm: StubVm) -> None:
    vm.say(
        "listeners",
        'LISTEN 0 5 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n'
        'LISTEN 0 5 127.0.0.1:15000 0.0.0.0:* users:(("envoy",pid=7,fd=3))\n'
        'LISTEN 0 5 [::]:8080 [::]:* users:(("python3",pid=9,fd=3))\n',
    )
    seen = vm.observe(HTTP_PORT="8080")["network"]["listeners"].splitlines()
    assert [line.split()[0] for line in seen] == ["127.0.0.1:15000", "[::]:8080"]


def test_what_preflight_wants_to_know_is_told(vm: StubVm) -> None:
    vm.say("listeners", 'LISTEN 0 5 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=4,fd=3))\n')
    vm.say("rules", "*nat\n:OUTPUT ACCEPT [0:0]\n:ISTIO_OUTPUT - [0:0]\n:ISTIO_INBOUND - [0:0]\nCOMMIT\n")
    vm.write("etc/resolv.conf", "# nameserver 9.9.9.9\nnameserver 127.0.0.53\noptions edns0\n")
    vm.write("sys/fs/selinux/enforce", "1")
    seen = vm.observe()
    assert seen["network"]["listeners"].split()[0] == "127.0.0.53%lo:53"
    assert seen["network"]["nameservers"] == "127.0.0.53"
    assert seen["network"]["interfaces"].splitlines() == ["lo 127.0.0.1", "eth0 10.0.0.7", "docker0 172.17.0.1"]
    assert seen["network"]["chains"].splitlines() == ["ISTIO_INBOUND", "ISTIO_OUTPUT", "inet istio-proxy-nat"]
    assert seen["os"]["libc"] == "glibc 2.36"
    assert seen["os"]["selinux"] == "1"
    assert seen["disk"]["read_only"] == ""


def test_the_gateway_is_tried_with_the_root_that_was_given(vm: StubVm) -> None:
    vm.say("gateway-exit", "60")
    vm.say("gateway-words", "curl: (60) self-signed certificate")
    seen = vm.observe(GATEWAY_IP="10.0.0.1", ROOT_PEM="-----BEGIN CERTIFICATE-----")["gateway"]
    assert (seen["exit"], seen["trust"]) == ("60", "checked")
    assert "self-signed" in seen["words"]
    assert any("--resolve istiod.istio-system.svc:15012:10.0.0.1" in call for call in vm.calls)
    assert vm.observe(GATEWAY_IP="10.0.0.1")["gateway"]["trust"] == "unchecked"


def test_values_are_never_executed(vm: StubVm, tmp_path: Path) -> None:
    trap = tmp_path / "executed"
    vm.observe(GATEWAY_IP=f"$(touch {trap})", ROOT_PEM=f"'; touch {trap}; '`touch {trap}`")
    assert not trap.exists()


def test_the_observing_command_is_constant_and_runs_the_script(vm: StubVm) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", guest_script.OBSERVE_COMMAND],
        input=guest_script.observation({}),
        capture_output=True,
        env=vm.environment(),
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1] == {"topic": "end"}
    assert next(line for line in lines if line["topic"] == "network")["ssh_port"] == "2222"
