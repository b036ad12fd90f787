"""What operations do to instances: they come to life, stop, start again and go, with the VM behind them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from meshvm_tui.lab.google import quotas, ssh_keys
from meshvm_tui.lab.google.operations import Effect, Operations
from meshvm_tui.lab.google.state import Cloud
from meshvm_tui.lab.google.world import InstanceHost

JSON = dict[str, Any]
_T = TypeVar("_T")


class InstanceLives:
    """The effects of operations on instances; `change["name"]` is the instance."""

    def __init__(self, cloud: Cloud, host: InstanceHost, operations: Operations) -> None:
        self._cloud = cloud
        self._host = host
        self._asked: set[asyncio.Future[Any]] = set()
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        operations.register(
            "insert",
            Effect(
                self._running, self._status("STAGING"), self._address, self._forget, self._boot, fails=self._no_room
            ),
        )
        operations.register("delete", Effect(self._forget, work=self._delete, undo=self._running))
        operations.register("stop", Effect(self._stopped, work=self._halt, undo=self._running))
        operations.register(
            "start",
            Effect(
                self._running, self._status("STAGING"), self._address, self._stopped, self._boot, fails=self._no_room
            ),
        )
        operations.register("reset", Effect(self._running, work=self._halt, after=self._boot))
        operations.register("field", Effect(self._set))

    async def boot_all(self) -> None:
        """Boots what ran when the lab went down."""
        with self._cloud.lock:
            hosted = self._cloud.data["guests"]
            names = [
                name for name, one in self._cloud.instances.items() if one["status"] == "RUNNING" and name in hosted
            ]
        await asyncio.gather(*(self._boot({"name": name}) for name in names))

    async def settle(self) -> None:
        """Returns once the host has done what it was asked for: a thread goes on when its operation is given up."""
        await asyncio.gather(*self._asked, return_exceptions=True)

    async def _ask(self, method: Callable[..., _T], *given: Any) -> _T:
        """Calls the host in a worker thread."""
        asked = asyncio.ensure_future(asyncio.to_thread(method, *given))
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        return await asyncio.shield(asked)

    async def _boot(self, change: JSON) -> None:
        name = change["name"]
        async with self._one_at_a_time[name]:
            with self._cloud.lock:
                instance = self._cloud.instance(name)
                if instance is None or instance["status"] != "RUNNING":
                    return
                # The guest agent publishes host keys when it boots, where it may write guest attributes then.
                self._cloud.data["guests"][name] = {"publishes": self._may_publish(instance)}
                self._cloud.save()
            try:
                await self._ask(self._host.boot, name, instance)
            except Exception as error:  # noqa: BLE001  whatever keeps a VM of the lab from booting is to be seen
                with self._cloud.lock:
                    found = self._cloud.find(name)
                    if found is not None:
                        found |= {"status": "TERMINATED", "statusMessage": f"The lab could not boot its VM: {error}"}
                        self._cloud.save()

    async def _halt(self, change: JSON) -> None:
        async with self._one_at_a_time[change["name"]]:
            await self._ask(self._host.halt, change["name"])

    async def _delete(self, change: JSON) -> None:
        async with self._one_at_a_time[change["name"]]:
            await self._ask(self._host.delete, change["name"])

    async def _address(self, change: JSON) -> None:
        internal, external = await self._ask(self._host.addresses, change["name"])
        with self._cloud.lock:
            for nic in self._cloud.instances[change["name"]]["networkInterfaces"]:
                nic["networkIP"] = internal
                for config in nic.get("accessConfigs", ()):
                    config["natIP"] = external
            self._cloud.save()

    def _may_publish(self, instance: JSON) -> bool:
        own = ssh_keys.is_true(ssh_keys.items(instance["metadata"]), "enable-guest-attributes")
        shared = ssh_keys.is_true(ssh_keys.items(self._cloud.project_metadata()), "enable-guest-attributes")
        return bool(shared if own is None else own)

    def _no_room(self, change: JSON) -> JSON | None:
        instances = list(self._cloud.instances.values())
        return quotas.exceeded(self._cloud.faults, instances, self._cloud.instances[change["name"]])

    def _status(self, status: str) -> Callable[[JSON], None]:
        def begin(change: JSON) -> None:
            self._cloud.instances[change["name"]]["status"] = status

        return begin

    def _running(self, change: JSON) -> None:
        instance = self._cloud.instances[change["name"]]
        instance |= {"status": "RUNNING", "lastStartTimestamp": self._cloud.timestamp()}

    def _stopped(self, change: JSON) -> None:
        instance = self._cloud.instances[change["name"]]
        instance |= {"status": "TERMINATED", "lastStopTimestamp": self._cloud.timestamp()}
        for nic in instance["networkInterfaces"]:
            for config in nic.get("accessConfigs", ()):
                config.pop("natIP", None)  # an ephemeral address is given back

    def _forget(self, change: JSON) -> None:
        self._cloud.instances.pop(change["name"], None)
        self._cloud.data["guests"].pop(change["name"], None)

    def _set(self, change: JSON) -> None:
        self._cloud.instances[change["name"]] |= change["fields"]
