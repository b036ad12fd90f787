"""Lists: selected, paged from a snapshot, and shown as objects, as a Table or as metadata only."""

from __future__ import annotations

import base64
import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshvm_tui.lab.cluster_api.errors import ApiError, bad_request, expired
from meshvm_tui.lab.cluster_api.kinds import Kind
from meshvm_tui.lab.cluster_api.request_info import RequestInfo
from meshvm_tui.lab.cluster_api.selectors import FieldSelector, LabelSelector
from meshvm_tui.lab.cluster_api.tables import partial, table
from meshvm_tui.lab.objects import Objects, Record

JSON = dict[str, Any]
_SNAPSHOTS = 64
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True)
class View:
    """In which form an answer is wanted, by the Accept header."""

    form: str = ""  # "", Table, PartialObjectMetadata or PartialObjectMetadataList
    include: str = "Metadata"


def view(accept: str, query: Mapping[str, str]) -> View:
    """The first form of an Accept header that can be given; 406 where none can."""
    for offer in accept.split(",") if accept else ["*/*"]:
        kind, _, parameters = offer.partition(";")
        found = re.search(r"as=(\w+)", parameters)
        if kind.strip() not in {"application/json", "application/*", "*/*"}:
            continue
        if found is None:
            return View()
        if found[1] in {"Table", "PartialObjectMetadata", "PartialObjectMetadataList"}:
            return View(found[1], query.get("includeObject", "Metadata"))
    told = "406: Not Acceptable\n\nAvailable representations: application/json"
    raise ApiError(406, "NotAcceptable", told, {})


class Selection:
    """What a request selects of a kind."""

    def __init__(self, info: RequestInfo, query: Mapping[str, str]) -> None:
        self._labels = LabelSelector(query.get("labelSelector", ""))
        fields = query.get("fieldSelector", "")
        if info.name:
            fields = ",".join(filter(None, (fields, f"metadata.name={info.name}")))
        self._fields = FieldSelector(info.kind, fields)
        self.selective = bool(fields or query.get("labelSelector"))
        self.namespace = info.namespace if info.kind.namespaced and info.namespace else None

    def matches(self, record: Record | None) -> bool:
        """Whether a record is selected; None never is."""
        if record is None:
            return False
        if self.namespace is not None and record.obj["metadata"].get("namespace") != self.namespace:
            return False
        return self._labels.matches(record.obj) and self._fields.matches(record.obj)


@dataclass(frozen=True)
class _Page:
    records: list[Record]
    revision: int
    token: str = ""
    remaining: int | None = None


class Lists:
    """Answers lists; keeps the snapshots of those that are being paged through."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._snapshots: OrderedDict[tuple[str, int, str], list[Record]] = OrderedDict()

    def answer(self, info: RequestInfo, query: Mapping[str, str], accept: str) -> bytes:
        """The body of a list."""
        wanted = view(accept, query)
        selection = Selection(info, query)
        page = self._page(info.kind, selection, query)
        metadata: JSON = {"resourceVersion": str(page.revision)}
        if page.token:
            metadata["continue"] = page.token
            if page.remaining is not None:
                metadata["remainingItemCount"] = page.remaining
        return render(info, page.records, metadata, wanted, self._objects.clock.now())

    def _page(self, kind: Kind, selection: Selection, query: Mapping[str, str]) -> _Page:
        token = query.get("continue", "")
        try:
            limit = int(query.get("limit") or 0)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{query["limit"]}": invalid syntax') from None
        scope = json.dumps([selection.namespace, query.get("labelSelector"), query.get("fieldSelector")])
        if token:
            revision, start = _read_token(token)
            found = self._snapshots.get((kind.key, revision, scope))
            if found is None:
                raise expired(_TOO_OLD)
        else:
            revision, start = self._objects.revision, 0
            records = self._objects.records(kind.key, selection.namespace)
            found = [record for record in records if selection.matches(record)]
        rest = len(found) - start - limit
        if not limit or rest <= 0:
            return _Page(found[start:], revision)
        self._snapshots[kind.key, revision, scope] = found
        while len(self._snapshots) > _SNAPSHOTS:
            self._snapshots.popitem(last=False)
        following = _write_token(revision, start + limit)
        return _Page(found[start : start + limit], revision, following, None if selection.selective else rest)

    def forget(self) -> None:
        """Drops every snapshot: continue tokens given before are too old from now on."""
        self._snapshots.clear()


def render(info: RequestInfo, records: list[Record], metadata: JSON, wanted: View, now: float) -> bytes:
    """A list of records in the form that is wanted."""
    kind = info.kind
    if wanted.form == "Table":
        made = table(kind, (r.obj for r in records), now=now, include=wanted.include, version=info.version)
        return encoded({**made, "metadata": metadata})
    if wanted.form:
        items = [partial(record.obj) for record in records]
        named = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        return encoded({**named, "metadata": metadata, "items": items})
    version = kind.api_version(info.version)
    head = encoded({"kind": kind.list_name, "apiVersion": version, "metadata": metadata})
    return (
        head[:-1] + b',"items":[' + b",".join(record.raw(version if kind.custom else "") for record in records) + b"]}"
    )


def render_one(info: RequestInfo, obj: JSON, wanted: View, now: float) -> bytes:
    """One object in the form that is wanted."""
    if wanted.form == "Table":
        made = table(info.kind, [obj], now=now, include=wanted.include, version=info.version)
        return encoded({**made, "metadata": {"resourceVersion": obj["metadata"].get("resourceVersion", "")}})
    if wanted.form:
        return encoded(partial(obj))
    return encoded({**obj, "apiVersion": info.kind.api_version(info.version)})


def encoded(value: JSON) -> bytes:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _write_token(revision: int, start: int) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read_token(token: str) -> tuple[int, int]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(found["rv"]), int(found["start"])
    except (ValueError, KeyError, TypeError):
        raise bad_request("invalid continue token: continue key is not valid") from None
