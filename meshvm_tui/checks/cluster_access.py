"""What we may not do in the cluster, verb by verb, before the step that would fail for it."""

from __future__ import annotations

from collections.abc import Sequence

from meshvm_tui.findings import Finding, found
from meshvm_tui.ports import Access


def missing_permissions(asked: Sequence[Access], allowed: Sequence[bool]) -> tuple[Finding, ...]:
    """One finding per resource and namespace, with every verb that is missing there."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for question, yes in zip(asked, allowed, strict=True):
        if not yes:
            lacking.setdefault((resource_of(question), question.namespace), []).append(question.verb)
    return tuple(
        found("MVM-107", f"not allowed: {', '.join(verbs)} {resource}" + (f" in {place}" if place else ""))
        for (resource, place), verbs in lacking.items()
    )


def resource_of(question: Access) -> str:
    """The resource as `kubectl auth can-i` names it: plural[.group][/subresource]."""
    group = f".{question.resource.group}" if question.resource.group else ""
    part = f"/{question.subresource}" if question.subresource else ""
    return f"{question.resource.plural}{group}{part}"
