"""Label selectors and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from meshvm_tui.lab.cluster_api.errors import ApiError, bad_request
from meshvm_tui.lab.cluster_api.kinds import Kind

JSON = dict[str, Any]
_Test = Callable[[dict[str, str]], bool]
_KEY = r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?"
_SET = re.compile(rf"^({_KEY})\s+(in|notin)\s*\(([^)]*)\)$")
_EQUAL = re.compile(rf"^({_KEY})\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)$")
_EXISTS = re.compile(rf"^(!?)\s*({_KEY})$")

# Fields by which a kind can be selected, beside metadata.name and metadata.namespace.
_FIELDS: dict[str, tuple[str, ...]] = {
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
    ),
    "Event": (
        *(
            f"involvedObject.{name}"
            for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
        ),
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "Namespace": ("status.phase",),
    "Secret": ("type",),
    "Service": ("spec.clusterIP", "spec.type"),
    "Node": ("spec.unschedulable",),
    "ReplicaSet": ("status.replicas",),
}


class LabelSelector:
    """A label selector in its text form; "" selects everything."""

    def __init__(self, text: str) -> None:
        self._tests: list[_Test] = [_label_test(term.strip(), text) for term in _terms(text)]

    def matches(self, obj: JSON) -> bool:
        """Whether an object is selected."""
        labels = obj["metadata"].get("labels") or {}
        return all(test(labels) for test in self._tests)


class FieldSelector:
    """A field selector in its text form for one kind; raises 400 for a field that the kind cannot be selected by."""

    def __init__(self, kind: Kind, text: str) -> None:
        known = {"metadata.name", *(("metadata.namespace",) if kind.namespaced else ())}
        if not kind.custom:
            known |= set(_FIELDS.get(kind.kind, ()))
        self._terms: list[tuple[tuple[str, ...], str, bool]] = []
        for term in filter(None, text.split(",")):
            name, sign, value = re.split(r"(==|!=|=)", term, maxsplit=1) if "=" in term else (term, "", "")
            if not sign:
                raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
            if name not in known:
                raise bad_request(f"field label not supported: {name}")
            self._terms.append((tuple(name.split(".")), value, sign == "!="))

    def matches(self, obj: JSON) -> bool:
        """Whether an object is selected."""
        return all((_field(obj, path) == value) is not negated for path, value, negated in self._terms)

    def name(self) -> str:
        """The one name that it selects; "" where it selects by something else."""
        return next((v for path, v, negated in self._terms if path == ("metadata", "name") and not negated), "")


def _field(obj: Any, path: tuple[str, ...]) -> str:
    if path == ("source",):
        return str((obj.get("source") or {}).get("component", ""))
    for name in path:
        obj = obj.get(name) if isinstance(obj, dict) else None
    if isinstance(obj, bool):
        return str(obj).lower()
    return "" if obj is None else str(obj)


def _terms(text: str) -> list[str]:
    """Splits at the commas that are not in parentheses."""
    return [term for term in re.split(r",(?![^()]*\))", text) if term.strip()]


def _label_test(term: str, text: str) -> _Test:
    if found := _SET.match(term):
        key, operator = found[1], found[3]
        values = {value.strip() for value in found[4].split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: key not in labels or labels[key] not in values
    if found := _EQUAL.match(term):
        key, operator, value = found[1], found[3], found[4]
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _EXISTS.match(term):
        negated, key = bool(found[1]), found[2]
        return lambda labels: (key in labels) is not negated
    raise _unreadable(text)


def _unreadable(text: str) -> ApiError:
    return bad_request(f'unable to parse requirement: found "{text}", expected: a label selector')
