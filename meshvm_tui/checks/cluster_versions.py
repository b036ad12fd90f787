"""Versions that do not go together: nodes and API server, Istio and this product, proxies and istiod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshvm_tui.findings import Finding, found
from meshvm_tui.istio.releases import is_supported, version_parts

JSON = dict[str, Any]
# Kubernetes' version skew policy: a kubelet may be three minor versions older than the API server, never newer.
KUBELET_SKEW = 3
# Istio keeps a data plane one minor version away from its control plane.
PROXY_SKEW = 1


def nodes_beside_server(server: str, nodes: Sequence[JSON]) -> tuple[Finding, ...]:
    """Kubelets that are out of the skew policy."""
    own = version_parts(server)
    if not own:
        return ()
    apart = []
    for node in nodes:
        told = str((((node.get("status") or {}).get("nodeInfo")) or {}).get("kubeletVersion") or "")
        parts = version_parts(told)
        if parts and not 0 <= own[1] - parts[1] <= KUBELET_SKEW:
            apart.append(f"{(node.get('metadata') or {}).get('name')} {told}")
    return (found("MVM-131", f"API server {server}; {', '.join(sorted(apart))}"),) if apart else ()


def istio_release(version: str) -> tuple[Finding, ...]:
    """A control plane outside 1.22 to 1.31."""
    parts = version_parts(version)
    return (found("MVM-241", f"istiod is {version}"),) if parts and not is_supported(parts) else ()


def sidecar_beside_istiod(sidecar: str, istiod: str) -> tuple[Finding, ...]:
    """The package that the plan pins, beside the control plane. An empty version follows istiod's."""
    if _minors_apart(sidecar, istiod) <= PROXY_SKEW:
        return ()
    return (found("MVM-242", f"sidecar.version is {sidecar}, istiod is {istiod}"),)


def gateway_beside_istiod(images: Mapping[str, str], istiod: str) -> tuple[Finding, ...]:
    """The gateway's running proxies: Pod name to image tag."""
    apart = [
        f"Pod {name} runs {tag}" for name, tag in sorted(images.items()) if _minors_apart(tag, istiod) > PROXY_SKEW
    ]
    return (found("MVM-243", f"{', '.join(apart)}; istiod is {istiod}"),) if apart else ()


def _minors_apart(one: str, other: str) -> int:
    """0 where either is not known."""
    first, second = version_parts(one), version_parts(other)
    return abs(first[1] - second[1]) if first and second else 0
