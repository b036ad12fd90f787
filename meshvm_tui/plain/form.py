"""One stage's questions: each field with its value as the default, judged as the terminal app judges it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from meshvm_tui.events import Stage
from meshvm_tui.plain.answers import HELP, Answer, Word, read_answer
from meshvm_tui.plan_valid import plain_path, valid_words
from meshvm_tui.plan_words import PLAN_WORDS, Words
from meshvm_tui.screens.stage_forms import FORMS

if TYPE_CHECKING:
    from meshvm_tui.candidates import Candidate
    from meshvm_tui.plain.talk import Talk
    from meshvm_tui.plan import Plan
    from meshvm_tui.plan_draft import PlanDraft
    from meshvm_tui.screens.fields import Field, When

Finder = Callable[[str, dict[str, str]], "tuple[tuple[Candidate, ...], str]"]
"""Candidates by the question's name and what it is about, or what stood in the way."""


class StageForm:
    """Asks the fields of one stage, of one machine. `accepted` hears each new plan at once."""

    def __init__(
        self,
        talk: Talk,
        stage: Stage,
        draft: PlanDraft,
        *,
        machine: int,
        accepted: Callable[[Plan], None],
        find: Finder,
    ) -> None:
        self._talk = talk
        self._stage = stage
        self._draft = draft
        self._machine = machine
        self._accepted = accepted
        self._find = find

    def ask(self, *, from_last: bool = False) -> Answer:
        """Asks one question after another; gives the word that leaves the stage, NEXT after the last question."""
        fields = FORMS[self._stage].fields
        at = len(fields) - 1 if from_last else 0
        step = -1 if from_last else 1
        while 0 <= at < len(fields):
            if not self._seen(fields[at]):
                at += step
                continue
            answer = self._ask_one(fields[at])
            if answer.word not in (Word.KEEP, Word.BACK):
                return answer
            step = -1 if answer.word is Word.BACK else 1
            at += step
        return Answer(Word.NEXT if at >= 0 else Word.BACK)

    def _ask_one(self, field: Field) -> Answer:
        """One question, until it is answered validly: KEEP, or the word that leads elsewhere."""
        while True:
            label = self._label(field)
            choices = f", {' or '.join(field.choices)}" if field.choices else ""
            answer = read_answer(self._talk.ask(f"{label}{choices}", self._text(field)), field.choices)
            if answer.word is Word.LIST:
                answer = self._picked(field)
            if answer.word is Word.VALUE:
                if self._put(field, answer.text):
                    return Answer(Word.KEEP)
            elif answer.word is Word.HELP:
                self._talk.say(*self._help(field))
            elif answer.word is Word.UNKNOWN:
                self._talk.say(f"Not taken: {answer.text}")
            else:
                return answer

    def _put(self, field: Field, text: str) -> bool:
        before = self._draft.plan
        edited = self._draft.edit(self._path(field.path), field.kind, text)
        if edited.error:
            self._talk.say(f"Not taken: {edited.error}")
            return False
        if edited.plan != before:
            self._accepted(edited.plan)
        return True

    def _picked(self, field: Field) -> Answer:
        """A choice by number from what exists; KEEP where other fields were filled."""
        if not field.pick or not all(map(self._holds, field.pick_when)):
            return Answer(Word.UNKNOWN, "there is nothing to list for this question. Type the value.")
        paths = {item.path: item for item in FORMS[self._stage].fields}
        self._talk.say("Looking for what exists.")
        found, words = self._find(field.pick, {name: self._text(paths[path]) for name, path in field.about})
        if words:
            self._talk.say(words)
        for number, candidate in enumerate(found, 1):
            beside = ", ".join(column for column in candidate.columns if column)
            self._talk.say(f"{number}: {candidate.value}" + (f", {beside}" if beside else ""))
        if not found:
            return Answer(Word.UNKNOWN, "nothing was found. Type the value.")
        while typed := self._talk.ask("Which number", ""):
            if typed.isdecimal() and 1 <= int(typed) <= len(found):
                return self._fill(field, found[int(typed) - 1])
            self._talk.say(f"Not taken: {typed!r}. Valid: 1 to {len(found)}, or Enter for none.")
        return Answer(Word.UNKNOWN, "none was chosen.")

    def _fill(self, field: Field, candidate: Candidate) -> Answer:
        if not candidate.fills:
            return Answer(Word.VALUE, candidate.value)
        for path, text in candidate.fills:
            rows = (
                item for item in FORMS[self._stage].fields if item.path == path and all(map(self._holds, item.when))
            )
            if row := next(rows, None):
                self._put(row, text)
                self._talk.say(f"{row.label.strip()} is {text or 'empty'} now.")
        return Answer(Word.KEEP)

    def _label(self, field: Field) -> str:
        """The label, with the part's before it where it stands under one."""
        label = field.label.strip()
        if label == field.label:
            return label
        fields = FORMS[self._stage].fields
        above = [item.label for item in fields[: fields.index(field)] if item.label == item.label.strip()]
        return f"{above[-1]}: {label}" if above else label

    def _help(self, field: Field) -> list[str]:
        path = self._path(field.path)
        words = PLAN_WORDS.get(plain_path(path), Words(""))
        lines = [f"{field.label.strip()}, {path} in the plan.", words.purpose]
        hint = next((said for conditions, said in field.hints if all(map(self._holds, conditions))), field.hint)
        if said := spoken(hint):
            lines.append(f"In short: {said}.")
        if valid := ", ".join(field.choices) or words.valid or valid_words(path):
            lines.append(f"Valid: {valid}.")
        if words.example:
            lines.append(f"Such as: {words.example}")
        if field.pick:
            lines.append("list: what exists, to choose from.")
        return [*filter(None, lines), *HELP]

    def _seen(self, field: Field) -> bool:
        return all(map(self._holds, field.when)) and self._draft.has(self._path(field.path))

    def _holds(self, condition: When) -> bool:
        return self._draft.text(self._path(condition.path), condition.kind) in condition.texts

    def _text(self, field: Field) -> str:
        return self._draft.text(self._path(field.path), field.kind)

    def _path(self, path: str) -> str:
        return path.replace("{machine}", str(self._machine))


def spoken(hint: str) -> str:
    """A form's hint without the keys of the terminal app."""
    return "; ".join(part.strip() for part in hint.split(";") if "F3" not in part)
