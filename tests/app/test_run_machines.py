"""Several machines in Run: a line for each, and the steps and the log of the one that was opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui import events as ev
from meshvm_tui.events import Mode, Stage, StepState
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.screens.board import Board
from meshvm_tui.screens.run_lines import run_lines
from meshvm_tui.screens.run_machines import rows
from tests.app.fakes import STEPS, ScriptedEngine
from tests.app.harness import NARROW, WIDE, World, world
from tests.app.test_app_runs import apply, skip_to

NAMES = ("vm-1", "vm-2", "vm-3")
SHARED = tuple(step for step in STEPS if not step[1])
OWN = tuple((step, name, stage, title) for step, _, stage, title in STEPS if _ for name in NAMES)


def squeezed(made: World) -> list[str]:
    return [" ".join(line.split()) for line in made.text().split("\n")]


def below(made: World, words: str) -> list[str]:
    """What the four lines below begin with."""
    lines = squeezed(made)
    at = next((at for at, line in enumerate(lines) if words in line), len(lines))
    return [line.split()[1] for line in lines[at + 1 : at + 5] if len(line.split()) > 1]


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_machines_are_opened_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    engine = ScriptedEngine(steps=(*SHARED, *OWN), says="told")
    plan = Plan(machines=[Machine(name=name, host=f"10.0.0.{at}") for at, name in enumerate(NAMES, 1)])
    async with world(tmp_path, monkeypatch, scripted=engine, plan=plan, size=size) as made:
        await skip_to(made, Stage.INSTALL)
        await apply(made)
        await made.says("M Machine", "✓ vm-1 ▸", "✓ vm-2 ▸", "✓ vm-3 ▸", "3 of 3")
        assert not [line for line in squeezed(made) if "Sidecar running" in line]
        await made.press("m", "m")
        await made.says("✓ vm-2 ▾", "✓ vm-1 ▸")
        await made.until(lambda: below(made, "vm-2 ▾") == ["VM", "Bootstrap", "Sidecar", "vm-3"], "its steps")
        log = [line for line in squeezed(made) if line.endswith("told")]
        assert [line for line in log if "vm-2: told" in line]
        assert not [line for line in log if "vm-1:" in line or "vm-3:" in line]
        await made.press("m", "m")
        await made.says("vm-2 ▸", "vm-3: told")


def board() -> Board:
    made = Board()
    steps = tuple((step, name, str(stage), title) for step, name, stage, title in (*SHARED, *OWN))
    made.take(ev.RunStarted("", "s", Mode.APPLY, steps), 0.0)
    return made


def test_each_machine_says_what_it_is_at() -> None:
    made = board()
    made.take(ev.StepStarted("", "s", "guest-reachable", "vm-1", "VM reachable"), 10.0)
    made.take(ev.StepProgressed("", "s", "guest-reachable", "vm-1", "waiting for SSH", None, None), 10.0)
    made.take(
        ev.StepFinished("", "s", "guest-reachable", "vm-2", StepState.SUCCEEDED, False, "AsPlanned", "there", 2.0), 12.0
    )
    shown = run_lines(rows(made.upto(Stage.SERVICES)), 12.5, 76).plain.splitlines()
    assert all(len(line) == 76 for line in shown)
    told = [" ".join(line.split()) for line in shown[len(SHARED) :]]
    assert told == [
        "↻ vm-1 ▸ 0 of 5 VM reachable: waiting for SSH 2.5 s",
        "○ vm-2 ▸ 1 of 5 2.0 s",
        "○ vm-3 ▸ 0 of 5",
    ]


def test_one_machine_has_no_line_of_its_own() -> None:
    made = Board()
    made.take(
        ev.RunStarted(
            "", "s", Mode.APPLY, tuple((step, name, str(stage), title) for step, name, stage, title in STEPS)
        ),
        0.0,
    )
    assert [row.title for row in made.upto(Stage.SERVICES)] == [
        row.title for row in rows(made.upto(Stage.SERVICES)) if not hasattr(row, "steps")
    ]
