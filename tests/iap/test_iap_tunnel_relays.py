"""What the tunnel says to a relay, and what it makes of one that refuses, breaks off or is out of order."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from pathlib import Path

import pytest

from meshvm_tui.adapters.iap_frames import WINDOW
from meshvm_tui.adapters.iap_tunnel import IapTarget, Patience, TunnelSocket, open_tunnel
from meshvm_tui.lab.authority import Authority
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError
from tests.iap.relays import AT_ONCE, DEADLINE, SUBPROTOCOL, Relayed, scripted_relay, tunnel_threads, until

SECRET = "ya29.secret"
TARGET = IapTarget("my-project", "europe-west1-b", "my-vm", port=2222)
CHUNK = 16384


def opened(endpoint: str, patience: Patience = AT_ONCE) -> TunnelSocket:
    """A tunnel whose tokens are numbered."""
    numbers = itertools.count(1)
    tunnel = open_tunnel(endpoint, lambda: f"{SECRET}-{next(numbers)}", TARGET, patience=patience)
    tunnel.settimeout(DEADLINE)
    return tunnel


def ended(tunnel: TunnelSocket) -> Problem | None:
    """Waits until the tunnel has ended; why it did."""
    until(lambda: not tunnel_threads(), "the tunnel's threads have not ended")
    return tunnel.problem


async def stays(relayed: Relayed) -> None:
    """Connects, and stays until the client goes."""
    await relayed.connected()
    await relayed.gone()


def closes(code: int, words: str) -> object:
    """Closes before anything else."""

    async def script(relayed: Relayed) -> None:
        await relayed.websocket.close(code=code, message=words.encode())

    return script


def test_the_first_request_is_gclouds(recwarn: pytest.WarningsRecorder) -> None:
    with scripted_relay(stays) as relay:
        opened(relay.endpoint).close()
        until(lambda: not tunnel_threads(), "the tunnel's threads have not ended")
        [first] = relay.seen
        assert first.path == "/v4/connect"
        assert first.query == {
            "project": "my-project",
            "port": "2222",
            "newWebsocket": "True",
            "zone": "europe-west1-b",
            "instance": "my-vm",
            "interface": "nic0",
        }
        assert first.headers["Authorization"] == f"Bearer {SECRET}-1"
        assert first.headers["Origin"] == "bot:iap-tunneler"
        assert first.headers["Sec-WebSocket-Protocol"] == SUBPROTOCOL
        assert first.headers["User-Agent"].startswith("meshvm-tui/")
    assert not recwarn.list


def test_closing_says_goodbye() -> None:
    codes = []

    async def script(relayed: Relayed) -> None:
        await relayed.connected()
        codes.append(await relayed.gone())

    with scripted_relay(script) as relay:
        opened(relay.endpoint).close()
        until(lambda: codes == [1000], "the relay was not told")


@pytest.mark.parametrize(
    ("script", "kind", "code", "words"),
    [
        (closes(4003, "failed to connect to backend"), TransientError, "MVM-826", "4003 failed to connect to backend"),
        (closes(4033, "not authorized"), PermanentError, "MVM-827", "4033 not authorized"),
        (403, PermanentError, "MVM-827", "IAP answered 403"),
        (401, PermanentError, "MVM-827", "IAP answered 401"),
        (404, PermanentError, "MVM-828", "IAP answered 404"),
        (429, TransientError, "MVM-828", "IAP answered 429"),
        (503, TransientError, "MVM-828", "IAP answered 503"),
        (closes(4047, "failed to lookup"), PermanentError, "MVM-828", "4047 failed to lookup"),
    ],
)
def test_a_refusal_is_told_apart(script: object, kind: type[Problem], code: str, words: str) -> None:
    with scripted_relay(script) as relay:  # type: ignore[arg-type]
        with pytest.raises(kind) as raised:
            opened(relay.endpoint)
        assert raised.value.code == code
        assert words in str(raised.value) and "my-vm:2222" in str(raised.value)
        assert SECRET not in str(raised.value)
        assert tunnel_threads() == []


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(TransientError, match="refused"):
        opened(f"ws://127.0.0.1:{port}/v4")


def test_data_before_the_connection_is_an_error() -> None:
    async def script(relayed: Relayed) -> None:
        await relayed.data(b"too early")
        await relayed.gone()

    with scripted_relay(script) as relay, pytest.raises(PermanentError, match="tag 4"):
        opened(relay.endpoint)


def test_what_is_received_is_acknowledged_beyond_32_kb() -> None:
    heard: list[object] = []

    async def script(relayed: Relayed) -> None:
        await relayed.connected()
        for _ in range(5):
            await relayed.data(b"x" * CHUNK)
        heard.append(await relayed.receive())
        await relayed.data(b"y" * CHUNK)
        heard.append(await relayed.receive())
        await relayed.gone()

    with scripted_relay(script) as relay:
        tunnel = opened(relay.endpoint)
        got = 0
        while got < 6 * CHUNK:
            got += len(tunnel.recv(1 << 16))
        until(lambda: len(heard) == 2, "no ACK came")
        tunnel.close()
        assert heard == [(7, 3 * CHUNK), (7, 6 * CHUNK)]
        assert ended(tunnel) is None


def test_a_lost_relay_is_come_back_to_with_a_new_token_and_what_it_lacks() -> None:
    heard: list[object] = []

    async def first(relayed: Relayed) -> None:
        await relayed.connected("sid-of-this")
        await relayed.data(b"hello")
        heard.append(await relayed.receive())
        heard.append(await relayed.receive())
        await relayed.ack(4)
        relayed.cut()

    async def second(relayed: Relayed) -> None:
        await relayed.reconnected(6)
        heard.append(await relayed.receive())
        await relayed.data(b" again")
        await relayed.gone()

    with scripted_relay(first, second) as relay:
        tunnel = opened(relay.endpoint)
        assert tunnel.recv(5) == b"hello"
        tunnel.sendall(b"abcd")
        until(lambda: len(heard) == 1, "the first words did not come")
        tunnel.sendall(b"efgh")
        assert tunnel.recv(6) == b" again"
        tunnel.close()
        assert heard == [(4, b"abcd"), (4, b"efgh"), (4, b"gh")]
        again = relay.seen[1]
        assert again.path == "/v4/reconnect"
        assert again.query == {"sid": "sid-of-this", "ack": "5", "newWebsocket": "True", "zone": "europe-west1-b"}
        assert [one.headers["Authorization"] for one in relay.seen] == [f"Bearer {SECRET}-1", f"Bearer {SECRET}-2"]
        assert ended(tunnel) is None


def test_4004_is_come_back_to() -> None:
    async def first(relayed: Relayed) -> None:
        await relayed.connected()
        await relayed.websocket.close(code=4004, message=b"reauthentication required")

    async def second(relayed: Relayed) -> None:
        await relayed.reconnected(0)
        await relayed.data(b"back")
        await relayed.gone()

    with scripted_relay(first, second) as relay:
        tunnel = opened(relay.endpoint)
        assert tunnel.recv(4) == b"back"
        tunnel.close()
        assert relay.seen[1].headers["Authorization"] == f"Bearer {SECRET}-2"
        assert ended(tunnel) is None


@pytest.mark.parametrize(
    ("script", "code"), [(403, "MVM-827"), (closes(4033, "no"), "MVM-827"), (closes(4001, "unknown"), "MVM-828")]
)
def test_a_session_that_is_refused_later_ends_the_tunnel_and_says_why(script: object, code: str) -> None:
    async def first(relayed: Relayed) -> None:
        await relayed.connected()
        relayed.cut()

    with scripted_relay(first, script) as relay:  # type: ignore[arg-type]
        with opened(relay.endpoint) as tunnel:
            assert tunnel.recv(1) == b""
            problem = ended(tunnel)
        assert problem is not None and problem.code == code


def test_patience_ends() -> None:
    async def first(relayed: Relayed) -> None:
        await relayed.connected()
        relayed.cut()

    with scripted_relay(first, *[503] * 1000) as relay:
        with opened(relay.endpoint, Patience(0.01, 1.1, 0.05, 0.2)) as tunnel:
            assert tunnel.recv(1) == b""
            problem = ended(tunnel)
        assert isinstance(problem, TransientError) and problem.code == "MVM-828" and "503" in str(problem)
        assert len(relay.seen) > 2


def test_closing_while_the_relay_is_away_ends_at_once() -> None:
    async def first(relayed: Relayed) -> None:
        await relayed.connected()
        relayed.cut()

    with scripted_relay(first) as relay:
        tunnel = opened(relay.endpoint, Patience(first=1000))
        until(lambda: relay.seen[0].transport is not None, "nobody came")
        tunnel.close()
        assert ended(tunnel) is None


@pytest.mark.parametrize("count", [5, 1 << 40])
def test_an_ack_of_what_was_never_sent_ends_the_tunnel(count: int) -> None:
    async def script(relayed: Relayed) -> None:
        await relayed.connected()
        await relayed.receive()
        await relayed.ack(count)
        await relayed.gone()

    with scripted_relay(script) as relay, opened(relay.endpoint) as tunnel:
        tunnel.sendall(b"four")
        assert tunnel.recv(1) == b""
        problem = ended(tunnel)
        assert isinstance(problem, PermanentError) and str(count) in str(problem)


def test_a_relay_that_confirms_nothing_is_not_flooded() -> None:
    got = [0]
    full = asyncio.Event()

    async def script(relayed: Relayed) -> None:
        await relayed.connected()
        while got[0] < WINDOW:
            got[0] += len((await relayed.receive())[1])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(relayed.receive(), 0.2)
        full.set()
        relayed.cut()

    with scripted_relay(script, 403) as relay, opened(relay.endpoint) as tunnel:
        with pytest.raises(OSError):
            tunnel.sendall(b"x" * (WINDOW + 8 * 1024 * 1024))
        assert full.is_set() and WINDOW <= got[0] < WINDOW + CHUNK
        assert ended(tunnel) is not None


def test_frames_of_an_unknown_tag_are_passed_over() -> None:
    async def script(relayed: Relayed) -> None:
        await relayed.connected()
        await relayed.websocket.send_bytes(b"\x00\x63whatever")
        await relayed.data(b"known")
        await relayed.gone()

    with scripted_relay(script) as relay:
        tunnel = opened(relay.endpoint)
        assert tunnel.recv(5) == b"known"
        tunnel.close()
        assert ended(tunnel) is None


def test_over_tls_only_a_trusted_relay_gets_the_token(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    chain, key = authority.issue("relay", ips=["127.0.0.1"])
    files = [tmp_path / name for name in ("chain.pem", "key.pem", "ca.pem")]
    for file, text in zip(files, (chain, key, authority.root_pem), strict=True):
        file.write_text(text, encoding="ascii")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files[0], files[1])

    async def echoes(relayed: Relayed) -> None:
        await relayed.connected()
        await relayed.data((await relayed.receive())[1])
        await relayed.gone()

    with scripted_relay(echoes, tls=tls) as relay:
        with pytest.raises(ActionNeeded) as refused:
            open_tunnel(relay.endpoint, lambda: SECRET, TARGET)
        assert refused.value.code == "MVM-804" and "core/custom_ca_certs_file" in refused.value.next_action
        assert relay.seen == []
        tunnel = open_tunnel(relay.endpoint, lambda: SECRET, TARGET, authorities=str(files[2]))
        tunnel.settimeout(DEADLINE)
        tunnel.sendall(b"hello")
        assert tunnel.recv(5) == b"hello"
        tunnel.close()
        assert ended(tunnel) is None


def test_a_proxy_of_the_environment_does_not_stand_before_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with scripted_relay(stays) as relay:
        opened(relay.endpoint).close()
        until(lambda: not tunnel_threads(), "the tunnel's threads have not ended")
