"""What an upgrade would change: `istioctl manifest generate` of the wanted version beside what runs, object by object.

istioctl applies with its own field manager and takes away what it set before and no longer says; both sides of that
are in the diffs. Labels that only its installer adds are not in a generated manifest and are left as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from meshvm_tui.events import Change
from meshvm_tui.ports import DAEMON_SETS, DEPLOYMENTS, Resource
from meshvm_tui.problems import PermanentError
from meshvm_tui.steps.object_compare import after_apply, describe, differences, unified_diff, without_server_fields
from meshvm_tui.steps.step import fingerprint

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts

JSON = dict[str, Any]
ISTIOCTL_MANAGER = "istio-operator"
OWNER_LABEL = "install.operator.istio.io/owning-resource"
_INSTALLER_LABELS = ("operator.istio.io/", "install.operator.istio.io/")
_WORKLOADS = ("Deployment", "DaemonSet", "Service")


@dataclass(frozen=True)
class Beside:
    """One object of the manifest beside the live one."""

    wanted: JSON
    live: JSON | None

    @property
    def name(self) -> str:
        """`Kind namespace/name`."""
        return describe(self.wanted)

    def change(self) -> Change | None:
        """What would become of it; None where nothing would."""
        if self.live is not None and not differences(self.wanted, self.live, manager=ISTIOCTL_MANAGER):
            return None
        before = without_server_fields(self.live) if self.live else None
        after = after_apply(self.wanted, self.live, manager=ISTIOCTL_MANAGER)
        diff = unified_diff(before, after, self.name)
        return Change(
            "update" if self.live else "create", self.name, diff, fingerprint=fingerprint(self.wanted, before)
        )


def beside_what_runs(ports: ReadPorts, manifest: str) -> tuple[Beside, ...]:
    """Every object of a manifest with the live one. MVM-209 where istioctl's words are no objects."""
    return tuple(_beside(ports, obj) for obj in _objects(manifest))


def new_workloads(found: tuple[Beside, ...]) -> list[str]:
    """Deployments, DaemonSets and Services that do not run yet: an upgrade makes none."""
    return [item.name for item in found if item.live is None and item.wanted["kind"] in _WORKLOADS]


def left_behind(ports: ReadPorts, found: tuple[Beside, ...], istiod: JSON) -> list[str]:
    """What the same owner installed beside istiod and the manifest no longer has."""
    metadata = istiod.get("metadata") or {}
    namespace, owner = metadata.get("namespace"), (metadata.get("labels") or {}).get(OWNER_LABEL)
    if not owner:
        return []
    kept = {item.name for item in found}
    labels = f"{OWNER_LABEL}={owner},istio.io/rev={metadata['labels'].get('istio.io/rev', 'default')}"
    running = [
        describe({"kind": resource.kind, **item})
        for resource in (DEPLOYMENTS, DAEMON_SETS)
        for item in ports.cluster.list(resource, namespace, labels=labels)
    ]
    return sorted(name for name in running if name not in kept)


def object_named(found: tuple[Beside, ...], kind: str, name: str) -> JSON:
    """One object of the manifest; empty where it has none of that name."""
    return next((o.wanted for o in found if o.wanted["kind"] == kind and o.wanted["metadata"]["name"] == name), {})


def _objects(manifest: str) -> Iterator[JSON]:
    # The definitions of Istio's kinds are some ten thousand lines; libyaml reads them in a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for obj in yaml.load_all(manifest, Loader=loader):
            if isinstance(obj, dict) and obj.get("kind") and (obj.get("metadata") or {}).get("name"):
                yield obj
    except yaml.YAMLError as error:
        raise PermanentError("MVM-209", f"istioctl manifest generate gave no YAML: {error}") from None


def _beside(ports: ReadPorts, obj: JSON) -> Beside:
    metadata = obj["metadata"]
    live = ports.cluster.get(_resource(obj), metadata["name"], metadata.get("namespace"))
    return Beside(_with_installer_labels(obj, live), live)


def _with_installer_labels(obj: JSON, live: JSON | None) -> JSON:
    labels = ((live or {}).get("metadata") or {}).get("labels") or {}
    own = {key: value for key, value in labels.items() if key.startswith(_INSTALLER_LABELS)}
    if not own:
        return obj
    made = copy.deepcopy(obj)
    made["metadata"]["labels"] = own | {
        key: value for key, value in (made["metadata"].get("labels") or {}).items() if key not in own
    }
    return made


def _resource(obj: JSON) -> Resource:
    """By the plural that Kubernetes' own naming gives; istioctl names the namespace of everything that has one."""
    group, _, version = str(obj["apiVersion"]).rpartition("/")
    kind = str(obj["kind"])
    lower = kind.lower()
    plural = f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}es" if lower.endswith("s") else f"{lower}s"
    return Resource(group, version, plural, kind, bool(obj["metadata"].get("namespace")))
