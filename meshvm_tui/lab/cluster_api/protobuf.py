"""Protobuf request bodies of the few kinds that kubectl creates so: the `k8s` envelope and its small messages.

The envelope is the four bytes `k8s\\0` and a runtime.Unknown: type (1: apiVersion 1, kind 2) and raw (2). Field
numbers are those of the generated.proto files of k8s.io/api and k8s.io/apimachinery.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from meshvm_tui.lab.cluster_api.errors import ApiError, bad_request

JSON = dict[str, Any]
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"


@dataclass(frozen=True)
class _Field:
    """One field: its JSON name, and how its bytes are read (`string`, `bool`, `int`, `map`, or a message's name)."""

    name: str
    type: str = "string"
    repeated: bool = False


_Message = dict[int, _Field]

_MESSAGES: dict[str, _Message] = {
    "ObjectMeta": {
        1: _Field("name"),
        2: _Field("generateName"),
        3: _Field("namespace"),
        5: _Field("uid"),
        6: _Field("resourceVersion"),
        11: _Field("labels", "map"),
        12: _Field("annotations", "map"),
        14: _Field("finalizers", repeated=True),
    },
    "Reference": {1: _Field("name")},
    "SecretReference": {1: _Field("kind"), 2: _Field("namespace"), 3: _Field("name"), 4: _Field("uid")},
    "Namespace": {1: _Field("metadata", "ObjectMeta"), 2: _Field("spec", "NamespaceSpec")},
    "NamespaceSpec": {1: _Field("finalizers", repeated=True)},
    "ServiceAccount": {
        1: _Field("metadata", "ObjectMeta"),
        2: _Field("secrets", "SecretReference", repeated=True),
        3: _Field("imagePullSecrets", "Reference", repeated=True),
        4: _Field("automountServiceAccountToken", "bool"),
    },
    "TokenRequest": {1: _Field("metadata", "ObjectMeta"), 2: _Field("spec", "TokenRequestSpec")},
    "TokenRequestSpec": {
        1: _Field("audiences", repeated=True),
        3: _Field("boundObjectRef", "BoundObjectReference"),
        4: _Field("expirationSeconds", "int"),
    },
    "BoundObjectReference": {1: _Field("kind"), 2: _Field("apiVersion"), 3: _Field("name"), 4: _Field("uid")},
    "SelfSubjectAccessReview": {
        1: _Field("metadata", "ObjectMeta"),
        2: _Field("spec", "SelfSubjectAccessReviewSpec"),
    },
    "SelfSubjectAccessReviewSpec": {
        1: _Field("resourceAttributes", "ResourceAttributes"),
        2: _Field("nonResourceAttributes", "NonResourceAttributes"),
    },
    "ResourceAttributes": {
        1: _Field("namespace"),
        2: _Field("verb"),
        3: _Field("group"),
        4: _Field("version"),
        5: _Field("resource"),
        6: _Field("subresource"),
        7: _Field("name"),
    },
    "NonResourceAttributes": {1: _Field("path"), 2: _Field("verb")},
    "SelfSubjectRulesReview": {1: _Field("metadata", "ObjectMeta"), 2: _Field("spec", "RulesReviewSpec")},
    "RulesReviewSpec": {1: _Field("namespace")},
    "SelfSubjectReview": {1: _Field("metadata", "ObjectMeta")},
    "DeleteOptions": {
        1: _Field("gracePeriodSeconds", "int"),
        2: _Field("preconditions", "Preconditions"),
        4: _Field("propagationPolicy"),
        5: _Field("dryRun", repeated=True),
    },
    "Preconditions": {1: _Field("uid"), 2: _Field("resourceVersion")},
}
_TYPE: _Message = {1: _Field("apiVersion"), 2: _Field("kind")}


def decode(body: bytes) -> JSON:
    """The object in an envelope; 400 where it is malformed, 415 where its kind is not known here."""
    if not body.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix 'k8s'")
    try:
        parts = {number: value for number, value in _fields(body[len(_MAGIC) :]) if isinstance(value, bytes)}
        type_ = _message(_TYPE, parts[1])
        kind = type_.get("kind", "")
        if kind not in _MESSAGES:
            told = f"the lab reads no protobuf body of kind {kind}; send application/json"
            raise ApiError(415, "UnsupportedMediaType", told)
        return {**type_, **_message(_MESSAGES[kind], parts.get(2, b""))}
    except (IndexError, KeyError, UnicodeDecodeError):
        raise bad_request("the protobuf body ends too early") from None


def _message(message: _Message, data: bytes) -> JSON:
    found: JSON = {}
    for number, raw in _fields(data):
        field = message.get(number)
        if field is None:
            continue
        value = _value(field.type, raw)
        if field.type == "map":
            found.setdefault(field.name, {}).update(value)
        elif field.repeated:
            found.setdefault(field.name, []).append(value)
        elif value != "":  # gogo-protobuf writes empty strings where JSON leaves them out
            found[field.name] = value
    return found


def _value(type_: str, raw: bytes | int) -> Any:
    if isinstance(raw, int):
        return bool(raw) if type_ == "bool" else raw
    match type_:
        case "string":
            return raw.decode()
        case "map":
            pair = {number: value.decode() for number, value in _fields(raw) if isinstance(value, bytes)}
            return {pair.get(1, ""): pair.get(2, "")}
    return _message(_MESSAGES[type_], raw)


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        match tag & 7:
            case 0:
                value, place = _varint(data, place)
                yield tag >> 3, value
            case 2:
                length, place = _varint(data, place)
                if place + length > len(data):
                    raise IndexError
                yield tag >> 3, data[place : place + length]
                place += length
            case 1:
                place += 8
            case 5:
                place += 4
            case _:
                raise IndexError


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
