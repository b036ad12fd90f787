"""What applications on the VM reach through the sidecar: names, captured addresses and chosen endpoints."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from meshvm_tui.lab.mesh.agent.settings import Settings
from meshvm_tui.lab.mesh.dataplane import Endpoint, Identity, Stream, Unreachable, answer, dial, relay, upstream_error

NAMES_FILE = Path("run/meshvm-agent/names.json")
INBOUND_PORT = 15006
UNAVAILABLE = "503 Service Unavailable"


@dataclass
class MeshView:
    """What istiod pushed last. `strict` is the PeerAuthentication mode of this very workload."""

    services: list[dict[str, Any]] = field(default_factory=list)
    strict: bool = True
    turn: Iterator[int] = field(default_factory=count)

    def names(self, namespace: str) -> dict[str, str]:
        """Every name that DNS capture answers for a workload of that namespace, with its ClusterIP."""
        return {name: svc["ip"] for svc in self.services for name in _names(svc, namespace) if svc["ip"]}

    def service(self, host: str, namespace: str) -> dict[str, Any] | None:
        """The service of a name or of a ClusterIP."""
        for service in self.services:
            if host == service["ip"] or host in _names(service, namespace):
                return service
        return None

    def endpoint(self, service: dict[str, Any], port: int) -> Endpoint | None:
        """The next endpoint of a service's port, in turn; None where none is healthy."""
        endpoints = service["ports"].get(str(port), [])
        return Endpoint.from_json(endpoints[next(self.turn) % len(endpoints)]) if endpoints else None


class Outbound:
    """Port 15001: a line `CONNECT host:port`, then HTTP as it is."""

    def __init__(
        self, settings: Settings, view: Callable[[], MeshView], identity: Callable[[], Identity | None]
    ) -> None:
        self._settings = settings
        self._view = view
        self._identity = identity

    async def serve(self, stream: Stream) -> None:
        """Handles one connection of an application."""
        words = (await stream.reader.readline()).decode("ascii", "replace").split()
        host, _, port = words[1].rpartition(":") if len(words) == 2 and words[0] == "CONNECT" else ("", "", "")
        if not port.isdigit():
            await answer(stream, "400 Bad Request", "")
            return
        host = host.rstrip(".").lower()
        service = self._view().service(host, self._settings.namespace)
        address = service["ip"] if service else host
        if not self._settings.captures_outbound(address):
            stream.reset()
            return
        endpoint = self._view().endpoint(service, int(port)) if service else _passthrough(host, int(port))
        if endpoint is None:
            await answer(
                stream, UNAVAILABLE, "no healthy upstream" if service else upstream_error("connection timeout")
            )
            return
        try:
            target = await dial(endpoint, self._identity(), self._settings.listen)
        except Unreachable as error:
            await answer(stream, UNAVAILABLE, upstream_error(str(error)))
            return
        await relay(stream, target)


def write_names(settings: Settings, view: MeshView, root: Path = Path()) -> None:
    """Tells the VM's resolver which names the sidecar answers: none without DNS capture."""
    path = root / NAMES_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    names = view.names(settings.namespace) if settings.dns_capture else {}
    captured = {
        "names": names,
        "inbound": settings.inbound_ports,
        "excluded": sorted(settings.excluded_ports),
        "strict": view.strict,
    }
    fresh.write_text(json.dumps(captured, indent=1), encoding="utf-8")
    fresh.replace(path)


def forget_names(root: Path = Path()) -> None:
    """Without a sidecar nobody answers for the mesh's names."""
    (root / NAMES_FILE).unlink(missing_ok=True)


def _names(service: dict[str, Any], namespace: str) -> Iterable[str]:
    name, home, domain = service["name"], service["namespace"], service["domain"]
    names = [f"{name}.{home}", f"{name}.{home}.svc", f"{name}.{home}.svc.{domain}"]
    return [name, *names] if home == namespace else names


def _passthrough(host: str, port: int) -> Endpoint | None:
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        return None
    return Endpoint(host, port, (host, port), inbound=(host, INBOUND_PORT)) if loopback else None
