"""Reads the five files again as the VM will, and says what is wrong in which file and key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshvm_tui.istio import cluster_env, hosts, pem, token, yaml_dialect
from meshvm_tui.istio.bootstrap_files import (
    CLUSTER_ENV,
    HOSTS,
    MESH_YAML,
    ROOT_CERT,
    TOKEN,
    BootstrapFiles,
    Deviation,
)

# Without these the agent joins as somebody else, or not at all.
_NEEDED = ("ISTIO_NAMESPACE", "ISTIO_SERVICE", "POD_NAMESPACE", "SERVICE_ACCOUNT", "ISTIO_META_WORKLOAD_NAME")
_PORT_LISTS = (cluster_env.INBOUND_PORTS, cluster_env.EXCLUDED_PORTS)
_LAST_PORT = 65535


def verify(files: BootstrapFiles, *, now: float | None = None) -> tuple[Deviation, ...]:
    """What is wrong; empty where nothing is. `now` (seconds since the epoch) lets an expired token be named.

    A token is looked at only where there is one.
    """
    values, unreadable = cluster_env.parse(files.cluster_env)
    found = [Deviation(CLUSTER_ENV, "", f"holds what is no plain value: {part.text[:80]}") for part in unreadable]
    found += _variables(values)
    config, broken = _config(files.mesh_yaml)
    found += broken or [*_agreement(config, values)]
    if fault := pem.pem_fault(files.root_cert):
        found.append(Deviation(ROOT_CERT, "", fault))
    found += _hosts(files.hosts, config, values)
    if files.token:
        identity = {
            "namespace": values.get("POD_NAMESPACE", ""),
            "service_account": values.get("SERVICE_ACCOUNT", ""),
        }
        found += [Deviation(TOKEN, claim, what) for claim, what in token.faults(files.token, **identity, now=now)]
    return tuple(found)


def _variables(values: Mapping[str, str]) -> Iterator[Deviation]:
    for name in _NEEDED:
        if not values.get(name):
            yield Deviation(CLUSTER_ENV, name, "is missing" if name not in values else "is empty")
    for name in _PORT_LISTS:
        ports = values.get(name, "")
        if ports != cluster_env.EVERYTHING and not all(_is_port(port) for port in ports.split(",")):
            yield Deviation(CLUSTER_ENV, name, f"is no list of ports: {ports!r}")
    address = values.get("ISTIO_SVC_IP")
    if address is not None and not hosts.is_ip(address):
        yield Deviation(CLUSTER_ENV, "ISTIO_SVC_IP", f"is no IP address: {address!r}")


def _is_port(text: str) -> bool:
    return text.isdecimal() and 0 < int(text) <= _LAST_PORT


def _config(text: str) -> tuple[Mapping[str, Any], list[Deviation]]:
    try:
        document = yaml_dialect.load(text)
    except ValueError as error:
        return {}, [Deviation(MESH_YAML, "", f"cannot be read: {error}")]
    config = document.get("defaultConfig") if isinstance(document, Mapping) else None
    if not isinstance(config, Mapping) or not isinstance(config.get("proxyMetadata"), Mapping):
        return {}, [Deviation(MESH_YAML, "defaultConfig.proxyMetadata", "is missing")]
    return config, []


def _agreement(config: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Deviation]:
    """The proxy's metadata stands in both files and must be the same."""
    for name, value in config["proxyMetadata"].items():
        path = f"defaultConfig.proxyMetadata.{name}"
        if not isinstance(value, str):
            yield Deviation(MESH_YAML, path, f"must be a text, not {value!r}")
        elif name in _NEEDED and values.get(name, value) != value:
            yield Deviation(MESH_YAML, path, f"is {value!r}, but {values[name]!r} in {CLUSTER_ENV}")


def _hosts(text: str, config: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Deviation]:
    known = hosts.parse(text)
    if not known:
        yield Deviation(HOSTS, "", "names no host")
    for name, address in known.items():
        if not hosts.is_ip(address):
            yield Deviation(HOSTS, name, f"has no IP address: {address!r}")
    wanted = str(values.get("CA_ADDR") or config.get("discoveryAddress") or "").rpartition(":")[0]
    if known and wanted.startswith("istiod") and wanted not in known:
        yield Deviation(HOSTS, wanted, "is missing")
