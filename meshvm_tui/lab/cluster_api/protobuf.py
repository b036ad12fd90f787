"""Protobuf request bodies of the kinds that kubectl creates so: the `k8s` envelope and its small messages.

The envelope is the four bytes `k8s\\0` and a runtime.Unknown: type (1: apiVersion 1, kind 2) and raw (2). Field
numbers are those of the generated.proto files of k8s.io/api and k8s.io/apimachinery.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from meshvm_tui.lab.cluster_api.errors import ApiError, bad_request
from meshvm_tui.lab.cluster_api.protobuf_messages import MESSAGES, Field, Message

JSON = dict[str, Any]
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"


_TYPE: Message = {1: Field("apiVersion"), 2: Field("kind")}


def decode(body: bytes) -> JSON:
    """The object in an envelope; 400 where it is malformed, 415 where its kind is not known here."""
    if not body.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix 'k8s'")
    try:
        parts = {number: value for number, value in _fields(body[len(_MAGIC) :]) if isinstance(value, bytes)}
        type_ = _message(_TYPE, parts[1])
        kind = type_.get("kind", "")
        if kind not in MESSAGES:
            told = f"the lab reads no protobuf body of kind {kind}; send application/json"
            raise ApiError(415, "UnsupportedMediaType", told)
        return {**type_, **_message(MESSAGES[kind], parts.get(2, b""))}
    except (IndexError, KeyError, UnicodeDecodeError):
        raise bad_request("the protobuf body ends too early") from None


def _message(message: Message, data: bytes) -> JSON:
    found: JSON = {}
    for number, raw in _fields(data):
        field = message.get(number)
        if field is None:
            continue
        value = _value(field.type, raw)
        if field.type in {"map", "bytes-map"}:
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
        case "bytes-map":
            entry = {number: value for number, value in _fields(raw) if isinstance(value, bytes)}
            return {entry.get(1, b"").decode(): base64.b64encode(entry.get(2, b"")).decode()}
        case "int-or-string":
            choice = dict(_fields(raw))
            text = choice.get(3, b"")
            return text.decode() if choice.get(1) and isinstance(text, bytes) else choice.get(2, 0)
    return _message(MESSAGES[type_], raw)


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
