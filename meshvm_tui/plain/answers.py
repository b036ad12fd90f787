"""What a typed answer means: a value, or a word to the wizard itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from meshvm_tui.events import Stage


class Word(StrEnum):
    """What can be answered to any question of a stage."""

    VALUE = "a value"
    KEEP = ""
    HELP = "?"
    BACK = "back"
    NEXT = "next"
    SKIP = "skip to STAGE"
    LIST = "list"
    ADD = "add machine"
    REMOVE = "remove machine"
    REVIEW = "review"
    APPLY = "apply"
    SAVE = "save"
    QUIT = "quit"
    UNKNOWN = "unknown"


HELP = (
    "Enter: keep the value in the brackets.",
    "=TEXT: the text as it is, also where it is one of these words. = alone: empty.",
    "?: what this question means and what is valid.",
    "list: what exists, to choose from by number, where the help of a question says so.",
    "back: the question before; on the first one, the stage before.",
    "next: the next stage, without the other questions of this one.",
    "skip to STAGE: another stage, such as: skip to Machine.",
    "add machine, remove machine: in the stage Machine.",
    "review: everything that would change up to here, with the commands that do the same by hand.",
    "apply: the review, then the question whether to do it.",
    "save: write the session now. It is saved after every answer as well.",
    "quit: save and leave. meshvm-tui resume goes on, with or without --plain.",
)


@dataclass(frozen=True)
class Answer:
    """A word, with the text of a value, or the stage to skip to."""

    word: Word
    text: str = ""
    stage: Stage | None = None


def read_answer(typed: str, choices: Sequence[str] = ()) -> Answer:
    """What was typed means this; a word that is one of the question's own choices is a value."""
    text = typed.strip()
    if not text:
        return Answer(Word.KEEP)
    if text.startswith("="):
        return Answer(Word.VALUE, text[1:].strip())
    if text in choices:
        return Answer(Word.VALUE, text)
    lowered = " ".join(text.lower().split())
    if lowered.startswith("skip to ") or lowered in ("skip", "skip to"):
        return _skip(lowered.removeprefix("skip").removeprefix(" to").strip())
    words = (Word.HELP, Word.BACK, Word.NEXT, Word.LIST, Word.ADD, Word.REMOVE, Word.REVIEW)
    for word in (*words, Word.APPLY, Word.SAVE, Word.QUIT):
        if lowered == word.value:
            return Answer(word)
    return Answer(Word.VALUE, text)


def _skip(name: str) -> Answer:
    for stage in Stage:
        if stage.value.lower() == name:
            return Answer(Word.SKIP, stage=stage)
    valid = ", ".join(stage.value for stage in Stage)
    return Answer(Word.UNKNOWN, f"{name!r} is no stage. Valid: {valid}.")
