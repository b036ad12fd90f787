"""The step that makes Kubernetes objects so: compared field by field, applied server-side, never forced.

What already exists without our mark is taken as it is: our labels are not put on it, and where the step says so
(`adopt`), nothing of it is changed at all.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshvm_tui.events import Change, Observation
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.steps.commands import kubectl_apply
from meshvm_tui.steps.field_ownership import owned_by_us
from meshvm_tui.steps.object_compare import (
    Difference,
    after_apply,
    describe,
    differences,
    unified_diff,
    without_server_fields,
)
from meshvm_tui.steps.step import Outcome, Scope, Step, different, fingerprint, missing, satisfied

if TYPE_CHECKING:
    from meshvm_tui.ports import Ports, ReadPorts, Resource

JSON = dict[str, Any]
MANAGED_BY = "app.kubernetes.io/managed-by"
MARKS = {MANAGED_BY: "meshvm-tui", "app.kubernetes.io/part-of": "meshvm-tui"}


@dataclass(frozen=True)
class Wanted:
    """An object that the plan wants. `adopt` leaves an existing one that is not ours untouched."""

    resource: Resource
    body: JSON
    adopt: bool = False


@dataclass(frozen=True)
class Found:
    """A wanted object beside the live one; `body` is what would be applied."""

    wanted: Wanted
    body: JSON
    live: JSON | None
    differences: tuple[Difference, ...]

    @property
    def name(self) -> str:
        """`Kind namespace/name`."""
        return describe(self.body)

    @property
    def is_right(self) -> bool:
        """There, and as wanted."""
        return self.live is not None and not self.differences

    @property
    def is_ours(self) -> bool:
        """Whether we made the live object."""
        return self.live is not None and made_by_us(self.live)


class ObjectStep(Step):
    """A step that is true once its objects are there as the plan wants them."""

    @abstractmethod
    def wanted(self, ports: ReadPorts, scope: Scope) -> tuple[Wanted, ...]:
        """The objects. From the plan and what earlier steps found; read only."""

    def waits(self, ports: ReadPorts, scope: Scope) -> Observation | None:
        """An observation that stands in for the objects' own, such as one that waits for another step."""
        return None

    def commands(self, scope: Scope, found: Found) -> tuple[str, ...]:
        """The commands that do the same by hand."""
        return (kubectl_apply(scope.plan, found.body),)

    def warnings(self, ports: ReadPorts, scope: Scope, found: tuple[Found, ...]) -> tuple[str, ...]:
        """What is worth saying beside the standing."""
        return ()

    def observe(self, ports: ReadPorts, scope: Scope) -> Observation:
        """Compares each object with the live one."""
        if (waiting := self.waits(ports, scope)) is not None:
            return waiting
        found = self.find(ports, scope)
        details = tuple((item.name, _standing(item)) for item in found)
        if all(item.is_right for item in found):
            seen = satisfied(f"{_names(found)}: as the plan wants", details=details)
        elif any(item.live is None for item in found):
            absent = [item for item in found if item.live is None]
            seen = missing(f"{_names(absent)}: not there", details=details)
        else:
            wrong = [line.words() for item in found for line in item.differences]
            seen = different("; ".join(wrong), details=details)
        return _with_warnings(seen, self.warnings(ports, scope, found))

    def changes(self, ports: ReadPorts, scope: Scope, observation: Observation) -> tuple[Change, ...]:
        """One change per object that is not right. A field that another manager owns is ActionNeeded MVM-110."""
        found = [item for item in self.find(ports, scope) if not item.is_right]
        for item in found:
            _refuse_conflict(item)
        return tuple(self._change(scope, item) for item in found)

    def script(self, ports: ReadPorts, scope: Scope) -> tuple[str, ...]:
        """Each object with all that is wanted of it, also where a shorter command is shown."""
        return tuple(kubectl_apply(scope.plan, item.body) for item in self.find(ports, scope) if not item.is_right)

    def apply(self, ports: Ports, scope: Scope) -> Outcome:
        """Applies what is not right, and keeps what was there before."""
        done = []
        for item in self.find(ports.reading(), scope):
            if item.is_right:
                continue
            if scope.is_cancelled():
                scope.wait(0)
            before = without_server_fields(item.live) if item.live else None
            scope.keep(f"before/{item.name}", before)
            scope.say("cluster", f"server-side apply: {item.name}")
            applied = ports.cluster.apply(item.body)
            scope.keep(f"uid/{item.name}", (applied.get("metadata") or {}).get("uid", ""))
            done.append(item)
        scope.forget()
        if not done:
            return Outcome(changed=False)
        return Outcome(changed=True, message=f"applied {_names(done)}")

    def find(self, ports: ReadPorts, scope: Scope) -> tuple[Found, ...]:
        """The wanted objects beside the live ones, read once per run."""

        def read() -> tuple[Found, ...]:
            return tuple(_find(ports, item) for item in self.wanted(ports, scope))

        return scope.recall(f"objects/{self.id}", read)

    def _change(self, scope: Scope, item: Found) -> Change:
        before = without_server_fields(item.live) if item.live else None
        return Change(
            action="update" if item.live else "create",
            target=item.name,
            diff=unified_diff(before, after_apply(item.body, item.live), item.name),
            commands=self.commands(scope, item),
            fingerprint=fingerprint(item.body, before),
        )


def made_by_us(live: JSON) -> bool:
    """Whether a live object carries our mark, or fields that our apply set."""
    labels = (live.get("metadata") or {}).get("labels") or {}
    return labels.get(MANAGED_BY) == MARKS[MANAGED_BY] or bool(owned_by_us(live))


def marked(obj: JSON) -> JSON:
    """The object with our labels on it."""
    marked_obj = copy.deepcopy(obj)
    labels = marked_obj["metadata"].setdefault("labels", {})
    labels.update(MARKS)
    return marked_obj


def _find(ports: ReadPorts, wanted: Wanted) -> Found:
    metadata = wanted.body["metadata"]
    live = ports.cluster.get(wanted.resource, metadata["name"], metadata.get("namespace"))
    if live is None:
        return Found(wanted, marked(wanted.body), None, ())
    ours = made_by_us(live)
    body = marked(wanted.body) if ours else wanted.body
    if wanted.adopt and not ours:
        return Found(wanted, body, live, ())
    return Found(wanted, body, live, differences(body, live))


def _refuse_conflict(item: Found) -> None:
    owned = [line for line in item.differences if line.owners and line.wanted is not None]
    if not owned:
        return
    managers = sorted({manager for line in owned for manager in line.owners})
    fields = ", ".join(line.field for line in owned)
    raise ActionNeeded(
        "MVM-110",
        f"{item.name}: " + "; ".join(line.words() for line in owned),
        title=f"Another manager owns this field: {', '.join(managers)} owns {fields}",
        evidence={"manager": ", ".join(managers), "field": fields},
    )


def refuse_foreign(found: tuple[Found, ...], code: str) -> None:
    """Raises ActionNeeded where an object of somebody else would have to change for the plan's sake."""
    others = [item for item in found if item.live is not None and not item.is_ours and item.differences]
    if not others:
        return
    said = [f"{item.name} was not made here: {'; '.join(line.words() for line in item.differences)}" for item in others]
    diffs = {
        item.name: unified_diff(without_server_fields(item.live or {}), after_apply(item.body, item.live), item.name)
        for item in others
    }
    raise ActionNeeded(code, "; ".join(said), evidence=diffs)


def _standing(item: Found) -> str:
    if item.live is None:
        return "not there"
    if item.differences:
        return "different"
    return "there" if item.is_ours else "there, not made here"


def _names(found: list[Found] | tuple[Found, ...]) -> str:
    return ", ".join(item.name for item in found)


def _with_warnings(seen: Observation, warnings: tuple[str, ...]) -> Observation:
    return Observation(seen.standing, seen.reason, seen.message, seen.details, seen.waits_for, warnings)
