"""The proxy that stands for a distant link: what passes, how late, and what it counts."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks.slow_link import slow_link

RTT = 0.05


class _Echo(socketserver.BaseRequestHandler):
    """Says everything back; a last word once it was told that nothing more comes."""

    def handle(self) -> None:
        while data := self.request.recv(4096):
            self.request.sendall(data)
        self.request.sendall(b"end")


@pytest.fixture
def echo() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def exactly(client: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size and (piece := client.recv(size - len(got))):
        got += piece
    return got


def test_each_answer_takes_a_round_trip_and_is_a_turn(echo: str) -> None:
    """One round trip for the connection and one for each answer; what is said in one go is one turn."""
    with slow_link(RTT, [echo]) as link:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", link.ports[0]), timeout=10) as client:
            for words in (b"first", b"second"):
                client.sendall(words)
                assert exactly(client, len(words)) == words
            assert time.monotonic() - began >= 3 * RTT * 0.99
            client.shutdown(socket.SHUT_WR)
            assert exactly(client, 10) == b"end"
        (count,) = link.counts()[0]
    assert (count.turns, count.sent, count.received) == (2, 11, 14)


def test_connections_are_counted_for_each_target(echo: str) -> None:
    """Two of them by the second port, none by the first."""
    with slow_link(0, [echo, echo]) as link:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", link.ports[1]), timeout=10) as client:
                client.sendall(b"x")
                assert exactly(client, 1) == b"x"
        assert [len(found) for found in link.counts()] == [0, 2]


def test_a_target_that_is_not_there_ends_the_connection() -> None:
    """As a refusal would, only later."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = taken.getsockname()[1]
    with (
        slow_link(RTT, [f"127.0.0.1:{gone}"]) as link,
        socket.create_connection(("127.0.0.1", link.ports[0]), timeout=10) as client,
    ):
        assert client.recv(1) == b""
