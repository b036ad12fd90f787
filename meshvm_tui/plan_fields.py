"""One field of the plan as a line of text, and back: what a form shows, and what was typed into it.

A field is named by its path in the YAML (`machines.0.ssh.user`). A text that is not valid never replaces a plan.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from meshvm_tui.events import Stage
from meshvm_tui.plan_field_probes import FieldError, read_probe, read_request, write_probe, write_request

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan


class Kind(StrEnum):
    """How a field's value is written as one line of text."""

    TEXT = "text"
    OPTIONAL = "text or nothing"
    LIST = "values with commas between"
    AUTO_LIST = "auto, or values with commas between"
    MAPPING = "name=value with commas between"
    SWITCH = "yes or no"
    PART = "yes or no, for a part that can be left out"
    PROBE = "http :80 /path every 10 s"
    REQUESTS = "vm URL or cluster URL, each with another status than 200 behind it, with commas between"


@dataclass(frozen=True)
class Edited:
    """The plan after an edit. With an `error` (what is wrong and what is valid) it is the plan as it was."""

    plan: Plan
    error: str = ""


def text_of(plan: Plan, path: str, kind: Kind) -> str:
    """The field's value as it stands in a form; "" where the part that holds it is left out."""
    value: Any = _dump(plan)
    for part in path.split("."):
        if isinstance(value, list):
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return _WRITERS[kind](value)


def edit(plan: Plan, path: str, kind: Kind, text: str) -> Edited:
    """The plan with the field set to what was typed, or the plan as it was with what is wrong."""
    try:
        value = _READERS[kind](text.strip(), value_at(plan, path))
    except FieldError as error:
        return Edited(plan, str(error))
    return with_values(plan, {path: value})


def value_at(plan: Plan, path: str) -> Any:
    """The field's value as the YAML has it; None where the part that holds it is left out."""
    try:
        holder, last = _holder(_dump(plan), path)
    except (KeyError, IndexError, TypeError):
        return None
    return holder[last]


def with_values(plan: Plan, values: Mapping[str, Any]) -> Edited:
    """The plan with fields set to values as the YAML has them; the error is the first one's of `values`, if any."""
    from pydantic import ValidationError

    from meshvm_tui.plan import Plan as PlanDocument
    from meshvm_tui.plan_file import plan_errors

    document = _dump(plan)
    for path, value in values.items():
        holder, last = _holder(document, path)
        holder[last] = value
    try:
        return Edited(PlanDocument.model_validate(document))
    except ValidationError as error:
        found = plan_errors(error)
        spelled = re.sub(r"\.(\d+)", r"[\1]", next(iter(values)))
        about_it = [item for item in found if item.field.startswith(spelled)]
        # Of a value that may be of several types, what is wrong inside it says more than that it is no `auto`.
        ours = max(about_it, key=lambda item: len(item.field)) if about_it else found[0]
        return Edited(plan, f"{ours.what}; valid: {ours.valid}" if ours.valid else ours.what)


def has(plan: Plan, path: str) -> bool:
    """Whether the part that holds the field is in the plan (a sample may be left out)."""
    try:
        _holder(_dump(plan), path)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def lacking(plan: Plan, stage: Stage) -> str:
    """What the stage cannot do without and the plan does not say yet; "" where nothing lacks. A project or a zone
    that is left out may still be named by gcloud: only looking there can tell."""
    if stage is Stage.CLUSTER and plan.cluster.gke and not plan.cluster.gke.location:
        return "Location of the GKE cluster, such as europe-west1; F3 lists the clusters"
    if stage is not Stage.MACHINE:
        return ""
    if not plan.machines:
        return "Host: where SSH reaches the VM, such as 10.128.0.7"
    for machine in plan.machines:
        if not machine.host and not machine.gce:
            return f"Host of {machine.name}: where SSH reaches it, such as 10.128.0.7"
        if machine.ssh.via.value == "jump" and not machine.ssh.jump:
            return f"Jump host of {machine.name}, such as me@bastion.example.com:22"
    return ""


def with_a_machine(plan: Plan) -> Plan:
    """The plan with one machine to fill in, where it has none."""
    return plan if plan.machines else plan_with_machine_added(plan)


def plan_with_machine_added(plan: Plan) -> Plan:
    """The plan with one more machine, logged in to as the last one is."""
    from meshvm_tui.plan import Machine

    taken = {machine.name for machine in plan.machines}
    numbered = (f"my-mesh-vm-{number}" for number in range(2, len(taken) + 3))
    name = next(name for name in ("my-mesh-vm", *numbered) if name not in taken)
    added = Machine(name=name)
    if plan.machines:
        added = Machine(name=name, ssh=plan.machines[-1].ssh.model_copy(update={"known_host": ""}))
    return plan.model_copy(update={"machines": [*plan.machines, added]})


def plan_without_machine(plan: Plan, index: int) -> Plan:
    """The plan without that machine."""
    return plan.model_copy(update={"machines": [m for i, m in enumerate(plan.machines) if i != index]})


def _dump(plan: Plan) -> dict[str, Any]:
    return plan.model_dump(mode="json", by_alias=True)


def _holder(value: Any, path: str) -> tuple[Any, str | int]:
    """The mapping or list that holds the field, and the field's key in it. KeyError, IndexError, TypeError."""
    *parts, last = path.split(".")
    for part in parts:
        value = value[int(part)] if isinstance(value, list) else value[part]
    key: str | int = int(last) if isinstance(value, list) else last
    value[key]
    return value, key


def _cells(text: str) -> list[str]:
    """Values with commas between; one that holds a comma stands in quotes."""
    try:
        rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise FieldError(f"the quotes do not match ({error}); valid: values with commas between") from error
    return [cell.strip() for cell in rows[0] if cell.strip()] if rows else []


def _read_auto_list(text: str, _: Any) -> str | list[str]:
    if not text:
        raise FieldError("it stands for nothing; valid: auto, or values with commas between")
    return text if text == "auto" else _cells(text)


def _joined(cells: list[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="").writerow(cells)
    text = stream.getvalue()
    return text if '"' in text else ", ".join(cells)


def _read_mapping(text: str, _: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for cell in _cells(text):
        name, equals, value = cell.partition("=")
        if not equals or not name.strip():
            raise FieldError(f"{cell!r} has no name or no =; valid: name=value, with commas between")
        if name.strip() in found:
            raise FieldError(f"{name.strip()!r} stands there twice; valid: each name once")
        found[name.strip()] = value.strip()
    return found


def _read_switch(text: str, _: Any) -> bool:
    if text not in ("yes", "no"):
        raise FieldError(f"{text!r} is not valid; valid: yes or no")
    return text == "yes"


def _read_part(text: str, was: Any) -> dict[str, Any] | None:
    return (was or {}) if _read_switch(text, was) else None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


_WRITERS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: _text,
    Kind.OPTIONAL: _text,
    Kind.LIST: lambda value: _joined([str(item) for item in value or []]),
    Kind.AUTO_LIST: lambda value: value if isinstance(value, str) else _joined([str(item) for item in value or []]),
    Kind.MAPPING: lambda value: _joined([f"{name}={item}" for name, item in (value or {}).items()]),
    Kind.SWITCH: lambda value: "yes" if value else "no",
    Kind.PART: lambda value: "no" if value is None else "yes",
    Kind.PROBE: write_probe,
    Kind.REQUESTS: lambda value: _joined([write_request(item) for item in value or []]),
}
_READERS: dict[Kind, Callable[[str, Any], Any]] = {
    Kind.TEXT: lambda text, _: text,
    Kind.OPTIONAL: lambda text, _: text or None,
    Kind.LIST: lambda text, _: _cells(text),
    Kind.AUTO_LIST: _read_auto_list,
    Kind.MAPPING: _read_mapping,
    Kind.SWITCH: _read_switch,
    Kind.PART: _read_part,
    Kind.PROBE: read_probe,
    Kind.REQUESTS: lambda text, _: [read_request(cell) for cell in _cells(text)],
}
