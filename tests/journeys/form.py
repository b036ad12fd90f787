"""Filling the wizard's stages as an operator does: Tab from field to field, and the keys of each value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshvm_tui.events import Stage
from meshvm_tui.plan import Plan
from meshvm_tui.plan_draft import PlanDraft
from meshvm_tui.plan_fields import Kind, with_a_machine
from meshvm_tui.screens.fields import Field
from meshvm_tui.screens.stage_forms import FORMS
from tests.journeys.terminal import Terminal

SEEN_AT_ONCE = 16
"""Characters of a value that fit into the narrowest field."""


def values_of(plan: Mapping[str, Any]) -> dict[Stage, dict[str, str]]:
    """What has to be typed for the lab's plan, by stage and path of the field; everything else is as offered."""
    machine, sidecar = plan["machines"][0], plan["sidecar"]
    server = str(plan["services"]["httpServer"]["port"])
    return {
        Stage.MESH: {"mesh.install": "install", "mesh.version": plan["mesh"]["version"]},
        Stage.GATEWAY: {"gateway.exposure": "internal"},
        Stage.WORKLOAD: {"workload.ports": f"http={server}"},
        Stage.MACHINE: {
            "machines.{machine}.name": machine["name"],
            "machines.{machine}.host": machine["host"],
            "machines.{machine}.ssh.user": machine["ssh"]["user"],
            "machines.{machine}.ssh.port": str(machine["ssh"]["port"]),
            "machines.{machine}.ssh.key": machine["ssh"]["key"],
            "machines.{machine}.ssh.knownHost": machine["ssh"]["knownHost"],
            "machines.{machine}.address": machine["address"],
        },
        Stage.INSTALL: {"sidecar.package": sidecar["package"], "sidecar.sha256": sidecar["sha256"]},
        Stage.SERVICES: {"services.vmService.targetPort": server, "services.httpServer.port": server},
    }


def field(path: str) -> Field:
    """The field of a path."""
    return next(field for form in FORMS.values() for field in form.fields if field.path == path)


def lines(stage: Stage, values: Mapping[str, str]) -> list[Field]:
    """The lines that are there once the values are typed, in their order."""
    draft = PlanDraft(with_a_machine(Plan()))

    def text(path: str, kind: Kind) -> str:
        return draft.text(path.replace("{machine}", "0"), kind)

    for there in FORMS[stage].fields:
        if there.path in values:
            draft.edit(there.path.replace("{machine}", "0"), there.kind, values[there.path])
    return [
        there
        for there in FORMS[stage].fields
        if all(text(condition.path, condition.kind) in condition.texts for condition in there.when)
    ]


def fill(terminal: Terminal, stage: Stage, values: Mapping[str, str]) -> None:
    """Fills the stage that is on the screen, from its first field on, and waits until the values stand there."""
    fields = lines(stage, values)
    last = max(at for at, there in enumerate(fields) if there.path in values)
    for at, there in enumerate(fields[: last + 1]):
        if there.path in values:
            terminal.type(_chosen(there, values[there.path]) if there.choices else values[there.path])
        if at < last:
            terminal.keys("Tab")
    for there in fields:
        if there.path in values:
            shows(terminal, there, values[there.path])


def _chosen(line: Field, value: str) -> str:
    """In a choice a first letter chooses; once more, the next one that begins with it."""
    alike = [choice for choice in line.choices if choice[0] == value[0]]
    return value[0] * (alike.index(value) + 1)


def shows(terminal: Terminal, line: Field, value: str) -> str:
    """Waits until the field's line holds the value, or of a long one its beginning or its end."""
    ends = (f"● {value}",) if line.choices else (value[:SEEN_AT_ONCE], value[-SEEN_AT_ONCE:])

    def there(screen: str) -> bool:
        found = [text.partition(f" {line.label.strip()} ")[2] for text in screen.splitlines()]
        return any(end in text for text in found for end in ends)

    return terminal.wait_until(there, f"{line.label.strip()} {value}")


def next_stage(terminal: Terminal, stage: Stage) -> None:
    """Ctrl+N, and waits until the stage is the one on the screen."""
    terminal.keys("C-n")
    on_stage(terminal, stage)


def on_stage(terminal: Terminal, stage: Stage, *, seconds: float = 30) -> None:
    """Waits until the stage is the one on the screen, by its sentence."""
    start = FORMS[stage].sentence.split()[:6]
    terminal.wait_for(" ".join(start), seconds=seconds)
