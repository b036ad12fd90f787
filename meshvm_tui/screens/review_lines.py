"""A review in words: the list of changes by stage, one change in full, and the sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets.option_list import Option

from meshvm_tui.events import PASSING_ACTIONS
from meshvm_tui.screens.cells import cut, padded
from meshvm_tui.screens.cells import width as cells
from meshvm_tui.screens.glyphs import COLOURS, GLYPHS, Mark, printable
from meshvm_tui.screens.preview import command_parts, diff_parts

if TYPE_CHECKING:
    from meshvm_tui.events import Change
    from meshvm_tui.screens.board import StepLine
    from meshvm_tui.screens.messages import ServerAnswer

Listed = tuple["StepLine", "Change"]
Answers = Mapping[tuple[str, str], "ServerAnswer"]
Part = tuple[str, str]

SIGNS = {"create": "+", "update": "~", "delete": "-", "run": ">", "probe": "?", "grant": "*"}
MARKS = {"taken": Mark.DONE, "refused": Mark.FAILED, "later": Mark.WAITING}
SERVER_SAYS = {
    "taken": "The server would take it",
    "refused": "The server refuses it",
    "later": "The server cannot be asked yet",
}
ACTION_WIDTH = 7


def options(found: Sequence[Listed], answers: Answers, width: int) -> list[Option | None]:
    """One line a change under its stage's name; the machine and the server's word stand at the right."""
    counts = Counter(line.stage for line, _ in found)
    names = {line.machine for line, _ in found if line.machine}
    machines = max(map(cells, names)) if len(names) > 1 else 0
    made: list[Option | None] = []
    stage = None
    for index, (line, change) in enumerate(found):
        if line.stage is not stage:
            stage = line.stage
            head = Content.assemble((stage.value, "bold"), (f"  {counts[stage]}", "$foreground-muted"))
            made.append(Option(head, disabled=True))
        answer = answers.get((line.step, change.target))
        made.append(Option(_row(line, change, answer, min(machines, 20), width), id=str(index)))
    return made


def _row(line: StepLine, change: Change, answer: ServerAnswer | None, machine: int, width: int) -> Content:
    mark = MARKS[answer.word] if answer else None
    said = f" {GLYPHS[mark]} {answer.code}".rstrip() if mark and answer else ""
    right = (machine + 2 if machine else 0) + (10 if answer else 0)
    room = max(12, width - 4 - ACTION_WIDTH - 1 - right)
    return Content.assemble(
        (f"  {SIGNS.get(change.action, ' ')} ", "$text-accent"),
        (padded(change.action, ACTION_WIDTH) + " ", "$foreground-muted"),
        (padded(change.target, room), "$foreground"),
        (f"  {padded(line.machine, machine)}" if machine else "", "$foreground-muted"),
        (said, COLOURS[mark] if mark else ""),
    )


def detail(line: StepLine, change: Change, answer: ServerAnswer | None) -> Content:
    """One change: what was found, the server's word, the commands by hand, the diff."""
    parts: list[Part] = []
    if answer:
        mark = MARKS[answer.word]
        words = " ".join(word for word in (answer.code, printable(answer.words)) if word)
        parts.append((f"{GLYPHS[mark]} {SERVER_SAYS[answer.word]}", COLOURS[mark]))
        parts.append((f". {words}\n\n" if words else "\n\n", "$foreground"))
    parts.append((f"{printable(change.target)}\n", "bold"))
    if line.message and len(line.changes) == 1:
        parts.append((f"{printable(line.message)}\n", "$foreground-muted"))
    if change.commands:
        parts += [("\nBy hand\n", "$foreground-muted"), *command_parts(change.commands)]
    if change.diff:
        parts += [("\nWhat changes\n", "$foreground-muted"), *diff_parts(change.diff)]
    return Content.assemble(*parts)


def commands_of(found: Iterable[Listed]) -> str:
    """Every command with the step that it belongs to; each once, for several changes may share one."""
    blocks: dict[tuple[str, str], list[str]] = {}
    titles: dict[tuple[str, str], str] = {}
    for line, change in found:
        kept = blocks.setdefault(line.key, [])
        titles[line.key] = f"# {line.stage.value}: {line.title}" + (f" on {line.machine}" if line.machine else "")
        kept += [command for command in change.commands if command not in kept]
    return "\n\n".join("\n".join([titles[key], *lines]) for key, lines in blocks.items() if lines)


def summary(found: Sequence[Listed], failed: StepLine | None, width: int, enter: str = "Enter") -> str:
    """How much there is to approve, and where it would stop."""
    stops = f"   ! stops at: {failed.title}" if failed else ""
    if not found:
        return f"Nothing can be listed{stops}" if failed else f"Nothing to change. {enter} goes through it once more."
    actions = [change.action for _, change in found]
    changes, probes = sum(action not in PASSING_ACTIONS for action in actions), actions.count("probe")
    asked = f", {probes} probe{'' if probes == 1 else 's'}" if probes else ""
    return cut(f"{changes} change{'' if changes == 1 else 's'}{asked}. {enter} applies them.{stops}", width)


def server_words(answers: Answers, *, asking: bool) -> str:
    """What the server said so far."""
    count = Counter(answer.word for answer in answers.values())
    said = [
        f"{count[word]} {words}"
        for word, words in (("taken", "taken"), ("later", "later"), ("refused", "refused"))
        if count[word]
    ]
    refused = next((answer for answer in answers.values() if answer.word == "refused"), None)
    words = ", ".join(said) + (f": {refused.code} {refused.target}" if refused and not asking else "")
    if asking:
        return f"Asking the server, nothing is changed … {words}"
    return f"Dry run, nothing changed: {words}" if said else "The server has nothing of this to be asked."
