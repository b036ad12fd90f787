"""An instance: the body of instances.insert as gcloud makes it, and what an existing one says of itself."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshvm_tui.gcp.places import Place, full_path, short

if TYPE_CHECKING:
    from meshvm_tui.plan import GceCreate

JSON = dict[str, Any]
LABEL, OURS = "managed-by", "meshvm-tui"
GUEST_ATTRIBUTES = "enable-guest-attributes"
NO_SERVICE_ACCOUNT = "none"
_SCOPE_NAMES = (
    "devstorage.read_only",
    "logging.write",
    "monitoring.write",
    "pubsub",
    "service.management.readonly",
    "servicecontrol",
    "trace.append",
)
SCOPES = tuple(f"https://www.googleapis.com/auth/{name}" for name in _SCOPE_NAMES)
"""Those of gcloud's alias `default`. The API itself gives an instance without serviceAccounts none at all."""


def insert_body(name: str, create: GceCreate, place: Place, ssh_keys: str = "") -> JSON:
    """What `gcloud compute instances create` sends, with our label, guest attributes for the host keys (read by the
    guest agent at the first boot only), and a line of ssh-keys where one is given."""
    items = [{"key": GUEST_ATTRIBUTES, "value": "TRUE"}]
    if ssh_keys:
        items.append({"key": "ssh-keys", "value": ssh_keys})
    body: JSON = {
        "name": name,
        "machineType": f"projects/{place.project}/zones/{place.zone}/machineTypes/{create.machine_type}",
        "canIpForward": False,
        "deletionProtection": False,
        "disks": [
            {
                "boot": True,
                "autoDelete": True,
                "mode": "READ_WRITE",
                "type": "PERSISTENT",
                "initializeParams": {"sourceImage": source_image(create)},
            }
        ],
        "labels": {LABEL: OURS},
        "metadata": {"items": items},
        "networkInterfaces": [_interface(create, place)],
        "scheduling": {"automaticRestart": True},
        "tags": {"items": list(create.tags)},
    }
    if create.service_account != NO_SERVICE_ACCOUNT:
        body["serviceAccounts"] = [{"email": create.service_account or "default", "scopes": list(SCOPES)}]
    return body


def source_image(create: GceCreate) -> str:
    """The newest image of the family, resolved by Compute Engine itself."""
    return f"projects/{create.image_project}/global/images/family/{create.image_family}"


def network_path(create: GceCreate, project: str) -> str:
    """The network of a new instance."""
    return full_path(create.network, project, "global/networks")


def subnetwork_path(create: GceCreate, place: Place) -> str:
    """The subnetwork of a new instance; "" where the network chooses it."""
    return full_path(create.subnet, place.project, f"regions/{place.region}/subnetworks") if create.subnet else ""


def without_keys(body: JSON) -> JSON:
    """The body without its SSH keys, which are new at every run: what a change's fingerprint is computed from."""
    kept = copy.deepcopy(body)
    items = kept.get("metadata", {}).get("items", [])
    kept["metadata"] = {"items": [item for item in items if item["key"] != "ssh-keys"]}
    return kept


def _interface(create: GceCreate, place: Place) -> JSON:
    interface: JSON = {"network": network_path(create, place.project)}
    if subnet := subnetwork_path(create, place):
        # A subnetwork names its network; both together must agree, and `default` was only a default.
        interface = {"subnetwork": subnet}
    if create.external_address:
        interface["accessConfigs"] = [{"name": "external-nat", "type": "ONE_TO_ONE_NAT"}]
    return interface


@dataclass(frozen=True)
class InstanceView:
    """Typed access to an instance as Compute Engine gives it."""

    body: JSON

    @property
    def id(self) -> str:
        """The number that stays this instance's alone."""
        return str(self.body.get("id", ""))

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body.get("name", ""))

    @property
    def status(self) -> str:
        """RUNNING, TERMINATED, ... as the API has it."""
        return str(self.body.get("status", ""))

    @property
    def internal_address(self) -> str:
        """The address of its first interface, which Pods of the same network reach."""
        return str(self._interface.get("networkIP", ""))

    @property
    def external_address(self) -> str:
        """The address that the internet reaches; "" where it has none."""
        return next((str(item["natIP"]) for item in self._interface.get("accessConfigs", []) if item.get("natIP")), "")

    @property
    def network(self) -> str:
        """The URL of its first interface's network."""
        return str(self._interface.get("network", ""))

    @property
    def subnetwork(self) -> str:
        """The URL of its first interface's subnetwork."""
        return str(self._interface.get("subnetwork", ""))

    @property
    def tags(self) -> tuple[str, ...]:
        """Its network tags."""
        return tuple(self.body.get("tags", {}).get("items", []))

    @property
    def service_account(self) -> str:
        """The service account that it runs as; "" where it has none."""
        return next((str(item.get("email", "")) for item in self.body.get("serviceAccounts", [])), "")

    @property
    def machine_type(self) -> str:
        """The machine type's name."""
        return short(str(self.body.get("machineType", "")))

    @property
    def is_ours(self) -> bool:
        """Whether it bears our label."""
        return bool(self.body.get("labels", {}).get(LABEL) == OURS)

    @property
    def _interface(self) -> JSON:
        return next(iter(self.body.get("networkInterfaces", [])), {})
