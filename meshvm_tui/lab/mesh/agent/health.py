"""The application's health as the agent sees it: the readinessProbe of mesh.yaml, told only when it changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from meshvm_tui.lab.mesh.agent.log import AgentLog
from meshvm_tui.lab.mesh.dataplane import Unreachable, connect

OK_FROM, OK_BELOW = 200, 400


@dataclass(frozen=True)
class Health:
    """Whether the application is well, and what the last failed probe said."""

    healthy: bool
    message: str = ""


@dataclass(frozen=True)
class Prober:
    """Runs one readinessProbe against the application at `host` (the VM's address)."""

    probe: Mapping[str, Any]
    host: str
    log: AgentLog

    async def run(self, changed: Callable[[Health], Awaitable[None]]) -> None:
        """Probes for ever and tells each change of health. Defaults are the ones that Istio fills in."""
        period = float(self.probe.get("periodSeconds") or 10)
        needed = {
            True: int(self.probe.get("successThreshold") or 1),
            False: int(self.probe.get("failureThreshold") or 1),
        }
        delay = float(self.probe.get("initialDelaySeconds") or 0)
        self.log.info(f"starting health check for health.AggregateProber in {delay:g}s", scope="health")
        await asyncio.sleep(delay)
        told: bool | None = None
        streak = 0
        last: bool | None = None
        while True:
            error = await self._once()
            well = error == ""
            streak = streak + 1 if well == last else 1
            last = well
            if well != told and streak >= needed[well]:
                told = well
                self._tell_log(well, error)
                await changed(Health(well, error))
            await asyncio.sleep(period)

    def _tell_log(self, well: bool, error: str) -> None:
        if well:
            self.log.info("success threshold hit, marking as healthy", scope="healthcheck")
        else:
            self.log.warn(f"failure threshold hit, marking as unhealthy: {error}", scope="healthcheck")

    async def _once(self) -> str:
        timeout = float(self.probe.get("timeoutSeconds") or 1)
        try:
            return await asyncio.wait_for(self._probe(), timeout)
        except TimeoutError:
            return "context deadline exceeded"

    async def _probe(self) -> str:
        if http := self.probe.get("httpGet"):
            return await self._http(http)
        if tcp := self.probe.get("tcpSocket"):
            return await self._tcp(int(tcp.get("port", 0)))
        if command := (self.probe.get("exec") or {}).get("command"):
            return await _command([str(word) for word in command])
        return "no probe is set"

    async def _tcp(self, port: int) -> str:
        try:
            stream = await connect((self.host, port))
        except Unreachable:
            return f"dial tcp {self.host}:{port}: connect: connection refused"
        await stream.close()
        return ""

    async def _http(self, http: Mapping[str, Any]) -> str:
        port, path = int(http.get("port", 0)), str(http.get("path") or "/")
        try:
            stream = await connect((self.host, port))
        except Unreachable:
            url = f"http://{self.host}:{port}{path}"
            return f'Get "{url}": dial tcp {self.host}:{port}: connect: connection refused'
        try:
            request = f"GET {path} HTTP/1.1\r\nhost: {http.get('host') or self.host}\r\nconnection: close\r\n\r\n"
            stream.writer.write(request.encode())
            words = (await stream.reader.readline()).decode("ascii", "replace").split()
        except OSError:
            words = []
        finally:
            stream.reset()
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        return (
            ""
            if OK_FROM <= status < OK_BELOW
            else f"status code was not from [{OK_FROM},{OK_BELOW}), bad code {status}"
        )


async def _command(words: list[str]) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError as error:
        return f'exec: "{words[0]}": {(error.strerror or str(error)).lower()}'
    try:
        code = await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return "" if code == 0 else f"command exited with {code}"
