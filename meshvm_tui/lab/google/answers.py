"""Lists as answers: of one scope, and over all scopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshvm_tui.lab.google import catalogue
from meshvm_tui.lab.google.catalogue import PROJECT
from meshvm_tui.lab.google.lists import page
from meshvm_tui.lab.google.routes import Call

JSON = dict[str, Any]
_SCOPE = "\0scope"  # beside an item's own fields while pages are cut


def listed(call: Call, kind: str, items: Sequence[JSON]) -> JSON:
    """A list such as compute#instanceList."""
    found, following = page(items, call.query)
    answer: JSON = {"kind": f"compute#{kind}List", "id": call.resource, "selfLink": catalogue.link(call.resource)}
    return answer | ({"items": found} if found else {}) | ({"nextPageToken": following} if following else {})


def aggregated(call: Call, kind: str, plural: str, scopes: Mapping[str, Sequence[JSON]], silent: str = "") -> JSON:
    """A list over scopes such as zones/us-central1-a, in pages over all of them. `silent` is a scope that does not
    answer."""
    everything = [{**item, _SCOPE: scope} for scope, items in scopes.items() if scope != silent for item in items]
    found, following = page(everything, call.query)
    parts: dict[str, JSON] = {scope: {} for scope in scopes}
    for item in found:
        parts[item.pop(_SCOPE)].setdefault(plural, []).append(item)
    for scope, part in parts.items():
        if scope == silent:
            part["warning"] = _warning("UNREACHABLE", f"The scope {scope} is unreachable.", scope)
        elif not part:
            part["warning"] = _warning(
                "NO_RESULTS_ON_PAGE", f"There are no results for scope '{scope}' on this page.", scope
            )
    answer: JSON = {"kind": f"compute#{kind}AggregatedList", "id": call.resource, "items": parts}
    answer["selfLink"] = catalogue.link(call.resource)
    if silent in scopes:
        answer["unreachables"] = [catalogue.link(f"projects/{PROJECT}/{silent}")]
    return answer | ({"nextPageToken": following} if following else {})


def by_zone(items: Sequence[JSON]) -> dict[str, Sequence[JSON]]:
    """Items with a link to their zone, by scope; zones without any too."""
    made: dict[str, list[JSON]] = {f"zones/{zone}": [] for zone in catalogue.ZONES}
    for item in items:
        made[f"zones/{item['zone'].rpartition('/')[2]}"].append(item)
    return dict(made)


def _warning(code: str, message: str, scope: str) -> JSON:
    return {"code": code, "message": message, "data": [{"key": "scope", "value": scope}]}
