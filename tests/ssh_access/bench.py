"""An instance in memory whose address is a real SSH server of this process, which takes the keys that its metadata or
an OS Login profile has; and a clock that only waiting moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from meshvm_tui.adapters.google_rest import GoogleRest
from meshvm_tui.adapters.instance_access import GceAccess, Ways
from meshvm_tui.adapters.instance_waits import Patience
from meshvm_tui.adapters.instance_ways import log_in_once
from meshvm_tui.adapters.os_login import OsLogin
from meshvm_tui.adapters.ssh_target import SshTarget
from meshvm_tui.gcp.ssh_keys import value_of
from meshvm_tui.plan import Machine
from meshvm_tui.problems import ActionNeeded
from tests.fakes.compute import FakeCompute
from tests.fakes.ssh_server import Behaviour, SshServer
from tests.google.discovery import judge

JSON = dict[str, Any]
NAME = "my-mesh-vm"
EMAIL = "ann@example.com"
PROFILE_USER = "ann_example_com"
STARTED = "2026-11-22T13:00:00.000-08:00"
NOW = 1795381260.0
"""A minute after the instance was started."""


class Clock:
    """Seconds since the epoch; `on_sleep` is called at each wait."""

    def __init__(self) -> None:
        self.now = NOW
        self.on_sleep: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Waits, in no time."""
        self.now += seconds
        self.on_sleep()


@dataclass
class FakeProfile:
    """Google's OS Login by REST. `wrong` is what the requests violate of the discovery document."""

    keys: dict[str, JSON] = field(default_factory=dict)
    asked: list[tuple[str, str, JSON, JSON]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    accounts: list[JSON] = field(
        default_factory=lambda: [{"username": "other"}, {"username": PROFILE_USER, "primary": True}]
    )
    cut_after_import: bool = False
    refuses: Exception | None = None

    def post(self, api: str, path: str, body: JSON, query: JSON | None = None, *, doing: str) -> JSON:
        self._ask(api, "POST", path, query or {}, body)
        if self.refuses:
            raise self.refuses
        self.keys[sha256(body["key"].encode()).hexdigest()] = body
        if self.cut_after_import:
            raise ActionNeeded("MVM-804", f"{doing}: cut before the answer")
        return {"loginProfile": {"name": EMAIL, "posixAccounts": self.accounts}}

    def get(self, api: str, path: str, query: JSON | None = None, *, doing: str) -> JSON:
        self._ask(api, "GET", path, query or {}, None)
        return {"name": EMAIL, "sshPublicKeys": {mark: dict(key) for mark, key in self.keys.items()}}

    def delete(self, api: str, path: str, query: JSON | None = None, *, doing: str) -> JSON:
        self._ask(api, "DELETE", path, query or {}, None)
        del self.keys[path.rpartition("/")[2]]
        return {}

    def _ask(self, api: str, method: str, path: str, query: JSON, body: JSON | None) -> None:
        self.asked.append((method, path, query, body or {}))
        self.wrong += judge(api, method, f"/{path}", query, body)


class Bench:
    """One instance with its SSH server. `proofs` are the logins that grants tried."""

    def __init__(self, folder: Path, **machine: Any) -> None:
        self.behaviour = Behaviour(takes=self.takes)
        self.server = SshServer(self.behaviour)
        self.clock = Clock()
        self.compute = FakeCompute()
        self.profile = FakeProfile()
        self.proofs: list[SshTarget] = []
        self.said: list[str] = []
        self.cancelled = False
        self.folder = folder
        self.tunnels: list[tuple[Any, Any, int]] = []
        self.live = self.compute.put(
            {
                "name": NAME,
                "lastStartTimestamp": STARTED,
                "networkInterfaces": [{"networkIP": "127.0.0.1", "accessConfigs": [{"natIP": "127.0.0.1"}]}],
                "metadata": {"items": [{"key": "enable-guest-attributes", "value": "TRUE"}]},
            }
        )
        self.publish(self.server)
        self.machine = self.a_machine(**machine)
        self.prove: Callable[[SshTarget, Callable[[], bool]], None] = log_in_once
        self.access = self.another()

    def a_machine(self, **ssh: Any) -> Machine:
        return Machine.model_validate(
            {"name": NAME, "gce": {}, "ssh": {"user": "ann", "port": self.server.port, **ssh}}
        )

    def another(self, machine: Machine | None = None, **patience: Any) -> GceAccess:
        """The access of one more process."""
        patient = Patience(**{"clock": self.clock, "sleep": self.clock.sleep, **patience})
        ways = Ways(
            compute=lambda: self.compute,
            os_login=lambda: OsLogin(cast("GoogleRest", self.profile), EMAIL),
            tunnel=self._tunnel,
            prove=self._prove,
            own_known_hosts=self.folder / "known_hosts",
        )
        return GceAccess(machine or self.machine, ways, self.clock, patient)

    def grant(self, access: GceAccess | None = None, *, seconds: float = 240.0) -> Any:
        """Grants on the instance as it is now."""
        return (access or self.access).grant(self.read(), self.said.append, lambda: self.cancelled, seconds=seconds)

    def read(self) -> JSON:
        """The instance as Google gives it."""
        return json.loads(json.dumps(self.live))  # type: ignore[no-any-return]

    def lines(self) -> list[str]:
        """The lines of its ssh-keys."""
        return (value_of(self.live["metadata"], "ssh-keys") or "").splitlines()

    def set(self, name: str, value: str) -> None:
        """Sets one metadata value as if somebody else had."""
        items = [item for item in self.live["metadata"]["items"] if item["key"] != name]
        fingerprint = self.live["metadata"]["fingerprint"] + "'"
        self.live["metadata"] |= {"items": [*items, {"key": name, "value": value}], "fingerprint": fingerprint}

    def set_project(self, name: str, value: str) -> None:
        """Sets one value of the project's metadata."""
        (project,) = self.compute.projects.values()
        project["commonInstanceMetadata"].setdefault("items", []).append({"key": name, "value": value})

    def publish(self, server: SshServer) -> None:
        """Has the instance publish this server's host key."""
        key = server.host_key
        self.compute.publishes[NAME] = {key.get_name(): f"{key.get_base64()} root@vm"}

    def takes(self, user: str, key: str) -> bool:
        """As the guest agent and sshd together."""
        if any(line.startswith(f"{user}:{key} ") for line in self.lines()):
            return True
        return user == PROFILE_USER and any(entry["key"] == key for entry in self.profile.keys.values())

    def asked(self, method: str) -> int:
        """How often a method was read."""
        return sum(name == method for name, _ in self.compute.reads)

    def close(self) -> None:
        """Ends the server; a test that forgot to revoke leaves nothing either."""
        self.server.close()

    def _prove(self, target: SshTarget, cancelled: Callable[[], bool]) -> None:
        self.proofs.append(target)
        self.prove(target, cancelled)

    def _tunnel(self, place: Any, view: Any, port: int) -> Any:
        import socket

        self.tunnels.append((place, view, port))
        return socket.create_connection(("127.0.0.1", self.server.port), 5)
