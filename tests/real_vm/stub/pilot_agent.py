"""pilot-agent of the stub package: the lab's agent behind real iptables rules, and a DNS server of its own.

It runs on the machine's own Python. `istio-iptables` writes the chains that Istio's own command writes; `proxy`
takes what they redirect, finds where it was meant for (SO_ORIGINAL_DST) and sends it there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from meshvm_tui.lab.mesh.agent.__main__ import FATAL
from meshvm_tui.lab.mesh.agent.log import AgentLog
from meshvm_tui.lab.mesh.agent.outbound import INBOUND_PORT
from meshvm_tui.lab.mesh.agent.settings import BadSettings, Settings, VmClock, name_server, read_settings
from meshvm_tui.lab.mesh.agent.sidecar import OUTBOUND_PORT, Fatal, Sidecar
from meshvm_tui.lab.mesh.dataplane import NETWORK_VARIABLE, Stream, listen, relay
from tests.real_vm.stub import dns_server

HARM = Path("/usr/local/lib/istio-sidecar/harm")
ORIGINAL_DST = 80  # linux/netfilter_ipv4.h
DNS_PORT = 15053
CHAINS = ("ISTIO_INBOUND", "ISTIO_IN_REDIRECT", "ISTIO_OUTPUT", "ISTIO_REDIRECT", "ISTIO_OUTPUT_DNS")
Handler = Callable[[Stream], Awaitable[None]]


class StubSidecar(Sidecar):
    """The lab's agent, for whom the kernel redirects connections."""

    def __init__(self, settings: Settings, clock: VmClock, log: AgentLog) -> None:
        super().__init__(settings, clock, log)
        self._facts = settings

    async def run(self) -> None:
        """The agent with its name server."""
        upstream = name_server().rpartition(":")[0]
        server = None
        if self._facts.dns_capture:
            server = await dns_server.serve(("127.0.0.1", DNS_PORT), self._names, upstream)
        try:
            await super().run()
        finally:
            if server is not None:
                server.close()

    def _names(self) -> dict[str, str]:
        return self._view.names(self._facts.namespace)

    def _take(self, message: dict[str, Any]) -> None:
        self._view.services = message["push"]["services"]
        self._view.strict = message["push"]["strict"]

    def _listeners(self) -> dict[int, Handler]:
        found: dict[int, Handler] = super()._listeners()
        outbound, inbound = found[OUTBOUND_PORT], found[INBOUND_PORT]

        async def captured_out(stream: Stream) -> None:
            host, port = original(stream)
            if self._view.service(host, self._facts.namespace) is None:
                await passed_through(stream, host, port)
            else:
                await outbound(told(stream, f"CONNECT {host}:{port}\n".encode()))

        async def captured_in(stream: Stream) -> None:
            host, port = original(stream)
            if port == INBOUND_PORT:
                await inbound(stream)
            elif self._view.strict:
                stream.reset()
            else:
                await passed_through(stream, host, port)

        return found | {OUTBOUND_PORT: captured_out, INBOUND_PORT: captured_in}

    async def _listen(self, port: int, handler: Handler) -> asyncio.base_events.Server:
        try:
            return await listen(("0.0.0.0", port), handler)
        except OSError as error:
            raise Fatal(f"failed to listen on 0.0.0.0:{port}: {error.strerror}") from error


def original(stream: Stream) -> tuple[str, int]:
    """Where a redirected connection was meant for; where it went, if it was not redirected."""
    raw = stream.writer.get_extra_info("socket")
    try:
        data = raw.getsockopt(socket.SOL_IP, ORIGINAL_DST, 16)
    except OSError:
        name = stream.writer.get_extra_info("sockname")
        return str(name[0]), int(name[1])
    port, address = struct.unpack("!2xH4s8x", data)
    return socket.inet_ntoa(address), port


def told(stream: Stream, line: bytes) -> Stream:
    """The same stream, with a line before everything that the application says."""
    reader = stream.reader
    # What has come already stands in the buffer, and there is no other way to put something before it.
    buffer: bytearray = reader._buffer  # type: ignore[attr-defined]
    buffer[:0] = line
    return stream


async def passed_through(stream: Stream, host: str, port: int) -> None:
    """What Envoy does with a destination that it does not know."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 3)
    except (OSError, TimeoutError):
        stream.reset()
        return
    await relay(stream, Stream(reader, writer))


def rules(environ: dict[str, str]) -> list[str]:
    """What `iptables -t nat` is given, in the order of Istio's own."""
    excluded = [port for port in environ.get("ISTIO_LOCAL_EXCLUDE_PORTS", "").split(",") if port]
    ranges = [cidr for cidr in environ.get("ISTIO_SERVICE_EXCLUDE_CIDR", "").split(",") if cidr]
    found = [f"-N {chain}" for chain in CHAINS]
    found += ["-A PREROUTING -p tcp -j ISTIO_INBOUND", "-A OUTPUT -j ISTIO_OUTPUT"]
    found += [f"-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports {INBOUND_PORT}"]
    found += [f"-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports {OUTBOUND_PORT}"]
    found += [f"-A ISTIO_INBOUND -p tcp --dport {port} -j RETURN" for port in ("15008", *excluded)]
    found += ["-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT"]
    if environ.get("ISTIO_META_DNS_CAPTURE") == "true":
        server = name_server().rpartition(":")[0]
        redirect = f"-d {server}/32 -p udp --dport 53 -j REDIRECT --to-ports {DNS_PORT}"
        found += ["-A ISTIO_OUTPUT -m owner --uid-owner istio-proxy -j RETURN"]
        found += [f"-A ISTIO_OUTPUT_DNS {redirect}", "-A ISTIO_OUTPUT -p udp -j ISTIO_OUTPUT_DNS"]
    found += ["-A ISTIO_OUTPUT -m owner --uid-owner istio-proxy -j RETURN"]
    found += ["-A ISTIO_OUTPUT -d 127.0.0.0/8 -j RETURN"]
    found += [f"-A ISTIO_OUTPUT -d {cidr} -j RETURN" for cidr in ranges]
    return [*found, "-A ISTIO_OUTPUT -p tcp -j ISTIO_REDIRECT"]


def harm() -> list[str]:
    """Rules of a package that does damage: its file says which, in iptables' own words."""
    return HARM.read_text(encoding="ascii").splitlines() if HARM.exists() else []


def change(table: str, words: str, *, check: bool = True) -> None:
    """One rule."""
    silent = None if check else subprocess.DEVNULL
    subprocess.run(["iptables", "-w", "-t", table, *words.split()], check=check, stderr=silent)


def clean() -> None:
    """Takes every rule away; none is no failure."""
    for place in ("PREROUTING -p tcp -j ISTIO_INBOUND", "OUTPUT -j ISTIO_OUTPUT"):
        change("nat", f"-D {place}", check=False)
    for line in harm():
        change("filter", f"-D {line}", check=False)
    for verb in ("-F", "-X"):
        for chain in CHAINS:
            change("nat", f"{verb} {chain}", check=False)


def main(arguments: list[str]) -> int:
    """pilot-agent istio-iptables [--cleanup-only] | proxy ... | version"""
    command = arguments[0] if arguments else ""
    if command == "istio-iptables":
        if "--cleanup-only" in arguments:
            clean()
            return 0
        for line in rules(dict(os.environ)):
            change("nat", line)
        for line in harm():
            change("filter", f"-I {line}")
        return 0
    if command == "version":
        sys.stdout.write('version.BuildInfo{Version:"stub", Status:"Clean"}\n')
        return 0
    if command == "proxy":
        return proxy()
    sys.stderr.write(f'Error: unknown command "{command}" for "pilot-agent"\n')
    return 1


def proxy() -> int:
    """Runs until a signal ends it, or until something that the real agent does not survive."""
    os.environ[NETWORK_VARIABLE] = "0.0.0.0/0"
    clock = VmClock(os.environ)
    log = AgentLog(clock.now)
    try:
        sidecar = StubSidecar(read_settings(os.environ), clock, log)
        asyncio.run(_run(sidecar))
    except (BadSettings, Fatal) as error:
        log.error(str(error))
        sys.stderr.write(f"Error: {error}\n")
        return FATAL
    return 0


async def _run(sidecar: StubSidecar) -> None:
    import signal

    running = asyncio.ensure_future(sidecar.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
