"""What the screens ask of the cluster for picking: namespaces, ServiceAccounts, WorkloadGroups and gateways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from meshvm_tui.candidates import Candidate, Found
from meshvm_tui.inquiries import Topic
from meshvm_tui.istio.names import ISTIOD_PORT
from meshvm_tui.ports import NAMESPACES, SERVICE_ACCOUNTS, SERVICES, WORKLOAD_GROUPS, Resource
from meshvm_tui.problems import Problem

if TYPE_CHECKING:
    from meshvm_tui.ports import ClusterReader

About = Mapping[str, str]
JSON = dict[str, Any]
OUTSIDE = ("LoadBalancer", "NodePort")


def _namespaces(reader: ClusterReader, about: About) -> Found:
    found = [Candidate(_name(item), (_injection(item), _leaving(item))) for item in _sorted(reader.list(NAMESPACES))]
    return Found(tuple(found), f"cluster {reader.context}")


def _injection(namespace: JSON) -> str:
    """Whether its Pods get a sidecar, as far as its own labels say."""
    labels = namespace.get("metadata", {}).get("labels") or {}
    if labels.get("istio-injection") == "enabled":
        return "in the mesh"
    revision = labels.get("istio.io/rev", "")
    return f"in the mesh, revision {revision}" if revision else ""


def _leaving(namespace: JSON) -> str:
    phase = str((namespace.get("status") or {}).get("phase") or "")
    return "" if phase in ("", "Active") else phase


def _service_accounts(reader: ClusterReader, about: About) -> Found:
    namespace = about.get("namespace") or "default"
    found = [Candidate(_name(item)) for item in _sorted(reader.list(SERVICE_ACCOUNTS, namespace))]
    return Found(tuple(found), f"namespace {namespace}")


def _workload_groups(reader: ClusterReader, about: About) -> Found:
    """Those of all namespaces: one that exists already says more than its name, and is taken as it is."""
    items, where, note = _wherever(reader, WORKLOAD_GROUPS, about.get("namespace") or "default")
    found = []
    for item in _sorted(items):
        spec = item.get("spec") or {}
        template = spec.get("template") or {}
        account = str(template.get("serviceAccount") or "")
        says = {
            "serviceAccount": account,
            "labels": _pairs((spec.get("metadata") or {}).get("labels")),
            "ports": _pairs(template.get("ports")),
        }
        fills = [("workload.name", _name(item)), ("workload.namespace", _namespace(item))]
        fills += [(f"workload.{name}", text) for name, text in says.items() if text]
        found.append(Candidate(_name(item), (_namespace(item), account), tuple(fills)))
    return Found(tuple(found), where, note)


def _pairs(values: Mapping[str, Any] | None) -> str:
    """As a form has them: name=value with commas between."""
    return ", ".join(f"{name}={value}" for name, value in (values or {}).items())


def _gateways(reader: ClusterReader, about: About) -> Found:
    """Services that can be reached from outside the cluster and are gateways, or serve istiod's port already."""
    items, where, note = _wherever(reader, SERVICES, about.get("namespace") or "istio-system")
    found = [
        Candidate(
            _name(item),
            (_namespace(item), _address(item), f"serves {ISTIOD_PORT}" if _serves_istiod(item) else ""),
            (("gateway.name", _name(item)), ("gateway.namespace", _namespace(item))),
        )
        for item in sorted(items, key=lambda item: (not _serves_istiod(item), _namespace(item), _name(item)))
        if (item.get("spec") or {}).get("type") in OUTSIDE and (_serves_istiod(item) or _is_gateway(item))
    ]
    return Found(tuple(found), where, note)


def _wherever(reader: ClusterReader, resource: Resource, namespace: str) -> tuple[list[JSON], str, str]:
    """The objects of all namespaces; of one alone where only that may be looked into, and then a note of it."""
    try:
        return list(reader.list(resource)), f"cluster {reader.context}, all namespaces", ""
    except Problem:
        found = list(reader.list(resource, namespace))
        return found, f"namespace {namespace}", "other namespaces may not be looked into"


def _is_gateway(service: JSON) -> bool:
    """As Istio's own gateways are labelled."""
    return "gateway" in str((service.get("metadata", {}).get("labels") or {}).get("istio", ""))


def _serves_istiod(service: JSON) -> bool:
    return any(port.get("port") == ISTIOD_PORT for port in (service.get("spec") or {}).get("ports") or ())


def _address(service: JSON) -> str:
    points = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return next((str(point.get("ip") or point.get("hostname") or "") for point in points), "no address yet")


def _name(item: JSON) -> str:
    return str(item.get("metadata", {}).get("name", ""))


def _namespace(item: JSON) -> str:
    return str(item.get("metadata", {}).get("namespace", ""))


def _sorted(items: list[JSON]) -> list[JSON]:
    return sorted(items, key=lambda item: (_namespace(item), _name(item)))


FINDERS: dict[Topic, Callable[[ClusterReader, About], Found]] = {
    Topic.NAMESPACES: _namespaces,
    Topic.SERVICE_ACCOUNTS: _service_accounts,
    Topic.WORKLOAD_GROUPS: _workload_groups,
    Topic.GATEWAYS: _gateways,
}
