"""Validation of names, labels and annotations, with the texts of apimachinery."""

from __future__ import annotations

import re
import secrets
from typing import Any

from meshvm_tui.lab.cluster_api.errors import Cause

JSON = dict[str, Any]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = f"{_LABEL}(\\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_QUALIFIED_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character "
    f"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_VALUE}')"
)
_RANDOM = "bcdfghjklmnpqrstvwxz2456789"
_GENERATED_LENGTH = 63


def generated(prefix: str) -> str:
    """A name from generateName: the prefix, shortened if need be, and five characters."""
    return prefix[: _GENERATED_LENGTH - 5] + "".join(secrets.choice(_RANDOM) for _ in range(5))


def name_causes(kind: str, name: str, field: str = "metadata.name") -> list[Cause]:
    """What is wrong with an object's name, by the rule of its kind."""
    if kind in {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}:
        return _path_segment(name, field)
    if kind in {"Namespace", "Service"}:  # a Service's may start with a digit, since Kubernetes 1.36
        found = _matches(name, _LABEL, 63, _LABEL_TEXT)
    else:
        found = _matches(name, _SUBDOMAIN, 253, _SUBDOMAIN_TEXT)
    return [_invalid(field, name, text) for text in found]


def label_causes(labels: object, field: str) -> list[Cause]:
    """What is wrong with a map of labels."""
    if not isinstance(labels, dict):
        return []
    causes: list[Cause] = []
    for key, value in labels.items():
        causes += [_invalid(field, key, text) for text in _qualified_name(key)]
        causes += [_invalid(field, value, text) for text in _matches(str(value), _VALUE, 63, _VALUE_TEXT)]
    return causes


def annotation_causes(annotations: object) -> list[Cause]:
    """What is wrong with the keys of annotations."""
    if not isinstance(annotations, dict):
        return []
    field = "metadata.annotations"
    return [_invalid(field, key, text) for key in annotations for text in _qualified_name(key.lower())]


def _matches(value: str, pattern: str, limit: int, text: str) -> list[str]:
    found = [f"must be no more than {limit} characters"] if len(value) > limit else []
    return found if re.fullmatch(pattern, value) else [*found, text]


def _qualified_name(key: str) -> list[str]:
    prefix, slash, name = key.rpartition("/")
    found: list[str] = []
    if slash:
        found += [f"prefix part {text}" for text in _matches(prefix, _SUBDOMAIN, 253, _SUBDOMAIN_TEXT)]
    if not name:
        return [*found, "name part must be non-empty", _QUALIFIED_TEXT]
    if len(name) > 63:
        found.append("name part must be no more than 63 characters")
    return found if re.fullmatch(_QUALIFIED, name) else [*found, _QUALIFIED_TEXT]


def _path_segment(name: str, field: str) -> list[Cause]:
    if name in {".", ".."}:
        return [_invalid(field, name, f"may not be '{name}'")]
    return [_invalid(field, name, f"may not contain '{sign}'") for sign in ("/", "%") if sign in name]


def _invalid(field: str, value: str, text: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "{value}": {text}', field)
