"""What the plan makes at a stage: the objects and files it wants, and the commands that do the same by hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from textual.content import Content

from meshvm_tui.events import Stage
from meshvm_tui.screens.documents import documents
from meshvm_tui.screens.file_lines import files_of, panel_parts
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.google_documents import Settings, google_commands, google_documents

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.screens.board import Board, StepLine

TABS = ("yaml", "files", "commands")
MADE_ONCE = ("machine", "firewall")
"""Steps whose bodies and commands are only there while there is something to make."""
PATH_WIDTH = 45
"""Cells of the narrowest panel that stands beside a form."""

_PARTS = {
    Stage.CLUSTER: ("cluster",),
    Stage.MESH: ("mesh",),
    Stage.GATEWAY: ("gateway",),
    Stage.WORKLOAD: ("workload",),
    Stage.MACHINE: ("machines",),
    Stage.FILES: ("sidecar",),
    Stage.INSTALL: ("sidecar",),
    Stage.SERVICES: ("services", "probes"),
}


def preview(tab: str, plan: Plan, stage: Stage, board: Board, settings: Settings) -> Content:
    """The text of one view. `settings` are gcloud's, which stand in for an empty project or zone."""
    lines = [line for line in board.of_stage(stage) if not line.satisfied]
    done = {line.key for line in board.of_stage(stage) if line.satisfied and line.step in MADE_ONCE}
    if tab == "files":
        return Content.assemble(*_files(plan, board))
    if tab == "commands":
        commands = google_commands(plan, stage, settings)
        return Content.assemble(*_commands(lines, {key: made for key, made in commands.items() if key not in done}))
    bodies = google_documents(plan, stage, settings)
    return Content.assemble(*_yaml(plan, stage, lines, [bodies[key] for key in bodies if key not in done]))


def diff_parts(diff: str) -> list[tuple[str, str]]:
    """A unified diff, coloured by its signs."""
    colours = {"+": "$text-success", "-": "$text-error", "@": "$foreground-muted"}
    return [(f"{line}\n", colours.get(line[:1], "$foreground")) for line in printable(diff).splitlines()]


def command_parts(commands: tuple[str, ...]) -> list[tuple[str, str]]:
    """Commands as they are typed."""
    return [(f"{printable(command)}\n", "$foreground") for command in commands]


def _yaml(plan: Plan, stage: Stage, lines: list[StepLine], bodies: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    made = documents(plan, stage)
    if made:
        return [("---\n".join(made), "$foreground")]
    if bodies:
        return _bodies(bodies)
    parts: list[tuple[str, str]] = [("# in the plan\n", "$foreground-muted"), (_plan_yaml(plan, stage), "$foreground")]
    for line in lines:
        for change in line.changes:
            parts.append((f"\n# {change.action} {printable(change.target)}\n", "$foreground-muted"))
            parts += diff_parts(change.diff)
    return parts


def _bodies(bodies: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    import yaml

    parts: list[tuple[str, str]] = []
    for method, body in bodies:
        parts.append((f"# {method}\n", "$foreground-muted"))
        lines = yaml.safe_dump(body, sort_keys=False, width=1000).splitlines()
        parts.append(("\n".join(row for line in lines for row in _broken(line)) + "\n\n", "$foreground"))
    return parts


def _broken(line: str) -> list[str]:
    """A long path goes on below its name, broken at its slashes, so that it stays in its column."""
    rows, indent = [line], " " * (len(line) - len(line.lstrip(" -")) + 4)
    while len(rows[-1]) > PATH_WIDTH and (cut := _cut(rows[-1], len(indent) if rows[1:] else 0)):
        rows[-1:] = [rows[-1][:cut].rstrip(), indent + rows[-1][cut:].lstrip()]
    return rows


def _cut(row: str, start: int) -> int:
    """Where a row is broken: after its name, else after the last slash that fits; 0 where neither is there."""
    name = row.find(": ") + 2
    if start == 0 and name > 1:
        return name
    return row.rfind("/", start + 1, PATH_WIDTH) + 1


def _plan_yaml(plan: Plan, stage: Stage) -> str:
    import yaml

    value = plan.model_dump(mode="json", by_alias=True, exclude_none=True, include=set(_PARTS[stage]))
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=60)


def _files(plan: Plan, board: Board) -> list[tuple[str, str]]:
    parts = list(panel_parts(files_of(plan, board), time.time()))
    return parts or [("No machine in the plan yet.\n", "$foreground-muted")]


def _commands(lines: list[StepLine], made: dict[tuple[str, str], tuple[str, str]]) -> list[tuple[str, str]]:
    """What the engine saw that has to be done; before it looked, what the fields make."""
    parts: list[tuple[str, str]] = []
    for line in lines:
        found = [command for change in line.changes for command in change.commands]
        if found:
            made.pop(line.key, None)
            machine = f" on {line.machine}" if line.machine else ""
            parts.append((f"# {line.title}{machine}\n", "$foreground-muted"))
            parts += command_parts(tuple(found))
            parts.append(("\n", ""))
    for title, command in made.values():
        parts += [(f"# {title}\n", "$foreground-muted"), *command_parts((command,)), ("\n", "")]
    return parts or [("Nothing to do by hand here.\n", "$foreground-muted")]
