"""How home's entries look: what can be begun, a session in two lines, and what a first onboarding needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.content import Content

from meshvm_tui.screens.cells import cut, padded, width
from meshvm_tui.screens.glyphs import BETWEEN, COLOURS, GLYPHS, Mark
from meshvm_tui.start_facts import Fact, Found, StartFact

TITLE_CELLS = 22
WIDEST = 104
"""Beyond this many cells a line is no longer read as one."""

HAPPENS = {
    Fact.CLUSTER: "You choose a cluster",
    Fact.ACCESS: "It is looked at first",
    Fact.ISTIOCTL: "Istio is used, or installed",
    Fact.SSH: "The VM joins, over SSH",
    Fact.ROOT: "Both ways are tried",
}
"""The way through an onboarding in five lines; beside each what it needs."""
NOT_LOOKED_AT = {
    Fact.CLUSTER: "needs a kubeconfig, or a Google login",
    Fact.ACCESS: "needs the right to read the cluster",
    Fact.ISTIOCTL: "needs istioctl, only to install Istio",
    Fact.SSH: "needs an SSH key or agent",
    Fact.ROOT: "needs sudo or root on the VM",
}
MARKS = {
    Found.LOOKING: Mark.WORKING,
    Found.THERE: Mark.DONE,
    Found.MISSING: Mark.ATTENTION,
    Found.LATER: Mark.WAITING,
}
_HAPPENS_CELLS = max(map(len, HAPPENS.values())) + 2


@dataclass(frozen=True)
class SessionLine:
    """A session in the list. `about` says cluster and machines, `needs` what it needs next.

    `problem` says why it cannot be read, `held` who has it open. `stays` is what it has made outside this computer:
    (place, things).
    """

    name: str
    mark: Mark
    about: str
    needs: str
    ago: str = ""
    problem: str = ""
    held: str = ""
    stays: tuple[tuple[str, tuple[str, ...]], ...] = ()


def entry(title: str, beside: str, *, offered: bool = False) -> Content:
    """What can be begun; one that is offered stands out."""
    tones = ("bold $text-accent", "$foreground") if offered else ("bold", "$foreground-muted")
    return Content.assemble((f"  {title:<{TITLE_CELLS - 2}}", tones[0]), (beside, tones[1]))


def session_rows(line: SessionLine, cells: int) -> Content:
    """Name, cluster and machines, age; below what it needs next."""
    cells = max(24, min(cells, WIDEST))
    name = padded(line.name, max(TITLE_CELLS - 3, min(width(line.name), cells // 2)))
    room = cells - 4 - width(name) - width(line.ago)
    return Content.assemble(
        (f"{GLYPHS[line.mark]} ", COLOURS[line.mark]),
        (name, "bold"),
        (" " + padded(line.about, max(0, room)) + " ", "$foreground-muted"),
        (line.ago, "$foreground-muted"),
        "\n  ",
        (cut(line.problem or line.held or line.needs, cells - 2), _tone(line)),
    )


def session_about(workload: str, cluster: str, machines: tuple[str, ...]) -> str:
    """What, where, and which VMs, on one line; no workload where the session is called after it."""
    shown = ", ".join(machines[:3]) + (f" and {len(machines) - 3} more" if len(machines) > 3 else "")
    parts = (workload, cluster or "no cluster yet", shown or "no machine yet")
    return f" {BETWEEN} ".join(part for part in parts if part)


def first_steps(found: Mapping[Fact, StartFact], cells: int) -> Content:
    """What will happen in five lines, each with what it needs and whether that is there."""
    cells = max(24, min(cells, WIDEST))
    parts: list[tuple[str, str]] = [("What will happen; nothing is changed before you agree", "bold")]
    for fact, happens in HAPPENS.items():
        known = found.get(fact)
        mark = MARKS[known.found] if known else Mark.WAITING
        words = known.words if known else NOT_LOOKED_AT[fact]
        tone = COLOURS[mark] if known and known.found is Found.MISSING else "$foreground-muted"
        parts += [
            (f"\n{GLYPHS[mark]} ", COLOURS[mark]),
            (padded(happens, min(_HAPPENS_CELLS, cells // 2)), "$foreground"),
            (cut(words, cells - 2 - min(_HAPPENS_CELLS, cells // 2)), tone),
        ]
    return Content.assemble(*parts)


def _tone(line: SessionLine) -> str:
    if line.problem or line.mark is Mark.FAILED:
        return COLOURS[Mark.FAILED]
    if line.mark is Mark.ATTENTION:
        return COLOURS[Mark.ATTENTION]
    return "$foreground"
