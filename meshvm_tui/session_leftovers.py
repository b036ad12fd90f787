"""What a session has made in cluster, VMs and cloud, from what it kept: it stays there when the session is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshvm_tui.session import Session

_BEFORE = "before/"
_UNDER_WAY = ("running", "failed", "cancelled")
IN_CLUSTER = "In the cluster"
IN_GOOGLE = "In Google Cloud"


@dataclass(frozen=True)
class Leftovers:
    """Things that stay in one place: made here, or changed where they stood before."""

    place: str
    things: tuple[str, ...]


def leftovers(session: Session) -> tuple[Leftovers, ...]:
    """By place: the cluster, each VM, Google Cloud. Empty where nothing was changed."""
    found = [Leftovers(IN_CLUSTER, tuple(_in_cluster(session)))]
    found += [Leftovers(f"On VM {name}", tuple(_on_vm(session, name))) for name in _machines(session)]
    found.append(Leftovers(IN_GOOGLE, tuple(_in_google(session))))
    return tuple(item for item in found if item.things)


def _machines(session: Session) -> list[str]:
    """Those of the plan, and those that records tell of and the plan no longer names."""
    names = [machine.name for machine in session.plan.machines]
    names += [record.machine for record in session.records if record.machine]
    return list(dict.fromkeys(names))


def _in_cluster(session: Session) -> Iterator[str]:
    if session.kept.get("control-plane//installed"):
        yield f"the Istio control plane in {session.plan.mesh.istio_namespace}"
    if isinstance(upgraded := session.kept.get("control-plane//upgraded"), dict):
        yield f"the Istio control plane, upgraded from {upgraded.get('from')} to {upgraded.get('to')}"
    for key, before in session.kept.items():
        _, _, name = _parts(key)
        if name.startswith(_BEFORE):
            yield _thing(name.removeprefix(_BEFORE), was_there=before is not None)
    for key, entry in session.kept.items():
        step, _, name = _parts(key)
        if (step, name) == ("entry-registered", "entry") and isinstance(entry, dict):
            yield f"WorkloadEntry {session.plan.workload.namespace}/{entry.get('name')}"


def _on_vm(session: Session, machine: str) -> Iterator[str]:
    if _touched(session, "sidecar-package", machine):
        version = session.kept.get(f"sidecar-package/{machine}/version") or ""
        yield f"package istio-sidecar {version}".rstrip()
    if _touched(session, "guest-files", machine):
        yield "files under /etc/istio, /etc/certs, /var/lib/istio and /var/run/secrets"
        yield "the block in /etc/hosts"
    if _touched(session, "sidecar-running", machine):
        yield "the service istio, enabled"
    if unit := session.kept.get(f"http-server/{machine}/unit"):
        yield f"the service {unit}"


def _in_google(session: Session) -> Iterator[str]:
    machines = {machine.name: machine for machine in session.plan.machines}
    for key, value in session.kept.items():
        step, machine, name = _parts(key)
        where = _place(machines.get(machine))
        if (step, name) == ("machine", "made") and value:
            yield f"instance {machine}{where}"
        elif (step, name) == ("machine", "request") and value and not session.kept.get(f"machine/{machine}/made"):
            yield f"perhaps instance {machine}{where}: its creation was asked for, its end is not known"
        elif step == "firewall" and name.startswith("rule-") and isinstance(value, dict):
            yield _rule(name.removeprefix("rule-"), value)


def _rule(name: str, value: dict[str, Any]) -> str:
    project = f" in {value['project']}" if value.get("project") else ""
    return _thing(f"firewall rule {name}{project}", was_there=not value.get("created"))


def _place(machine: Any) -> str:
    gce = getattr(machine, "gce", None)
    named = [part for part in (gce.project, gce.zone) if part] if gce else []
    return f" ({', '.join(named)})" if named else ""


def _touched(session: Session, step: str, machine: str) -> bool:
    """Changed by a run, or begun by one that did not end well: then some of it may be there."""
    record = session.record(step, machine)
    return record is not None and (record.changed or (record.state in _UNDER_WAY and bool(record.started)))


def _thing(name: str, *, was_there: bool) -> str:
    return f"{name} (was there before, changed)" if was_there else name


def _parts(key: str) -> tuple[str, str, str]:
    step, _, rest = key.partition("/")
    machine, _, name = rest.partition("/")
    return step, machine, name
