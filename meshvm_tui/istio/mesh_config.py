"""The mesh's configuration as a VM gets it: MeshConfig's defaultConfig with what the WorkloadGroup adds.

Source of the rules: `istioctl x workload entry configure`, whose mesh.yaml this equals. Where that fails on a nil
map (an annotation's proxyMetadata in a mesh that has none), the two are merged here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshvm_tui.istio import yaml_dialect
from meshvm_tui.istio.names import is_revisioned, istiod_address
from meshvm_tui.istio.proto_json import FieldError
from meshvm_tui.istio.proxy_config import PROXY_CONFIG
from meshvm_tui.istio.workload_group import WorkloadGroup
from meshvm_tui.problems import PermanentError

JSON = dict[str, Any]

PROXY_CONFIG_ANNOTATION = "proxy.istio.io/config"
CANONICAL_NAME_LABEL = "service.istio.io/canonical-name"
CANONICAL_REVISION_LABEL = "service.istio.io/canonical-revision"
_NAME_LABELS = (CANONICAL_NAME_LABEL, "app.kubernetes.io/name", "app")
_REVISION_LABELS = (CANONICAL_REVISION_LABEL, "app.kubernetes.io/version", "version")


@dataclass(frozen=True)
class MeshConfig:
    """What a VM needs of MeshConfig. `default_config` may hold zero values; `notes` say what was left out."""

    trust_domain: str = ""
    default_config: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProxySettings:
    """What makes one VM's ProxyConfig beside mesh and group."""

    istio_namespace: str = "istio-system"
    revision: str = ""
    cluster_id: str = ""
    capture_dns: bool = True
    auto_register: bool = False


def parse(text: str, source: str = "the mesh configuration") -> MeshConfig:
    """The `mesh` of ConfigMap istio[-revision]. PermanentError MVM-506 names the place or the field."""
    try:
        document = yaml_dialect.load(text)
    except ValueError as error:
        raise PermanentError("MVM-506", f"{source}: {error}") from error
    return from_document(document, source)


def from_document(document: Any, source: str = "the mesh configuration") -> MeshConfig:
    """The same from what was parsed already; None stands for an empty document."""
    if document is None:
        return MeshConfig()
    if not isinstance(document, Mapping):
        raise PermanentError("MVM-506", f"{source} is no mapping")
    unknown: list[str] = []
    trust_domain = _either(document, "trustDomain", "trust_domain")
    if trust_domain is not None and not isinstance(trust_domain, str):
        raise PermanentError("MVM-506", f"{source}: trustDomain must be a text")
    try:
        given = _either(document, "defaultConfig", "default_config")
        default_config = PROXY_CONFIG.apply({}, given, "defaultConfig", unknown)
    except FieldError as error:
        raise PermanentError("MVM-506", f"{source}: {error}") from error
    notes = tuple(f"{source}: {path} is not known to Istio 1.31 and was left out" for path in unknown)
    return MeshConfig(trust_domain or "", default_config, notes)


def _either(document: Mapping[str, Any], name: str, original: str) -> Any:
    value = document.get(name)
    return document.get(original) if value is None else value


def proxy_config(mesh: MeshConfig, group: WorkloadGroup, settings: ProxySettings) -> tuple[JSON, tuple[str, ...]]:
    """The VM's ProxyConfig as JSON (zero values left out), and notes about what was left out of annotations.

    Raises PermanentError MVM-511 where an annotation cannot be read, MVM-515 where a value cannot stand in YAML.
    """
    unknown: list[str] = []
    config: JSON = dict(mesh.default_config)
    if is_revisioned(settings.revision) and not config.get("discoveryAddress"):
        config["discoveryAddress"] = istiod_address(settings.istio_namespace, settings.revision)
    metadata = dict(config.get("proxyMetadata", {}))
    for place, written in (
        ("metadata.annotations", group.annotations),
        ("spec.metadata.annotations", group.template_annotations),
    ):
        if PROXY_CONFIG_ANNOTATION in written:
            config = _annotated(config, written[PROXY_CONFIG_ANNOTATION], f"{group.name}: {place}", unknown)
            metadata |= config.get("proxyMetadata", {})
    config.pop("readinessProbe", None)
    if group.probe is not None:
        config["readinessProbe"] = dict(group.probe)
    config["proxyMetadata"] = metadata | _own_metadata(mesh, group, settings, config)
    notes = tuple(f"{path} is not known to Istio 1.31 and was left out" for path in unknown)
    written = PROXY_CONFIG.written(config)
    for path in yaml_dialect.unwritable({"defaultConfig": written}):
        raise PermanentError("MVM-515", f"mesh.yaml cannot hold {path}: YAML has no such control character")
    return written, notes


def _annotated(config: JSON, text: str, place: str, unknown: list[str]) -> JSON:
    path = f"{place}[{PROXY_CONFIG_ANNOTATION}]"
    try:
        return PROXY_CONFIG.apply(config, yaml_dialect.load(text), path, unknown)
    except FieldError as error:
        raise PermanentError("MVM-511", str(error)) from error
    except ValueError as error:
        raise PermanentError("MVM-511", f"{path}: {error}") from error


def _own_metadata(mesh: MeshConfig, group: WorkloadGroup, settings: ProxySettings, config: JSON) -> dict[str, str]:
    """What a VM's proxy must say of itself; wins over everything that mesh and annotations say."""
    labels = {**group.labels, **group.template_labels}
    labels[CANONICAL_NAME_LABEL] = _first(labels, _NAME_LABELS, group.name)
    labels[CANONICAL_REVISION_LABEL] = _first(labels, _REVISION_LABELS, "latest")
    metadata = {
        "CANONICAL_SERVICE": labels[CANONICAL_NAME_LABEL],
        "CANONICAL_REVISION": labels[CANONICAL_REVISION_LABEL],
        "POD_NAMESPACE": group.namespace,
        "SERVICE_ACCOUNT": group.service_account,
        "TRUST_DOMAIN": mesh.trust_domain,
        "ISTIO_META_CLUSTER_ID": settings.cluster_id,
        "ISTIO_META_MESH_ID": config.get("meshId", ""),
        "ISTIO_META_NETWORK": group.network,
        "ISTIO_META_WORKLOAD_NAME": group.name,
        "ISTIO_METAJSON_LABELS": compact_json(labels),
    }
    if group.ports:
        metadata["ISTIO_META_POD_PORTS"] = compact_json([_pod_port(*item) for item in sorted(group.ports.items())])
    if settings.capture_dns:
        metadata["ISTIO_META_DNS_CAPTURE"] = "true"
    if settings.auto_register:
        metadata["ISTIO_META_AUTO_REGISTER_GROUP"] = group.name
    return metadata


def _pod_port(name: str, port: int) -> JSON:
    """In the order of Istio's own structure, which leaves an empty name out and nothing else."""
    return {**({"name": name} if name else {}), "containerPort": port, "protocol": ""}


def _first(labels: Mapping[str, str], keys: tuple[str, ...], default: str) -> str:
    return next((labels[key] for key in keys if key in labels), default)


def compact_json(value: Any) -> str:
    """JSON as Go writes it: without spaces, mappings sorted, and `<`, `>` and `&` escaped."""
    if isinstance(value, Mapping):
        value = dict(sorted(value.items()))
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def render(config: Mapping[str, Any]) -> str:
    """mesh.yaml: the ProxyConfig alone, whatever else MeshConfig holds."""
    return yaml_dialect.dump({"defaultConfig": dict(config)})
