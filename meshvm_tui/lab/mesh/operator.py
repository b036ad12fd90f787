"""Reads an IstioOperator as istioctl does: control plane, gateways and `--set` over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshvm_tui.lab.mesh.installation import ControlPlaneWanted, GatewayWanted

JSON = dict[str, Any]
INGRESS = "istio-ingressgateway"
INGRESS_PORTS = (
    {"name": "status-port", "port": 15021, "targetPort": 15021},
    {"name": "http2", "port": 80, "targetPort": 8080},
    {"name": "https", "port": 443, "targetPort": 8443},
)
PROFILES_WITH_INGRESS = frozenset({"default", "demo", "preview"})
EMPTY_PROFILES = frozenset({"empty"})


class BadOperator(ValueError):
    """The document is no IstioOperator that istioctl would take."""


def overlaid(document: Any, sets: Sequence[str], revision: str) -> JSON:
    """The operator's spec with `--set` and `--revision` over it."""
    if not isinstance(document, dict) or document.get("kind") != "IstioOperator":
        kind = document.get("kind", "nothing") if isinstance(document, dict) else "nothing"
        raise BadOperator(f"could not read the input: expected an IstioOperator, got {kind}")
    spec: JSON = document.get("spec") or {}
    for assignment in sets:
        path, equals, value = assignment.partition("=")
        if not equals:
            raise BadOperator(f"set flag {assignment!r}: must be in the form path=value")
        target = spec
        *parents, last = path.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = value
    if revision:
        spec["revision"] = revision
    return spec


def control_plane_of(spec: JSON, version: str) -> ControlPlaneWanted | None:
    """The control plane that a spec asks for; None where its profile is empty."""
    if spec.get("profile", "default") in EMPTY_PROFILES:
        return None
    values = spec.get("values") or {}
    shared = values.get("global") or {}
    mesh = spec.get("meshConfig") or {}
    environment = {
        **((values.get("pilot") or {}).get("env") or {}),
        **_environment((((spec.get("components") or {}).get("pilot") or {}).get("k8s") or {}).get("env") or []),
    }
    return ControlPlaneWanted(
        version=str(spec.get("tag") or version),
        namespace=_namespace(spec),
        revision=_revision(spec),
        mesh_id=str(shared.get("meshID") or ""),
        cluster_id=str((shared.get("multiCluster") or {}).get("clusterName") or ""),
        network=str(shared.get("network") or ""),
        trust_domain=str(mesh.get("trustDomain") or "cluster.local"),
        pilot_env={name: _text(value) for name, value in environment.items()},
        mesh_config={key: value for key, value in mesh.items() if key != "trustDomain"},
    )


def gateways_of(spec: JSON, version: str) -> list[GatewayWanted]:
    """The ingress gateways that a spec asks for, that of its profile included."""
    found = []
    declared = (spec.get("components") or {}).get("ingressGateways") or []
    if spec.get("profile", "default") in PROFILES_WITH_INGRESS and INGRESS not in {one["name"] for one in declared}:
        declared = [{"name": INGRESS, "enabled": True}, *declared]
    for gateway in declared:
        if gateway.get("enabled") is False:
            continue
        name = str(gateway["name"])
        settings = gateway.get("k8s") or {}
        labels = gateway.get("label") or {"app": name, "istio": name.removeprefix("istio-")}
        ports = (settings.get("service") or {}).get("ports") or INGRESS_PORTS
        found.append(
            GatewayWanted(
                name=name,
                namespace=str(gateway.get("namespace") or _namespace(spec)),
                version=version,
                revision=_revision(spec),
                labels={str(key): _text(value) for key, value in labels.items()},
                environment=_environment(settings.get("env") or []),
                ports=tuple(dict(port) for port in ports),
                annotations=settings.get("serviceAnnotations") or {},
            )
        )
    return found


def _namespace(spec: JSON) -> str:
    shared = (spec.get("values") or {}).get("global") or {}
    return str(spec.get("namespace") or shared.get("istioNamespace") or "istio-system")


def _revision(spec: JSON) -> str:
    revision = str(spec.get("revision") or "")
    return "" if revision == "default" else revision


def _environment(entries: Sequence[JSON]) -> dict[str, str]:
    return {str(one["name"]): _text(one.get("value", "")) for one in entries}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
