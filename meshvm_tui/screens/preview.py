"""What the plan makes at a stage: the objects and files it wants, and the commands that do the same by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from meshvm_tui.events import Stage
from meshvm_tui.screens.documents import documents
from meshvm_tui.screens.glyphs import printable

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.screens.board import Board, StepLine

TABS = ("yaml", "files", "commands")

PLACES = (
    ("root-cert.pem", "/etc/certs/root-cert.pem", "trust in istiod's certificate"),
    ("istio-token", "/var/run/secrets/tokens/istio-token", "proof of identity, once"),
    ("cluster.env", "/var/lib/istio/envoy/cluster.env", "who the VM is"),
    ("mesh.yaml", "/etc/istio/config/mesh", "where istiod is"),
    ("hosts", "/etc/hosts (one marked block)", "istiod's name and address"),
)
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


def preview(tab: str, plan: Plan, stage: Stage, board: Board) -> Content:
    """The text of one view."""
    lines = [line for line in board.of_stage(stage) if not line.satisfied]
    if tab == "files":
        return Content.assemble(*_files(plan))
    if tab == "commands":
        return Content.assemble(*_commands(lines))
    return Content.assemble(*_yaml(plan, stage, lines))


def diff_parts(diff: str) -> list[tuple[str, str]]:
    """A unified diff, coloured by its signs."""
    colours = {"+": "$text-success", "-": "$text-error", "@": "$foreground-muted"}
    return [(f"{line}\n", colours.get(line[:1], "$foreground")) for line in printable(diff).splitlines()]


def command_parts(commands: tuple[str, ...]) -> list[tuple[str, str]]:
    """Commands as they are typed."""
    return [(f"{printable(command)}\n", "$foreground") for command in commands]


def _yaml(plan: Plan, stage: Stage, lines: list[StepLine]) -> list[tuple[str, str]]:
    made = documents(plan, stage)
    if made:
        return [("---\n".join(made), "$foreground")]
    parts: list[tuple[str, str]] = [("# in the plan\n", "$foreground-muted"), (_plan_yaml(plan, stage), "$foreground")]
    for line in lines:
        for change in line.changes:
            parts.append((f"\n# {change.action} {printable(change.target)}\n", "$foreground-muted"))
            parts += diff_parts(change.diff)
    return parts


def _plan_yaml(plan: Plan, stage: Stage) -> str:
    import yaml

    value = plan.model_dump(mode="json", by_alias=True, exclude_none=True, include=set(_PARTS[stage]))
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=60)


def _files(plan: Plan) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    for machine in plan.machines:
        parts.append((f"{machine.name}\n", "$text-accent"))
        for name, place, meaning in PLACES:
            parts.append((f"  {name:<14}", "$foreground"))
            parts.append((f"{meaning}\n", "$foreground-muted"))
            parts.append((f"    {place}\n", "$foreground-muted"))
    return parts or [("No machine in the plan yet.\n", "$foreground-muted")]


def _commands(lines: list[StepLine]) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    for line in lines:
        found = [command for change in line.changes for command in change.commands]
        if found:
            machine = f" on {line.machine}" if line.machine else ""
            parts.append((f"# {line.title}{machine}\n", "$foreground-muted"))
            parts += command_parts(tuple(found))
            parts.append(("\n", ""))
    return parts or [("Nothing to do by hand here.\n", "$foreground-muted")]
