"""The judge of requests to Google: Google's own discovery documents, out of google-api-python-client.

`judge` routes a request as the documents do and says everything that is wrong with it; `warnings` what Google would
ignore; `judge_answer` is for those who play Google. The documents say less than the servers do: hardly any field is
marked as required, and the length of a name or the size of metadata stands in prose only.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft7Validator

from tests.google.discovery_schemas import Schema, fields, json_schema

DOCUMENTS = {
    "compute": "compute.v1",
    "container": "container.v1",
    "oslogin": "oslogin.v1",
    "cloudresourcemanager": "cloudresourcemanager.v3",
    "serviceusage": "serviceusage.v1",
    "iamcredentials": "iamcredentials.v1",
}
Query = Mapping[str, str | Sequence[str]]

# What clients of Google send though no document lists it: the REST transports' way to ask for enums as numbers.
_SYSTEM_PARAMETERS = {"$alt"}
_VARIABLE = re.compile(r"\{(\+?)(\w+)\}")
_OUTPUT_ONLY = re.compile(r"^(?:\[Output Only\]|Output only)", re.IGNORECASE)


@dataclass(frozen=True)
class Route:
    """A method of an API that a path fits."""

    method: Schema
    values: Mapping[str, str]


@dataclass(frozen=True)
class Document:
    """One API's document, with its methods ready to be matched."""

    content: Schema
    methods: tuple[tuple[re.Pattern[str], Schema], ...] = field(repr=False)

    @property
    def schemas(self) -> dict[str, Schema]:
        """The schemas by name."""
        found: dict[str, Schema] = self.content["schemas"]
        return found

    def routes(self, path: str) -> list[Route]:
        """The methods whose path this is, those with the most literal path first."""
        matches = [(pattern.fullmatch(path), method) for pattern, method in self.methods]
        found = [Route(method, _values(method, match)) for match, method in matches if match]
        return sorted(found, key=lambda route: sum(map(len, route.values.values())))


@cache
def document(api: str) -> Document:
    """The document of an API by its word in `google_endpoints`."""
    package = importlib.util.find_spec("googleapiclient")
    assert package and package.submodule_search_locations, "google-api-python-client is not installed"
    root = Path(package.submodule_search_locations[0])
    content = json.loads((root / "discovery_cache" / "documents" / f"{DOCUMENTS[api]}.json").read_bytes())
    methods = [(_pattern(content, method["flatPath"]), method) for method in _methods(content)]
    return Document(content, tuple(methods))


def judge(api: str, method: str, path: str, query: Query | None = None, body: Any = None) -> list[str]:
    """Everything that a request violates. `path` is the URL's, such as /compute/v1/projects/p/zones/z/instances;
    `body` is the JSON, or None (also "" or b"") where nothing was sent."""
    found = _route(api, method, path)
    if isinstance(found, str):
        return [found]
    said = [*_path_violations(api, found, path), *_query_violations(api, found.method, query or {})]
    return said + list(_body_violations(api, found.method, None if body in ("", b"") else body))


def judge_log(lines: Iterable[str]) -> list[str]:
    """Everything that the requests of a log violate: one JSON object a line, with api, method, path, query and body.
    Those of APIs without a document, such as the token endpoint's, are passed over."""
    said = []
    for line in lines:
        asked = json.loads(line)
        if asked["api"] in DOCUMENTS:
            query, body = asked.get("query") or {}, asked.get("body")
            found = judge(asked["api"], asked["method"], asked["path"], query, body)
            said += [f"{asked['method']} {asked['path']}: {words}" for words in found]
    return said


def warnings(api: str, method: str, path: str, body: Any) -> list[str]:
    """What Google ignores or has deprecated: fields that are output only, values of an enum."""
    found = _route(api, method, path)
    if isinstance(found, str) or "request" not in found.method:
        return []
    said = []
    for place, schema, given in fields(document(api).schemas, found.method["request"], body):
        if given is None:
            continue
        if schema.get("readOnly") or _OUTPUT_ONLY.match(schema.get("description", "")):
            said.append(f"{place} is output only")
        deprecated = dict(zip(schema.get("enum", ()), schema.get("enumDeprecated", ()), strict=False))
        if isinstance(given, str) and deprecated.get(given):
            said.append(f"{place}: {given} is deprecated")
    return said


def judge_answer(api: str, method: str, path: str, answer: Any) -> list[str]:
    """Everything that a successful answer violates; unknown fields and new values of an enum are Google's right."""
    found = _route(api, method, path)
    if isinstance(found, str):
        return [found]
    if "response" not in found.method:
        return []
    return list(_schema_violations(api, found.method["response"]["$ref"], answer, closed=False))


def method_id(api: str, method: str, path: str) -> str:
    """The method that a request is for, such as compute.instances.insert; "" where there is none."""
    found = _route(api, method, path)
    return "" if isinstance(found, str) else str(found.method["id"])


def _route(api: str, method: str, path: str) -> Route | str:
    if api not in DOCUMENTS:
        return f"{api}: no API that is known here"
    routes = document(api).routes(path)
    for route in routes:
        if route.method["httpMethod"] == method:
            return route
    others = sorted({route.method["httpMethod"] for route in routes})
    return f"{method} {path}: the path takes {', '.join(others)}" if others else f"{method} {path}: no such path"


def _path_violations(api: str, route: Route, path: str) -> Iterator[str]:
    """Values of the path against their patterns: by the flat template, and where that has names of its own by the
    other one."""
    parameters = route.method.get("parameters", {})
    values = dict(route.values)
    if not values.keys() <= parameters.keys() and (
        match := _pattern(document(api).content, route.method["path"]).fullmatch(path)
    ):
        values = dict(_values(route.method, match, "path"))
    for name, value in values.items():
        pattern = parameters.get(name, {}).get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            yield f"path: {name} {value!r} does not match {pattern}"


def _query_violations(api: str, method: Schema, query: Query) -> Iterator[str]:
    own = {name: given for name, given in method.get("parameters", {}).items() if given["location"] == "query"}
    known = document(api).content.get("parameters", {}) | own
    for name, schema in own.items():
        if schema.get("required") and name not in query:
            yield f"query: {name} is missing"
    for name, given in query.items():
        values = [given] if isinstance(given, str) else list(given)
        if name in _SYSTEM_PARAMETERS:
            continue
        if name not in known:
            yield f"query: {name} is unknown to {method['id']}"
            continue
        if len(values) > 1 and not known[name].get("repeated"):
            yield f"query: {name} is given {len(values)} times"
        for value in values:
            yield from _value_violations(name, known[name], value)


def _value_violations(name: str, schema: Schema, value: str) -> Iterator[str]:
    kind = schema.get("type")
    if kind == "boolean" and value not in ("true", "false"):
        yield f"query: {name} {value!r} is no boolean"
    if kind == "integer" or schema.get("format") in ("int64", "uint64"):
        if not re.fullmatch(r"-?\d+", value):
            yield f"query: {name} {value!r} is no integer"
        elif not int(schema.get("minimum", value)) <= int(value) <= int(schema.get("maximum", value)):
            yield f"query: {name} {value} is out of range"
    if "enum" in schema and value not in schema["enum"]:
        yield f"query: {name} {value!r} is none of {', '.join(schema['enum'])}"
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        yield f"query: {name} {value!r} does not match {schema['pattern']}"


def _body_violations(api: str, method: Schema, body: Any) -> Iterator[str]:
    if "request" not in method:
        if body not in (None, {}):
            yield f"body: {method['id']} takes none"
        return
    name = method["request"]["$ref"]
    if body is None:
        yield f"body: {method['id']} wants {name}"
        return
    yield from _schema_violations(api, name, body, closed=True)
    for place, schema, given in fields(document(api).schemas, method["request"], body):
        if given is None and method["id"] in schema.get("annotations", {}).get("required", ()):
            yield f"body: {place} is missing for {method['id']}"


def _schema_violations(api: str, name: str, value: Any, *, closed: bool) -> Iterator[str]:
    for error in _validator(api, name, closed).iter_errors(value):
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        yield f"body: {place.lstrip('.') or name}: {error.message[:300]}"


@cache
def _definitions(api: str, closed: bool) -> dict[str, Schema]:
    return {name: json_schema(schema, closed=closed) for name, schema in document(api).schemas.items()}


@cache
def _validator(api: str, name: str, closed: bool) -> Draft7Validator:
    return Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": _definitions(api, closed)})


def _methods(resource: Schema) -> Iterator[Schema]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _methods(inner)


def _pattern(content: Schema, template: str) -> re.Pattern[str]:
    """A path template under the API's service path; a variable is one part of the path, `{+name}` any number. In APIs
    with verbs (`:batchGet`) the end of a path holds no other colon."""
    parts, end = [], 0
    prefix = "/" + content.get("servicePath", "")
    for index, found in enumerate(_VARIABLE.finditer(template)):
        verbs = prefix == "/" and found.end() == len(template)
        value = ".+" if found[1] else "[^/:]+" if verbs else "[^/]+"
        parts += [re.escape(template[end : found.start()]), f"(?P<v{index}>{value})"]
        end = found.end()
    return re.compile(re.escape(prefix) + "".join(parts) + re.escape(template[end:]))


def _values(method: Schema, match: re.Match[str], template: str = "flatPath") -> Mapping[str, str]:
    names = [found[2] for found in _VARIABLE.finditer(method[template])]
    return {name: unquote(match[f"v{index}"]) for index, name in enumerate(names)}
