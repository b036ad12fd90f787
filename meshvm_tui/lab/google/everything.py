"""The lab's Google Cloud, whole: its APIs, IAP's relay, and the VMs behind its instances."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.lab.environment import SSH_PORT
from meshvm_tui.lab.google.api import GoogleApi
from meshvm_tui.lab.google.credentials import (
    endpoint_environment,
    write_gcloud_configuration,
    write_service_account_key,
)
from meshvm_tui.lab.google.filtering import PodFilter
from meshvm_tui.lab.google.instances import Instances
from meshvm_tui.lab.google.relay import IapRelay
from meshvm_tui.lab.google.state import Cloud
from meshvm_tui.lab.google.world import CloudWorld, LabCluster

if TYPE_CHECKING:
    from meshvm_tui.lab.addresses import Addresses
    from meshvm_tui.lab.clock import Clock
    from meshvm_tui.lab.faults import Faults
    from meshvm_tui.lab.guest.vm import Vm

API_PORT, RELAY_PORT = 8090, 8091


class Google:
    """Made inside of a running loop. `drops` and `opens` hold before it is started."""

    def __init__(self, state: Path, addresses: Addresses, clock: Clock, faults: Faults, seed: int) -> None:
        self._state = state
        self._addresses = addresses
        self.cloud = Cloud(state, clock, faults, seed)
        self.instances = Instances(state, addresses, self.cloud)
        self.drops = PodFilter(self.cloud, self.instances.instance_at).drops
        self._relay = IapRelay(self.cloud, self.instances.ssh_of, SSH_PORT)
        self._api: GoogleApi | None = None

    async def start(self, api_server: str, ca_pem: str, vms: Iterable[Vm]) -> dict[str, str]:
        """Listens, and boots the instances that ran before. `api_server` is the Kubernetes API's URL, `vms` are
        the lab's other machines; gives the environment that leads Google's clients here."""
        self.instances.adopt(vms)
        cluster = LabCluster(api_server.partition("://")[2], ca_pem, self._addresses.pod_range)
        self._api = GoogleApi(self.cloud, CloudWorld(self.instances, cluster))
        address = self._addresses.take("google")
        api_port, relay_port = (0, 0) if self._addresses.single else (API_PORT, RELAY_PORT)
        relay = await self._relay.start(address, relay_port)
        base = await self._api.start(address, api_port)
        return {
            **endpoint_environment(base),
            "MESHVM_TUI_IAP_ENDPOINT": relay,
            "GOOGLE_APPLICATION_CREDENTIALS": str(write_service_account_key(self._state, self.cloud.tokens, base)),
            "CLOUDSDK_CONFIG": str(write_gcloud_configuration(self._state)),
            "NO_GCE_CHECK": "true",
        }

    async def stop(self) -> None:
        """Takes everything down; the world is on disk."""
        await self._relay.stop()
        if self._api is not None:
            await self._api.stop()
        await self.instances.stop()
        self.cloud.close()
