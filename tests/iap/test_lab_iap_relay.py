"""The lab's relay lets in whom Identity-Aware Proxy would, and closes with its codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import websocket

from meshvm_tui.adapters.iap_tunnel import IapTarget, open_tunnel
from meshvm_tui.problems import Problem
from tests.iap.relays import DEADLINE, SUBPROTOCOL, TARGET, LabRelay, echo_server, lab_relay, tunnel_threads, until

IAP_ONLY = {"name": "ssh-by-iap", "sourceRanges": ["35.235.240.0/20"], "allowed": [{"IPProtocol": "tcp"}]}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabRelay]:
    """The lab's relay in front of a server that echoes."""
    with echo_server() as behind, lab_relay(tmp_path, behind) as relay:
        yield relay


def refusal(lab: LabRelay, target: IapTarget = TARGET, token: str = "") -> str:
    """What a tunnel is refused with: the code of ours and IAP's words."""
    with pytest.raises(Problem) as raised:
        open_tunnel(lab.endpoint, lambda: token or lab.token(), target)
    return f"{raised.value.code} {raised.value}"


def lets_in(lab: LabRelay) -> None:
    """A tunnel stands."""
    with open_tunnel(lab.endpoint, lab.token, TARGET) as tunnel:
        tunnel.settimeout(DEADLINE)
        tunnel.sendall(b"ping")
        assert tunnel.recv(4) == b"ping"
    until(lambda: not tunnel_threads(), "the tunnel's threads have not ended")


def raw(lab: LabRelay, path: str) -> websocket.WebSocket:
    """A websocket that says what the test wants."""
    header = [f"Authorization: Bearer {lab.token()}"]
    url = f"{lab.endpoint}/{path}"
    made: websocket.WebSocket = websocket.create_connection(
        url, timeout=DEADLINE, header=header, origin="bot:iap-tunneler", subprotocols=[SUBPROTOCOL]
    )
    return made


def closed_with(connection: websocket.WebSocket) -> int:
    """The code that the relay closes with."""
    kind, data = connection.recv_data()
    while kind != websocket.ABNF.OPCODE_CLOSE:
        kind, data = connection.recv_data()
    connection.shutdown()  # type: ignore[no-untyped-call]
    return int.from_bytes(data[:2], "big")


def test_a_token_that_is_not_the_labs_is_refused(lab: LabRelay) -> None:
    assert "401" in refusal(lab, token="ya29.of-somebody-else")
    lab.faults.set("google-login-expired")
    assert "401" in refusal(lab)


def test_the_firewall_has_to_let_iap_in(lab: LabRelay) -> None:
    lets_in(lab)
    rule: dict[str, Any] = lab.cloud.firewalls.pop("default-allow-ssh")
    assert refusal(lab).startswith("MVM-826") and "4003" in refusal(lab)
    lab.cloud.firewalls["ssh-by-iap"] = {**rule, **IAP_ONLY}
    lets_in(lab)
    denied = {key: value for key, value in rule.items() if key != "allowed"}
    lab.cloud.firewalls["no"] = {**denied, "name": "no", "priority": 10, "denied": [{"IPProtocol": "all"}]}
    assert "4003" in refusal(lab)


def test_other_ports_need_their_own_rule(lab: LabRelay) -> None:
    assert lab.behind is not None
    port = lab.behind[1]
    assert "4003" in refusal(lab, replace(TARGET, port=port))
    rule = lab.cloud.firewalls["default-allow-ssh"]
    lab.cloud.firewalls["echo"] = {**rule, **IAP_ONLY, "allowed": [{"IPProtocol": "tcp", "ports": [str(port)]}]}
    open_tunnel(lab.endpoint, lab.token, replace(TARGET, port=port)).close()
    until(lambda: not tunnel_threads(), "the tunnel's threads have not ended")


@pytest.mark.parametrize(
    "target", [replace(TARGET, instance="other"), replace(TARGET, zone="us-central1-b"), replace(TARGET, project="p")]
)
def test_what_does_not_exist_is_not_found(lab: LabRelay, target: IapTarget) -> None:
    assert "4047" in refusal(lab, target)


def test_an_instance_that_does_not_run_or_listen_is_not_reached(lab: LabRelay) -> None:
    lab.behind = None
    assert refusal(lab).startswith("MVM-826")
    lab.behind = ("127.0.0.1", 9)
    assert refusal(lab).startswith("MVM-826")


@pytest.mark.parametrize(
    ("fault", "value", "code"),
    [
        ("iap-4003", "", "MVM-826"),
        ("iap-4033", "", "MVM-827"),
        ("google-permission", "iap.tunnelInstances.accessViaIAP", "MVM-827"),
    ],
)
def test_its_faults(lab: LabRelay, fault: str, value: str, code: str) -> None:
    lab.faults.set(fault, value)
    assert refusal(lab).startswith(code)
    lab.faults.clear()
    lets_in(lab)


def test_a_session_that_is_not_known_and_frames_that_are_none(lab: LabRelay) -> None:
    assert closed_with(raw(lab, "reconnect?sid=made-up&ack=0&newWebsocket=True&zone=us-central1-a")) == 4001
    where = "connect?project=lab-project-1&port=2222&newWebsocket=True&zone=us-central1-a&instance=vm-1&interface=nic0"
    for frame, code in ((b"\x00\x63", 4008), (b"\x00\x04\x00\x00\x00\x09abc", 4013), (b"\x00\x07" + b"\xff" * 8, 4006)):
        connection = raw(lab, where)
        connection.send_binary(frame)
        assert closed_with(connection) == code


def test_each_call_is_logged_without_token_or_session(lab: LabRelay) -> None:
    lab.faults.set("iap-cut", "1")
    lets_in(lab)
    refusal(lab, token="ya29.of-somebody-else")
    text = lab.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["api"] for line in lines} == {"iap"}
    assert [line["status"] for line in lines] == [101, 401]
    assert "ya29" not in text and "sid" not in text and "Bearer" not in text
