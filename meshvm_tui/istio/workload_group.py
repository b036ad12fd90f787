"""The WorkloadGroup: the object that the plan wants, and what a group says that was written by anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from meshvm_tui.istio import yaml_dialect
from meshvm_tui.istio.proto_json import UINT32, FieldError, Message, mapping, message, scalar, string
from meshvm_tui.istio.proxy_config import READINESS_PROBE
from meshvm_tui.problems import PermanentError

if TYPE_CHECKING:
    from meshvm_tui.plan import Workload

JSON = dict[str, Any]

API_VERSION = "networking.istio.io/v1"
OLD_API_VERSION = "networking.istio.io/v1alpha3"
DEFAULT_SERVICE_ACCOUNT = "default"
_FIRST_MINOR_WITH_V1 = 24

_TEXTS = scalar(mapping(string, ""))
_TEMPLATE = {
    "address": scalar(string),
    "ports": scalar(mapping(UINT32, 0)),
    "labels": _TEXTS,
    "network": scalar(string),
    "locality": scalar(string),
    "weight": scalar(UINT32),
    "serviceAccount": scalar(string),
}
_SPEC = Message(
    {
        "metadata": message({"labels": _TEXTS, "annotations": _TEXTS}),
        "template": message(_TEMPLATE),
        "probe": message(READINESS_PROBE.fields),
    }
)


@dataclass(frozen=True)
class WorkloadGroup:
    """A WorkloadGroup in plain values.

    `annotations` are the object's own, `template_annotations` those of spec.metadata; `labels` are those of
    spec.metadata, over which `template_labels` (spec.template.labels) win. `probe` is None where there is none.
    `notes` say what was taken as a default or left out while reading.
    """

    name: str
    namespace: str
    service_account: str = DEFAULT_SERVICE_ACCOUNT
    network: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    template_labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    template_annotations: Mapping[str, str] = field(default_factory=dict)
    probe: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


def api_version_for(istio_version: str) -> str:
    """The version that this release's own tools write; every release since 1.22 serves v1."""
    parts = istio_version.split(".")
    minor = parts[1] if len(parts) > 1 else ""
    known = minor.isdigit() and parts[0] == "1"
    return OLD_API_VERSION if known and int(minor) < _FIRST_MINOR_WITH_V1 else API_VERSION


def workload_group(workload: Workload, *, istio_version: str = "") -> JSON:
    """The object of the plan's workload. With a version below 1.24 it is written as v1alpha3, as a document."""
    template: JSON = {"serviceAccount": workload.service_account}
    template |= {
        name: value
        for name, value in (
            ("ports", dict(workload.ports)),
            ("network", workload.network),
            ("locality", workload.locality),
            ("weight", workload.weight),
        )
        if value
    }
    metadata: JSON = {
        name: value
        for name, value in (("labels", dict(workload.labels)), ("annotations", dict(workload.annotations)))
        if value
    }
    spec: JSON = {"metadata": metadata, "template": template}
    if workload.probe is not None:
        spec["probe"] = workload.probe.model_dump(by_alias=True, exclude_none=True)
    return {
        "apiVersion": api_version_for(istio_version),
        "kind": "WorkloadGroup",
        "metadata": {"name": workload.name, "namespace": workload.namespace},
        "spec": spec,
    }


def workload_group_yaml(workload: Workload, *, istio_version: str = "") -> str:
    """The same as YAML, as `istioctl x workload group create` writes it."""
    return yaml_dialect.dump(workload_group(workload, istio_version=istio_version))


def parse_file(text: str, source: str) -> WorkloadGroup:
    """The group of a file. Kind and version are not looked at, as istioctl does not. PermanentError MVM-501."""
    try:
        document = yaml_dialect.load(text)
    except ValueError as error:
        raise PermanentError("MVM-501", f"{source}: {error}") from error
    if not isinstance(document, Mapping):
        raise PermanentError("MVM-501", f"{source} holds no WorkloadGroup: a mapping with metadata and spec is needed")
    return parse_object(document, source)


def parse_object(obj: Mapping[str, Any], source: str) -> WorkloadGroup:
    """The group of an object from a file or from the API server. PermanentError MVM-501 names the field.

    A group without metadata, template or serviceAccount gets istioctl's defaults for a file, wherever it comes from.
    """
    metadata = _mapping(obj.get("metadata"), "metadata", source)
    name, namespace = (_identity(metadata, key, source) for key in ("name", "namespace"))
    unknown: list[str] = []
    try:
        spec = _SPEC.apply({}, obj.get("spec"), "spec", unknown)
    except FieldError as error:
        raise PermanentError("MVM-501", f"{source}: {error}") from error
    notes = [f"{source}: {path} is not a field of a WorkloadGroup and was left out" for path in unknown]
    template: JSON = spec.get("template", {})
    if not template.get("serviceAccount"):
        notes.append(f"{source} names no serviceAccount: {DEFAULT_SERVICE_ACCOUNT} is used")
    return WorkloadGroup(
        name=name,
        namespace=namespace,
        service_account=template.get("serviceAccount") or DEFAULT_SERVICE_ACCOUNT,
        network=template.get("network", ""),
        ports=template.get("ports", {}),
        labels=spec.get("metadata", {}).get("labels", {}),
        template_labels=template.get("labels", {}),
        annotations=_annotations(metadata, source),
        template_annotations=spec.get("metadata", {}).get("annotations", {}),
        probe=spec.get("probe"),
        notes=tuple(notes),
    )


def _mapping(value: Any, path: str, source: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise PermanentError("MVM-501", f"{source}: {path} must be a mapping")
    return value


def _identity(metadata: Mapping[str, Any], key: str, source: str) -> str:
    value = metadata.get(key)
    if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value):
        return str(value)
    if isinstance(value, (bool, float)):
        # istioctl would take 12e5 for 1.2e+06, which is no name of anything.
        raise PermanentError("MVM-501", f"{source}: metadata.{key} must be a text (put it between quotes): {value!r}")
    raise PermanentError("MVM-501", f"{source}: metadata.{key} is missing")


def _annotations(metadata: Mapping[str, Any], source: str) -> dict[str, str]:
    found = _mapping(metadata.get("annotations"), "metadata.annotations", source)
    for key, value in found.items():
        if isinstance(value, (Mapping, list)):
            raise PermanentError("MVM-501", f"{source}: metadata.annotations.{key} must be a text (write it after `|`)")
    return {key: "" if value is None else str(value) for key, value in found.items()}
