"""What the API server refuses in an object: names, labels, and the rules of each kind, with the texts of its own."""

from __future__ import annotations

import json
from typing import Any

from meshvm_tui.lab.cluster_api import schemas
from meshvm_tui.lab.cluster_api.errors import Cause, invalid
from meshvm_tui.lab.cluster_api.kinds import Kind
from meshvm_tui.lab.cluster_api.names import annotation_causes, label_causes, name_causes

JSON = dict[str, Any]
_IMMUTABLE = "field is immutable"
_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PORT_RANGE = "must be between 1 and 65535, inclusive"


def validate(kind: Kind, version: str, obj: JSON, live: JSON | None = None) -> None:
    """Raises the 422 that names everything that is wrong; `live` is what an update replaces."""
    metadata = obj["metadata"]
    name = str(metadata.get("name") or "")
    causes = name_causes(kind.kind, name)
    causes += label_causes(metadata.get("labels"), "metadata.labels")
    causes += annotation_causes(metadata.get("annotations"))
    if kind.custom:
        causes += schemas.check(kind.schemas.get(version, {}), obj)
    else:
        causes += _built_in(kind.kind, obj)
        if live is not None:
            causes += _immutable(kind.kind, obj, live)
    if causes:
        raise invalid(kind.group, kind.kind, name, causes)


def _built_in(kind: str, obj: JSON) -> list[Cause]:
    spec = obj.get("spec") or {}
    match kind:
        case "Service":
            causes = _service(spec)
        case "Pod":
            causes = _pod_spec(spec, "spec")
        case "Deployment" | "ReplicaSet":
            causes = _workload(spec)
        case "RoleBinding" | "ClusterRoleBinding":
            causes = _binding(obj)
        case "CustomResourceDefinition":
            causes = _definition(obj)
        case _:
            causes = []
    return causes


def _service(spec: JSON) -> list[Cause]:
    causes: list[Cause] = []
    ports = spec.get("ports") or []
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        causes.append(_required("spec.ports"))
    if spec.get("type") not in _SERVICE_TYPES:
        listed = ", ".join(f'"{name}"' for name in _SERVICE_TYPES)
        text = f'Unsupported value: "{spec.get("type")}": supported values: {listed}'
        causes.append(Cause("FieldValueNotSupported", text, "spec.type"))
    seen: set[tuple[Any, Any]] = set()
    names: set[str] = set()
    for place, port in enumerate(ports):
        field = f"spec.ports[{place}]"
        number = port.get("port")
        if not isinstance(number, int) or not 0 < number < 65536:
            causes.append(_invalid(f"{field}.port", number or 0, _PORT_RANGE))
        target = port.get("targetPort")
        if isinstance(target, int) and not 0 < target < 65536:
            causes.append(_invalid(f"{field}.targetPort", target, _PORT_RANGE))
        causes += _port_name(port, f"{field}.name", names, required=len(ports) > 1)
        if (number, port.get("protocol")) in seen:
            causes.append(Cause("FieldValueDuplicate", f'Duplicate value: {{"port":{number}}}', field))
        seen.add((number, port.get("protocol")))
    return causes + label_causes(spec.get("selector"), "spec.selector")


def _port_name(port: JSON, field: str, names: set[str], *, required: bool) -> list[Cause]:
    name = port.get("name", "")
    if not name:
        return [_required(field)] if required else []
    if name in names:
        return [Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', field)]
    names.add(name)
    return [Cause(cause.reason, cause.message, field) for cause in name_causes("Namespace", name, field)]


def _pod_spec(spec: JSON, field: str) -> list[Cause]:
    containers = spec.get("containers") or []
    causes = [] if containers else [_required(f"{field}.containers")]
    seen: set[str] = set()
    for place, container in enumerate(containers):
        at = f"{field}.containers[{place}]"
        name = container.get("name", "")
        if not name:
            causes.append(_required(f"{at}.name"))
        elif name in seen:
            causes.append(Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{at}.name"))
        else:
            causes += name_causes("Namespace", name, f"{at}.name")
        seen.add(name)
        if not container.get("image"):
            causes.append(_required(f"{at}.image"))
    return causes


def _workload(spec: JSON) -> list[Cause]:
    causes: list[Cause] = []
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    selector = (spec.get("selector") or {}).get("matchLabels") or {}
    if not spec.get("selector"):
        causes.append(_required("spec.selector"))
    if not spec.get("selector") or any(labels.get(key) != value for key, value in selector.items()):
        held = json.dumps(labels or None, separators=(",", ":"))
        text = f"Invalid value: {held}: `selector` does not match template `labels`"
        causes.append(Cause("FieldValueInvalid", text, "spec.template.metadata.labels"))
    causes += label_causes(labels, "spec.template.labels")
    return causes + _pod_spec(template.get("spec") or {}, "spec.template.spec")


def _binding(obj: JSON) -> list[Cause]:
    role = obj.get("roleRef") or {}
    causes = [] if role.get("name") else [_required("roleRef.name")]
    if role.get("kind") not in {"Role", "ClusterRole"}:
        text = f'Unsupported value: "{role.get("kind", "")}": supported values: "Role", "ClusterRole"'
        causes.append(Cause("FieldValueNotSupported", text, "roleRef.kind"))
    for place, subject in enumerate(obj.get("subjects") or ()):
        if subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            causes.append(_required(f"subjects[{place}].namespace"))
    return causes


def _definition(obj: JSON) -> list[Cause]:
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    missing = [f"spec.{name}" for name in ("group", "versions") if not spec.get(name)]
    missing += [f"spec.names.{name}" for name in ("plural", "kind") if not names.get(name)]
    if missing:
        return [_required(field) for field in missing]
    wanted = f"{names['plural']}.{spec['group']}"
    if obj["metadata"].get("name") != wanted:
        text = 'must be spec.names.plural+"."+spec.group'
        return [_invalid("metadata.name", obj["metadata"].get("name"), text)]
    return []


def _immutable(kind: str, obj: JSON, live: JSON) -> list[Cause]:
    match kind:
        case "Deployment" | "ReplicaSet":
            return _same(obj, live, "spec", "selector")
        case "Service":
            return _same_address(obj, live)
        case "Secret":
            return _same(obj, live, "type")
        case "RoleBinding" | "ClusterRoleBinding":
            if obj.get("roleRef") != live.get("roleRef"):
                return [_invalid("roleRef", obj.get("roleRef"), "cannot change roleRef")]
        case "Pod":
            return _pod_update(obj, live)
    return _frozen(kind, obj, live)


def _frozen(kind: str, obj: JSON, live: JSON) -> list[Cause]:
    if kind == "ConfigMap" and live.get("immutable") and obj.get("data") != live.get("data"):
        return [Cause("FieldValueForbidden", f"Forbidden: {_IMMUTABLE} when `immutable` is set", "data")]
    return []


def _same(obj: JSON, live: JSON, *path: str) -> list[Cause]:
    new, old = _at(obj, path), _at(live, path)
    return [] if new == old else [_invalid(".".join(path), new, _IMMUTABLE)]


def _same_address(obj: JSON, live: JSON) -> list[Cause]:
    before, after = _at(live, ("spec", "clusterIP")), _at(obj, ("spec", "clusterIP"))
    if not before or before == after or obj["spec"].get("type") == "ExternalName":
        return []
    return [_invalid("spec.clusterIPs[0]", [after], "may not change once set")]


def _pod_update(obj: JSON, live: JSON) -> list[Cause]:
    def fixed(pod: JSON) -> JSON:
        spec = {
            key: value
            for key, value in pod["spec"].items()
            if key not in {"tolerations", "activeDeadlineSeconds", "nodeName"}
        }
        spec["containers"] = [{**one, "image": ""} for one in spec.get("containers", ())]
        return spec

    if fixed(obj) == fixed(live):
        return []
    text = (
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
        "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )
    return [Cause("FieldValueForbidden", text, "spec")]


def _at(obj: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        obj = (obj or {}).get(name)
    return obj


def _required(field: str) -> Cause:
    return Cause("FieldValueRequired", "Required value", field)


def _invalid(field: str, value: Any, text: str) -> Cause:
    shown = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {text}", field)
