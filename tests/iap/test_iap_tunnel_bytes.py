"""Bytes through the tunnel and the lab's relay: none lost, none twice, however often the relay goes away."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from meshvm_tui.adapters.iap_tunnel import open_tunnel
from tests.fakes.ssh_server import Behaviour, SshServer
from tests.iap.relays import AT_ONCE, DEADLINE, TARGET, LabRelay, echo_server, lab_relay, tunnel_threads, until


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabRelay]:
    """The lab's relay in front of a server that echoes."""
    with echo_server() as behind, lab_relay(tmp_path, behind) as relay:
        yield relay
        until(lambda: not tunnel_threads(), "the tunnel's threads have not ended")


def echoed(lab: LabRelay, data: bytes) -> bytes:
    """Sends all of it and reads as much."""
    back = hashlib.sha256()
    with open_tunnel(lab.endpoint, lab.token, TARGET, patience=AT_ONCE) as tunnel:
        tunnel.settimeout(DEADLINE)
        sending = threading.Thread(target=tunnel.sendall, args=(data,))
        sending.start()
        left = len(data)
        while left:
            piece = tunnel.recv(min(left, 1 << 17))
            assert piece, tunnel.problem
            back.update(piece)
            left -= len(piece)
        sending.join(DEADLINE)
    return back.digest()


def test_20_mb_go_both_ways_and_none_is_changed(lab: LabRelay) -> None:
    data = random.Random(1).randbytes(20 * 1024 * 1024)
    assert echoed(lab, data) == hashlib.sha256(data).digest()
    assert lab.calls("connect") == 1 and lab.calls("reconnect") == 0


@pytest.mark.parametrize("kilobytes", [1, 7, 33, 64])
def test_a_relay_that_is_cut_again_and_again_loses_nothing(lab: LabRelay, kilobytes: int) -> None:
    lab.faults.set("iap-cut", str(kilobytes))
    data = random.Random(kilobytes).randbytes(600_000)
    assert echoed(lab, data) == hashlib.sha256(data).digest()
    assert lab.calls("connect") == 1 and lab.calls("reconnect") >= 600 // (kilobytes + 16)


def test_ssh_works_through_it(tmp_path: Path) -> None:
    behaviour = Behaviour(answer=lambda command, stdin: (stdin[::-1], b"", 7))
    server = SshServer(behaviour)
    try:
        with lab_relay(tmp_path, ("127.0.0.1", server.port)) as lab:
            lab.faults.set("iap-cut", "16")
            tunnel = open_tunnel(lab.endpoint, lab.token, TARGET, patience=AT_ONCE)
            transport = paramiko.Transport(tunnel)
            try:
                transport.connect(server.host_key, "me", pkey=paramiko.ECDSAKey.generate())
                channel = transport.open_session(timeout=DEADLINE)
                channel.exec_command("reverse")
                text = random.Random(3).randbytes(100_000)
                channel.sendall(text)
                channel.shutdown_write()
                back = b""
                while piece := channel.recv(1 << 16):
                    back += piece
                assert back == text[::-1]
                assert channel.recv_exit_status() == 7
            finally:
                transport.close()
            assert lab.calls("reconnect") > 5
            until(lambda: not tunnel_threads(), "the tunnel's threads have not ended")
    finally:
        server.close()


def test_the_end_of_the_other_side_is_the_end_of_the_tunnel(tmp_path: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, lab_relay(tmp_path, listener.getsockname()) as lab:
        with open_tunnel(lab.endpoint, lab.token, TARGET) as tunnel:
            tunnel.settimeout(DEADLINE)
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"last words")
            assert tunnel.recv(100) == b"last words"
            assert tunnel.recv(100) == b""
        until(lambda: not tunnel_threads(), "the tunnel's threads have not ended")


def test_closing_the_socket_ends_threads_and_the_connection_behind(tmp_path: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, lab_relay(tmp_path, listener.getsockname()) as lab:
        tunnel = open_tunnel(lab.endpoint, lab.token, TARGET)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(DEADLINE)
            tunnel.sendall(b"hello")
            assert connection.recv(100) == b"hello"
            tunnel.close()
            assert connection.recv(100) == b""
        until(lambda: not tunnel_threads(), "the tunnel's threads have not ended")
        assert tunnel.problem is None
