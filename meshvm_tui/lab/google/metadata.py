"""What the metadata server tells inside an instance: written into the lab state of its VM, read by the VM's curl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from meshvm_tui.lab.environment import write_private
from meshvm_tui.lab.google.catalogue import NUMBER, PROJECT
from meshvm_tui.lab.guest.tools.metadata_server import FILE

JSON = dict[str, Any]


def write_metadata(vm: Path, instance: JSON) -> None:
    """Into the folder of a VM; what it says lasts until the next time."""
    zone = str(instance["zone"]).rpartition("/")[2]
    nic = instance["networkInterfaces"][0]
    external = (nic.get("accessConfigs") or [{}])[0].get("natIP", "")
    told = {
        "instance/id": str(instance["id"]),
        "instance/name": str(instance["name"]),
        "instance/zone": f"projects/{NUMBER}/zones/{zone}",
        "instance/hostname": f"{instance['name']}.{zone}.c.{PROJECT}.internal",
        "instance/machine-type": f"projects/{NUMBER}/machineTypes/{instance['machineType'].rpartition('/')[2]}",
        "instance/network-interfaces/0/ip": str(nic.get("networkIP", "")),
        "instance/network-interfaces/0/access-configs/0/external-ip": str(external),
        "project/project-id": PROJECT,
        "project/numeric-project-id": NUMBER,
    }
    state = vm / "state"
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(state / FILE, json.dumps(told, indent=1))
