"""A plan while a form edits it: what the form holds beyond the plan itself.

A part that is switched off is remembered, so that switching it on again brings back what was typed. A part that is
switched on and cannot be in a plan yet, because it lacks a name, is held here until it has one; a session keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meshvm_tui.events import Stage
from meshvm_tui.plan_fields import Edited, Kind, edit, has, lacking, text_of, value_at, with_values

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

UNNAMED: dict[str, dict[str, Any]] = {
    "cluster.gke": {"project": "", "location": "", "name": "", "endpoint": "auto"},
}
"""Parts that need names, as they are before they have any."""
NAMED = {"cluster.gke": {"location": "europe-west1", "name": "cluster"}}
"""What stands in for names that are not given yet, so that the others can be judged alone."""
NEEDED = {"cluster.gke": (("location", "Location"), ("name", "Name"))}
STAGES = {"cluster.gke": Stage.CLUSTER}
Unfinished = Mapping[str, Mapping[str, str]]
_GCE = re.compile(r"(machines\.\d+)\.gce$")
_SIDE = ("host", "address", "ssh.via", "ssh.knownHost")
"""Fields that say something else of a machine on Compute Engine than of any other host."""


class PlanDraft:
    """The plan, the parts that were left out of it, and the part that is not complete. Paths are those of the YAML."""

    def __init__(self, plan: Plan, unfinished: Unfinished | None = None) -> None:
        self.plan = plan
        self._left_out: dict[str, Any] = {}
        self._unnamed = _known(plan, unfinished or {})
        self._sides: dict[tuple[str, bool], dict[str, Any]] = {}

    @property
    def unfinished(self) -> Unfinished:
        """The parts that are not complete, by path, with what was typed so far."""
        return {path: dict(part) for path, part in self._unnamed.items()}

    def take(self, plan: Plan) -> None:
        """The plan was changed by somebody else."""
        if len(plan.machines) != len(self.plan.machines):
            self._sides.clear()
            self._left_out = {path: part for path, part in self._left_out.items() if not path.startswith("machines.")}
        self.plan = plan
        self._unnamed = {path: part for path, part in self._unnamed.items() if value_at(plan, path) is None}

    def text(self, path: str, kind: Kind) -> str:
        """The field's value as it stands in the form."""
        if path in self._unnamed:
            return "yes"
        part, _, name = path.rpartition(".")
        return str(self._unnamed[part][name]) if part in self._unnamed else text_of(self.plan, path, kind)

    def has(self, path: str) -> bool:
        """Whether the part that holds the field is switched on."""
        return path.rpartition(".")[0] in self._unnamed or has(self.plan, path)

    def lacking(self, stage: Stage) -> str:
        """What the stage still needs; "" where nothing lacks."""
        for path, part in self._unnamed.items():
            if STAGES[path] is stage:
                missing = next(label for name, label in NEEDED[path] if not part[name])
                return f"{missing} of the GKE cluster; F3 lists the clusters"
        return lacking(self.plan, stage)

    def edit(self, path: str, kind: Kind, text: str) -> Edited:
        """Sets the field to what was typed; what is wrong with it leaves the plan as it was."""
        if kind is Kind.PART and text in ("yes", "no"):
            return self._switch(path, on=text == "yes")
        part, _, name = path.rpartition(".")
        edited = self._fill(part, name, text) if part in self._unnamed else edit(self.plan, path, kind, text)
        self.plan = edited.plan
        return edited

    def means(self, path: str, kind: Kind, typed: str, text: str) -> bool:
        """Whether what was typed is another spelling of the text."""
        if not has(self.plan, path):
            return typed == text
        edited = edit(self.plan, path, kind, typed)
        return not edited.error and text_of(edited.plan, path, kind) == text

    def _switch(self, path: str, *, on: bool) -> Edited:
        if on is (path in self._unnamed or value_at(self.plan, path) is not None):
            return Edited(self.plan)
        if not on and path in self._unnamed:
            self._left_out[path] = self._unnamed.pop(path)
            return Edited(self.plan)
        if on and path in UNNAMED and not _complete(path, self._left_out.get(path, {})):
            self._unnamed[path] = {**UNNAMED[path], **self._left_out.pop(path, {})}
            return Edited(self.plan)
        values: dict[str, Any] = {path: self._left_out.pop(path, {}) if on else None}
        if not on:
            self._left_out[path] = value_at(self.plan, path)
        edited = with_values(self.plan, values | self._other_side(path, on=on))
        self.plan = edited.plan
        return edited

    def _fill(self, part: str, name: str, text: str) -> Edited:
        """One field of a part that is not complete; the part is in the plan as soon as it is."""
        value = text.strip()
        judged = with_values(self.plan, {part: {**NAMED[part], name: value}}) if value else Edited(self.plan)
        if judged.error:
            return Edited(self.plan, judged.error)
        filled = self._unnamed[part]
        filled[name] = value
        if not _complete(part, filled):
            return Edited(self.plan)
        del self._unnamed[part]
        return with_values(self.plan, {part: filled})

    def _other_side(self, path: str, *, on: bool) -> dict[str, Any]:
        """What goes with a machine's being on Compute Engine or not: each side keeps its own."""
        match = _GCE.fullmatch(path)
        if not match:
            return {}
        machine = match[1]
        now = {field: value_at(self.plan, f"{machine}.{field}") for field in _SIDE}
        via = now["ssh.via"] if now["ssh.via"] == "jump" else "external"
        fresh = {"host": None, "address": "", "ssh.via": via, "ssh.knownHost": ""}
        self._sides[machine, not on] = now
        other = self._sides.pop((machine, on), fresh)
        return {f"{machine}.{field}": value for field, value in other.items()}


def _known(plan: Plan, unfinished: Unfinished) -> dict[str, dict[str, Any]]:
    """As a session kept them; what a part has not, and parts that are in the plan meanwhile, are left out."""
    return {
        path: {name: str(unfinished[path].get(name, value)) for name, value in fields.items()}
        for path, fields in UNNAMED.items()
        if path in unfinished and value_at(plan, path) is None
    }


def _complete(part: str, values: dict[str, Any]) -> bool:
    return all(values.get(name) for name, _ in NEEDED[part])
