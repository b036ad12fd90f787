"""What is worth showing of an instance that exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshvm_tui.gcp.places import short
from meshvm_tui.problems import Problem
from meshvm_tui.steps.google_facts import compute_reader, place

if TYPE_CHECKING:
    from meshvm_tui.gcp.instance import InstanceView
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

JSON = dict[str, Any]


def details_of(ports: ReadPorts, scope: Scope, view: InstanceView) -> tuple[tuple[str, str], ...]:
    """Its identity, state, shape, addresses and network, and who made it."""
    key = f"!google-shape/{view.name}/{view.machine_type}"
    shape = scope.remember(key, lambda: _shape_of(ports, scope, view))
    return (
        ("instance id", view.id),
        ("status", view.status),
        ("zone", place(ports, scope).zone),
        ("machine type", f"{view.machine_type}: {shape}" if shape else view.machine_type),
        ("image", _image(view.body)),
        ("internal address", view.internal_address or "none"),
        ("external address", view.external_address or "none"),
        ("network", short(view.network)),
        ("tags", ", ".join(view.tags) or "none"),
        ("service account", view.service_account or "none"),
        ("made by", "meshvm-tui" if view.is_ours else "somebody else"),
    )


def shape_words(machine_type: JSON) -> str:
    """Processors and memory. Compute Engine tells no prices."""
    cpus, memory = int(machine_type.get("guestCpus", 0)), int(machine_type.get("memoryMb", 0)) / 1024
    return f"{cpus} vCPU{', shared' if machine_type.get('isSharedCpu') else ''}, {memory:g} GB"


def _shape_of(ports: ReadPorts, scope: Scope, view: InstanceView) -> str:
    """Empty for a custom type, a deprecated one, and where the list may not be read: it is for show alone."""
    where = place(ports, scope)
    try:
        listed = compute_reader(ports).machine_types(where.project, where.zone)
    except Problem:
        return ""
    return next((shape_words(item) for item in listed if item.get("name") == view.machine_type), "")


def _image(body: JSON) -> str:
    """The boot disk's licenses, which name the system that its image was of; an instance keeps no image's name."""
    boot: JSON = next((disk for disk in body.get("disks", []) if disk.get("boot")), {})
    return ", ".join(short(str(item)) for item in boot.get("licenses", [])) or "not told"
