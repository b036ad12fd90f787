"""The five bootstrap files together: what they are made of, and how they are made, proven and compared.

They equal those of `istioctl x workload entry configure`, unless `Additions` ask for more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meshvm_tui.istio import cluster_env, hosts, mesh_config
from meshvm_tui.istio.bootstrap_differences import differences
from meshvm_tui.istio.bootstrap_files import FILE_NAMES, BootstrapFiles, Deviation
from meshvm_tui.istio.bootstrap_verify import verify
from meshvm_tui.istio.mesh_config import MeshConfig, ProxySettings
from meshvm_tui.istio.names import istiod_host
from meshvm_tui.istio.workload_group import WorkloadGroup
from meshvm_tui.problems import PermanentError

__all__ = (
    "FILE_NAMES",
    "Additions",
    "BootstrapFiles",
    "BootstrapInput",
    "Deviation",
    "differences",
    "notes",
    "render",
    "verify",
)


@dataclass(frozen=True)
class Additions:
    """What a plan wants in cluster.env beyond Istio's own: `env` wins over everything else.

    Ports are inbound ones that stay outside the mesh, ranges (CIDR) are destinations that do.
    """

    exclude_inbound_ports: tuple[int, ...] = ()
    exclude_outbound_ranges: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BootstrapInput:
    """Everything that the files are made of.

    `revision` is "" or `default` for the unrevisioned control plane; `gateway_address` is the IP at which VMs reach
    istiod; `internal_ip` and `external_ip` exclude each other; the token is hidden in every representation.
    """

    group: WorkloadGroup
    mesh: MeshConfig
    root_cert: str
    gateway_address: str
    istio_namespace: str = "istio-system"
    revision: str = ""
    cluster_id: str = ""
    internal_ip: str = ""
    external_ip: str = ""
    capture_dns: bool = True
    auto_register: bool = False
    token: str = field(default="", repr=False)
    extra: Additions = field(default_factory=Additions)


def render(given: BootstrapInput) -> BootstrapFiles:
    """The files. Raises PermanentError: MVM-508 without an IP of the gateway, MVM-511 and MVM-512 for what cannot
    be read or must not be sourced."""
    config, _ = mesh_config.proxy_config(given.mesh, given.group, _settings(given))
    values = cluster_env.variables(
        config,
        given.group,
        istio_namespace=given.istio_namespace,
        revision=given.revision,
        internal_ip=given.internal_ip,
        external_ip=given.external_ip,
    )
    return BootstrapFiles(
        cluster_env=cluster_env.render(_with_additions(values, given.extra)),
        mesh_yaml=mesh_config.render(config),
        root_cert=given.root_cert,
        hosts=_hosts(given),
        token=given.token,
    )


def notes(given: BootstrapInput) -> tuple[str, ...]:
    """What an operator should know about how the inputs were read: defaults taken, fields left out, labels that win."""
    _, left_out = mesh_config.proxy_config(given.mesh, given.group, _settings(given))
    labels = ", ".join(f"{key}={value}" for key, value in sorted(given.group.template_labels.items()))
    winning = (f"spec.template.labels win over spec.metadata.labels, where labels belong: {labels}",) if labels else ()
    return (*given.group.notes, *given.mesh.notes, *left_out, *winning)


def _settings(given: BootstrapInput) -> ProxySettings:
    return ProxySettings(
        istio_namespace=given.istio_namespace,
        revision=given.revision,
        cluster_id=given.cluster_id,
        capture_dns=given.capture_dns,
        auto_register=given.auto_register,
    )


def _hosts(given: BootstrapInput) -> str:
    try:
        return hosts.render(given.gateway_address, istio_namespace=given.istio_namespace, revision=given.revision)
    except ValueError as error:
        name = istiod_host(given.istio_namespace, given.revision)
        raise PermanentError("MVM-508", f"no address for {name}: {error}") from error


def _with_additions(values: Mapping[str, str], extra: Additions) -> dict[str, str]:
    result = dict(values)
    if extra.exclude_inbound_ports:
        ports = [str(port) for port in extra.exclude_inbound_ports]
        result[cluster_env.EXCLUDED_PORTS] = cluster_env.with_more(values[cluster_env.EXCLUDED_PORTS], ports)
    if extra.exclude_outbound_ranges:
        excluded = values.get(cluster_env.EXCLUDED_RANGES, "")
        result[cluster_env.EXCLUDED_RANGES] = cluster_env.with_more(excluded, extra.exclude_outbound_ranges)
    return {**result, **extra.env}
