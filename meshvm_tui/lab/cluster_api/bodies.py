"""Request bodies: JSON, YAML and protobuf, by their media type."""

from __future__ import annotations

import json
from typing import Any

import yaml

from meshvm_tui.lab.cluster_api import protobuf
from meshvm_tui.lab.cluster_api.errors import bad_request, unsupported_media_type

JSON = dict[str, Any]
_ACCEPTED = ("application/json", "application/yaml", protobuf.MEDIA_TYPE)


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: dates stay text, for they become JSON first."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def media_type(header: str) -> str:
    """A Content-Type without its parameters."""
    return header.partition(";")[0].strip().lower() or "application/json"


def read_object(content_type: str, body: bytes) -> JSON:
    """The object in a body; 415 for other media types, 400 for a body that cannot be read."""
    kind = media_type(content_type)
    if kind == protobuf.MEDIA_TYPE:
        return protobuf.decode(body)
    if kind not in _ACCEPTED:
        raise unsupported_media_type(_ACCEPTED)
    value = read_json(body) if kind == "application/json" else read_yaml(body)
    if not isinstance(value, dict):
        raise bad_request("couldn't get version/kind; json parse error: json: cannot unmarshal into an object")
    return value


def read_json(body: bytes) -> Any:
    """JSON, or 400."""
    try:
        return json.loads(body)
    except ValueError as problem:
        raise bad_request(f"couldn't get version/kind; json parse error: {problem}") from None


def read_yaml(body: bytes) -> Any:
    """YAML, of which JSON is a part; or 400."""
    try:
        return json.loads(body)
    except ValueError:
        pass
    try:
        return yaml.load(body, Loader=_Loader)
    except yaml.YAMLError as problem:
        raise bad_request(f"error decoding YAML: {problem}") from None
