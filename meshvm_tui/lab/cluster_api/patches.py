"""The patches that are not server-side apply: JSON merge patch, JSON patch and strategic merge patch."""

from __future__ import annotations

from typing import Any

from meshvm_tui.lab.cluster_api.errors import ApiError, bad_request
from meshvm_tui.lab.cluster_api.kinds import Kind
from meshvm_tui.lab.cluster_api.structure import SET, list_keys, patch_merge_key

JSON = dict[str, Any]
Names = tuple[str, ...]


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396; neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


class _PatchFailed(Exception):
    """An operation that cannot be done on this document."""


def json_patch(document: JSON, operations: Any) -> JSON:
    """RFC 6902. An operation that cannot be done, a failing `test` too, is 422; a malformed patch is 400."""
    if not isinstance(operations, list):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        )
    result: Any = document
    for operation in operations:
        try:
            result = _operate(result, operation)
        except (_PatchFailed, KeyError) as problem:
            told = "the server rejected our request due to an error in our request"
            raise ApiError(422, "Invalid", told, {}) from problem
    if not isinstance(result, dict):
        raise bad_request("the patched document is not an object")
    return result


def _operate(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict) or "op" not in operation or "path" not in operation:
        raise bad_request("a JSON patch operation needs op and path")
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _add(document, path, operation.get("value"))
        case "remove":
            return _remove(document, path)
        case "replace":
            return _replace(document, path, operation.get("value"))
        case "test":
            if _find(document, path, "testing value failed: doc is missing path") != operation.get("value"):
                raise _PatchFailed(f"testing value {operation['path']} failed: test failed")
            return document
        case "move":
            source = _pointer(operation["from"])
            value = _find(document, source, "move operation does not apply: doc is missing from path")
            return _add(_remove(document, source), path, value)
        case "copy":
            source = _pointer(operation["from"])
            value = _find(document, source, "copy operation does not apply: doc is missing from path")
            return _add(document, path, value)
    raise bad_request(f"Unexpected kind: {operation['op']}")


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _find(document: Any, path: list[str], complaint: str) -> Any:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            raise _PatchFailed(f"{complaint}: /{'/'.join(path)}: missing value")
    return document


def _change(document: Any, path: list[str], change: Any) -> Any:
    """The document with the container of `path` replaced by `change(container, last)`."""
    if len(path) == 1:
        return change(document, path[0])
    head, rest = path[0], path[1:]
    if isinstance(document, dict) and head in document:
        return {**document, head: _change(document[head], rest, change)}
    if isinstance(document, list) and head.isdigit() and int(head) < len(document):
        place = int(head)
        return [*document[:place], _change(document[place], rest, change), *document[place + 1 :]]
    raise _PatchFailed(f"doc is missing path: /{'/'.join(path)}: missing value")


def _add(document: Any, path: list[str], value: Any) -> Any:
    def put(container: Any, last: str) -> Any:
        if isinstance(container, dict):
            return {**container, last: value}
        if not isinstance(container, list):
            raise _PatchFailed(f"add operation does not apply: doc is missing path: {last}: missing value")
        place = len(container) if last == "-" else int(last) if last.isdigit() else -1
        if not 0 <= place <= len(container):
            raise _PatchFailed(f"add operation does not apply: invalid index {last}")
        return [*container[:place], value, *container[place:]]

    return _change(document, path, put) if path else value


def _replace(document: Any, path: list[str], value: Any) -> Any:
    def put(container: Any, last: str) -> Any:
        if isinstance(container, dict):
            return {**container, last: value}
        if not isinstance(container, list) or not last.isdigit() or int(last) >= len(container):
            raise _PatchFailed(f"replace operation does not apply: doc is missing key: {last}: missing value")
        return [*container[: int(last)], value, *container[int(last) + 1 :]]

    return _change(document, path, put) if path else value


def _remove(document: Any, path: list[str]) -> Any:
    def take(container: Any, last: str) -> Any:
        if isinstance(container, dict) and last in container:
            return {key: item for key, item in container.items() if key != last}
        if isinstance(container, list) and last.isdigit() and int(last) < len(container):
            return [*container[: int(last)], *container[int(last) + 1 :]]
        raise _PatchFailed(f"remove operation does not apply: doc is missing path: /{last}: missing value")

    return _change(document, path, take)


def strategic_merge(kind: Kind, target: JSON, patch: JSON, names: Names = ()) -> JSON:
    """Strategic merge patch of a built-in kind, with `$patch`, `$retainKeys` and the delete directives of lists."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    result = dict(target)
    retained = patch.get("$retainKeys")
    if isinstance(retained, list):
        result = {key: value for key, value in result.items() if key in retained}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            result[field] = [item for item in result.get(field, ()) if item not in value]
        elif name.startswith("$"):
            continue
        elif value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            base = result.get(name)
            result[name] = strategic_merge(kind, base if isinstance(base, dict) else {}, value, (*names, name))
        elif isinstance(value, list):
            order = patch.get(f"$setElementOrder/{name}")
            result[name] = _strategic_list(kind, result.get(name) or [], value, (*names, name), order)
        else:
            result[name] = value
    return result


def _strategic_list(
    kind: Kind, target: list[Any], patch: list[Any], names: Names, order: list[Any] | None
) -> list[Any]:
    if list_keys(kind, names) == SET:
        return [*target, *(item for item in patch if item not in target)]
    key = patch_merge_key(kind, names)
    if not key:
        return [item for item in patch if item != {"$patch": "replace"}]
    if {"$patch": "replace"} in patch:
        target = []
    result = list(target)
    for item in patch:
        if not isinstance(item, dict) or item == {"$patch": "replace"}:
            continue
        if key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        places = [place for place, one in enumerate(result) if one.get(key) == item[key]]
        if item.get("$patch") == "delete":
            result = [one for one in result if one.get(key) != item[key]]
        elif places:
            result[places[0]] = strategic_merge(kind, result[places[0]], item, names)
        else:
            result.append(strategic_merge(kind, {}, item, names))
    return _ordered(key, [one.get(key) for one in target], order or patch, result)


def _ordered(key: str, live: list[Any], patch: list[Any], items: list[Any]) -> list[Any]:
    """The items in the patch's order among themselves, merged with those that only the server has.

    What the server did not have before stands in front, as strategicpatch puts it."""
    wanted = [one.get(key) for one in patch if isinstance(one, dict)]
    place = {name: number for number, name in enumerate(live)}
    named = sorted((one for one in items if one.get(key) in wanted), key=lambda one: wanted.index(one.get(key)))
    others = [one for one in items if one.get(key) not in wanted]
    result: list[Any] = []
    while named and others:
        first = place.get(named[0].get(key), -1) < place.get(others[0].get(key), -1)
        result.append((named if first else others).pop(0))
    return [*result, *named, *others]
