"""The five bootstrap files in words: what each is for, how large it is, and what the VM has of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from meshvm_tui.durations import span
from meshvm_tui.events import FileStanding, FileView
from meshvm_tui.screens.cells import cut, padded
from meshvm_tui.screens.glyphs import COLOURS, GLYPHS, Mark, printable
from meshvm_tui.screens.row_list import Row

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.screens.board import Board

TOKEN = "istio-token"  # noqa: S105 (a file's name)
STEP = "bootstrap-files"
PURPOSES = {
    "root-cert.pem": "the mesh's root of trust",
    TOKEN: "proof of identity, once",
    "cluster.env": "who the VM is",
    "mesh.yaml": "where istiod is",
    "hosts": "istiod's name and address",
}
PLACES = {
    "root-cert.pem": "/etc/certs/root-cert.pem",
    TOKEN: "/var/run/secrets/tokens/istio-token",
    "cluster.env": "/var/lib/istio/envoy/cluster.env",
    "mesh.yaml": "/etc/istio/config/mesh",
    "hosts": "/etc/hosts (one marked block)",
}
MARKS = {
    FileStanding.SAME: Mark.DONE,
    FileStanding.NOT_NEEDED: Mark.DONE,
    FileStanding.DIFFERS: Mark.ATTENTION,
    FileStanding.MISSING: Mark.WAITING,
    FileStanding.UNKNOWN: Mark.WAITING,
}
NAME, STATE, SIZE = 14, 14, 7
Part = tuple[str, str]


def files_of(plan: Plan, board: Board) -> dict[str, tuple[FileView, ...]]:
    """The files of each machine as they were last seen; all not known yet where nothing was."""
    found = {line.machine: line.observation for line in board.lines.values() if line.step == STEP and line.observation}
    seen = {name: observation.files for name, observation in found.items() if observation.files}
    unseen = tuple(FileView(name, PLACES[name], FileStanding.UNKNOWN) for name in PURPOSES)
    return {machine.name: seen.get(machine.name, unseen) for machine in plan.machines}


def file_rows(files: dict[str, tuple[FileView, ...]], now: float, width: int) -> Iterator[Row]:
    """A row for each file, under its machine's name where there are several."""
    for machine, views in files.items():
        heading = "on the VM" if len(files) == 1 else f"on {machine}"
        head = f"    {'file':<{NAME}}{padded(heading, STATE)}{'size':>{SIZE}}  what it is for"
        yield Row("", Content.assemble((head[: max(1, width)], "$foreground-muted")))
        for view in views:
            yield Row(f"{machine}/{view.name}", _row(view, now, width))


def _row(view: FileView, now: float, width: int) -> Content:
    mark = MARKS[view.standing]
    said = "$foreground" if view.standing is not FileStanding.UNKNOWN else "$foreground-muted"
    room = max(4, width - NAME - SIZE - STATE - 7)
    return Content.assemble(
        (f"  {GLYPHS[mark]} ", COLOURS[mark]),
        (padded(view.name, NAME), "$foreground"),
        (padded(view.standing.value, STATE), said),
        (f"{size_words(view):>{SIZE}}", "$foreground-muted"),
        (f"  {cut(_purpose(view, now), room)}", "$foreground-muted"),
    )


def _purpose(view: FileView, now: float) -> str:
    words = token_words(view, now)
    return words if words else PURPOSES[view.name]


def token_words(view: FileView, now: float) -> str:
    """How long a token lasts; "" for what is none, or while that is not known."""
    if not view.expires:
        return ""
    left = view.expires - now
    return f"{span(left)} left of the token" if left > 0 else f"the token ended {span(-left)} ago"


def size_words(view: FileView) -> str:
    """A file's size; a token's is nobody's business."""
    if view.name == TOKEN:
        return "hidden"
    size = len(view.content.encode())
    if not size:
        return ""
    return f"{size} B" if size < 1024 else f"{size / 1024:.1f} kB"


def panel_parts(files: dict[str, tuple[FileView, ...]], now: float) -> Iterable[Part]:
    """The same for the live panel: each file with its place and, where it is known, what the VM has."""
    for machine, views in files.items():
        yield f"{printable(machine)}\n", "$text-accent"
        for view in views:
            mark = MARKS[view.standing]
            known = view.standing is not FileStanding.UNKNOWN
            yield (f"  {GLYPHS[mark]} " if known else "    "), COLOURS[mark]
            yield f"{view.name:<{NAME}}", "$foreground"
            yield f"{PURPOSES[view.name]}\n", "$foreground-muted"
            yield f"      {PLACES[view.name]}\n", "$foreground-muted"
            if known:
                more = token_words(view, now) or size_words(view)
                yield f"      {view.standing.value}{'  ' if more else ''}{more}\n", "$foreground-muted"
