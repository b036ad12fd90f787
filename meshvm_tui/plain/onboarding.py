"""The onboarding as a conversation: a stage's questions, what is there, the review, the run, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from meshvm_tui.cluster_identity import met_identity
from meshvm_tui.events import PASSING_ACTIONS, Mode, Stage, StepState
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.plain.answers import HELP, Answer, Word, read_answer
from meshvm_tui.plain.form import StageForm
from meshvm_tui.plain.talk import Left
from meshvm_tui.plain.telling import PlainOutput, change_lines, named, observed_lines, problem_lines
from meshvm_tui.plain.trouble import what_now
from meshvm_tui.plan_draft import PlanDraft
from meshvm_tui.plan_fields import lacking, plan_with_machine_added, with_a_machine
from meshvm_tui.screens.board import STAGES, Board
from meshvm_tui.screens.stage_forms import FORMS

if TYPE_CHECKING:
    from meshvm_tui.candidates import Candidate
    from meshvm_tui.events import Change, RunFinished
    from meshvm_tui.plain.talk import Talk
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Connections
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.board import StepLine
    from meshvm_tui.session_store import OpenSession

Runner = Callable[[Mode, Stage, Mapping[tuple[str, str], tuple[str, ...]] | None, PlainOutput], "RunFinished"]
"""Runs the session's plan up to a stage. Ctrl-C cancels it."""


class Onboarding:
    """One session, led from its first question to both answers."""

    def __init__(self, talk: Talk, held: OpenSession, connections: Connections, run: Runner) -> None:
        self._talk = talk
        self._held = held
        self._connections = connections
        self._run = run
        self._world = Board()
        self._draft = PlanDraft(held.session.plan)
        self._machine = 0

    def lead(self) -> int:
        """Asks and does until the operator leaves or all is done; gives the exit code. Raises Left."""
        session = self._held.session
        self._talk.say(
            f"Session {session.name}. ? at any question explains it and lists the words that can be answered.",
            "Nothing outside this computer changes before a review has listed it and you answered yes.",
        )
        stage: Stage | None = Stage(session.last_screen) if session.last_screen in set(Stage) else STAGES[0]
        if any(record.state != StepState.PENDING for record in session.records):
            self._talk.say("This session goes on. Everything is looked at first.")
            self._look(STAGES[-1], say=False)
            stage = self._world.needy_stage()
            self._talk.say(f"The first stage that is not done: {stage}.", *observed_lines(self._world, stage))
        backwards = False
        looked = bool(self._world.lines)
        while stage is not None:
            answer = self._stage(stage, from_last=backwards, looked=looked)
            looked = False
            backwards = answer.word is Word.BACK
            stage = self._after(stage, answer)
        return ExitCode.DONE

    def _after(self, stage: Stage, answer: Answer) -> Stage | None:
        """The stage to go on with; None where the operator leaves or all is done."""
        match answer.word:
            case Word.BACK:
                stage = STAGES[max(0, STAGES.index(stage) - 1)]
            case Word.SKIP:
                stage = answer.stage or stage
            case Word.QUIT:
                raise Left
            case Word.SAVE:
                self._save()
                self._talk.say(f"Saved in {self._held.folder}.")
            case Word.ADD | Word.REMOVE:
                self._machines(stage, answer.word)
            case Word.NEXT if stage is not STAGES[-1]:
                stage = STAGES[STAGES.index(stage) + 1]
            case _:
                return self._review(stage)
        return stage

    def _stage(self, stage: Stage, *, from_last: bool, looked: bool) -> Answer:
        """Title, sentence, what is there now, the questions; the word that leaves it."""
        self._save(stage)
        number = f"Stage {STAGES.index(stage) + 1} of {len(STAGES)}"
        self._talk.say("", f"{number}: {stage}", FORMS[stage].sentence)
        if stage is Stage.MACHINE:
            self._accept(with_a_machine(self._held.session.plan))
        if not looked:
            self._look(stage)
        if stage is Stage.MACHINE:
            return self._each_machine(from_last=from_last)
        return self._form(stage, from_last=from_last)

    def _each_machine(self, *, from_last: bool) -> Answer:
        machines = self._held.session.plan.machines
        self._machine = len(machines) - 1 if from_last else 0
        while True:
            plan = self._held.session.plan
            if len(plan.machines) > 1:
                name = plan.machines[self._machine].name
                self._talk.say(f"Machine {self._machine + 1} of {len(plan.machines)}: {name}")
            answer = self._form(Stage.MACHINE, from_last=from_last)
            from_last = answer.word is Word.BACK
            moved = self._machine + (-1 if from_last else 1)
            if answer.word not in (Word.BACK, Word.NEXT) or not 0 <= moved < len(self._held.session.plan.machines):
                return answer
            self._machine = moved

    def _form(self, stage: Stage, *, from_last: bool) -> Answer:
        """The questions, again where something is still missing."""
        self._draft.take(self._held.session.plan)
        while True:
            before = self._held.session.plan
            form = StageForm(
                self._talk, stage, self._draft, machine=self._machine, accepted=self._accept, find=self._find
            )
            answer = form.ask(from_last=from_last)
            missing = self._draft.lacking(stage)
            if not missing or answer.word not in (Word.NEXT, Word.REVIEW, Word.APPLY):
                if answer.word is Word.NEXT and self._held.session.plan != before:
                    self._look(stage)
                return answer
            self._talk.say(f"Still needed: {missing.replace('; F3 lists the clusters', '')}")
            from_last = False

    def _machines(self, stage: Stage, word: Word) -> None:
        plan = self._held.session.plan
        if stage is not Stage.MACHINE:
            self._talk.say("Machines are added and removed in the stage Machine: skip to Machine.")
        elif word is Word.ADD:
            added = plan_with_machine_added(plan)
            self._accept(added)
            self._talk.say(f"Added: {added.machines[-1].name}. It is asked for after the others.")
        elif len(plan.machines) < 2:
            self._talk.say("This is the only machine.")
        else:
            gone = plan.machines[self._machine]
            if self._talk.yes(f"Leave {gone.name} out of the plan?"):
                left = [item for item in plan.machines if item is not gone]
                self._accept(plan.model_copy(update={"machines": left}))

    def _look(self, stage: Stage, *, say: bool = True) -> None:
        """Looks at the world up to this stage, as far as the plan says enough, and says what is there."""
        plan = self._held.session.plan
        last = next((at for at, item in enumerate(STAGES) if lacking(plan, item)), len(STAGES)) - 1
        at = min(STAGES.index(stage), last)
        if at >= 0:
            self._talk.say("Looking at what is there.")
            self._run(Mode.PLAN, STAGES[at], None, PlainOutput(self._world, self._talk.say))
        if not say:
            return
        self._talk.say(*observed_lines(self._world, stage))
        before = next((line for line in self._world.upto(stage) if line.problem and line.stage is not stage), None)
        if before and before.problem:
            self._talk.say(f"Before it, in {before.stage}: {before.problem.title}")
        elif at >= 0:
            count = self._world.changes_upto(stage)
            self._talk.say(f"Changes up to here: {count}.")

    def _review(self, stage: Stage) -> Stage | None:
        """Lists every change, asks, applies; gives the stage to go on with, None where all is done."""
        while True:
            self._talk.say("", f"Review of everything up to {stage}.")
            board = Board()
            self._run(Mode.PLAN, stage, None, PlainOutput(board, self._talk.say))
            found = [(line, change) for line in board.upto(stage) for change in line.changes]
            where: Stage | None = None
            for number, (line, change) in enumerate(found, 1):
                if line.stage is not where:
                    where = line.stage
                    self._talk.say(f"{where}:")
                self._talk.say(*change_lines(number, line, change))
            failed = next(iter(board.problems()), None)
            if failed and failed.problem and not found:
                answer = self._trouble(failed, failed.problem)
            else:
                if failed:
                    self._talk.say(f"It stops at: {named(failed)}")
                answer = self._approve(found)
                if answer.word is Word.APPLY:
                    answer = self._apply(stage, board)
            if answer.word is not Word.REVIEW:
                return self._after(stage, answer) if answer.word is not Word.NEXT else _next(stage)

    def _approve(self, found: list[tuple[StepLine, Change]]) -> Answer:
        """APPLY where the operator says yes, else the word to go on with."""
        changes = [change for _, change in found]
        count = sum(change.action not in PASSING_ACTIONS for change in changes)
        self._talk.say(f"Changes: {count}. Requests as proof, and access for this run alone: {len(changes) - count}.")
        while True:
            typed = self._talk.ask("Apply all of this? yes, no, or diff NUMBER", "no").lower()
            if typed in ("y", "yes"):
                return Answer(Word.APPLY)
            word, _, number = typed.partition(" ")
            if word == "diff" and number.isdecimal() and 1 <= int(number) <= len(changes):
                diff = changes[int(number) - 1].diff
                self._talk.say(*(diff.splitlines() or ["It has no text of its own: its commands say it all."]))
                continue
            if typed in ("", "n", "no"):
                self._talk.say("Nothing was changed.")
                return Answer(Word.SKIP, stage=self._shown())
            answer = read_answer(typed)
            if answer.word in (Word.QUIT, Word.SAVE, Word.BACK, Word.SKIP):
                return answer if answer.word is not Word.BACK else Answer(Word.SKIP, stage=self._shown())
            self._talk.say(*(HELP if answer.word is Word.HELP else ("Valid: yes, no, diff NUMBER, quit.",)))

    def _apply(self, stage: Stage, approved: Board) -> Answer:
        self._talk.say("Applying. Ctrl-C cancels: what is done stays done.")
        board = Board()
        ended = self._run(Mode.APPLY, stage, approved.approvals(), PlainOutput(board, self._talk.say))
        self._world = board
        failed = next(iter(board.problems()), None)
        if failed and failed.problem:
            return self._trouble(failed, failed.problem)
        if ended.exit_code == ExitCode.CANCELLED:
            self._talk.say("Cancelled. What is done stays done.")
            return Answer(Word.SKIP, stage=stage)
        if stage is not STAGES[-1]:
            self._talk.say(f"Everything up to {stage} is in place.")
            return Answer(Word.NEXT)
        self._talk.say(*self._finish(board))
        return Answer(Word.NEXT)

    def _finish(self, board: Board) -> list[str]:
        proofs = [line for line in board.of_stage(Stage.SERVICES) if line.step.startswith("probe-")]
        lines = ["", "The VM answers in the mesh, both ways." if proofs else "Everything is in place."]
        for line in proofs:
            if line.observation:
                lines += [f"{route}: {proof}" for route, proof in line.observation.details]
        name = self._held.session.name
        return [
            *lines,
            "To watch the VM's WorkloadEntry: meshvm-tui monitor --plain",
            f"The session is kept as {name}.",
        ]

    def _trouble(self, failed: StepLine, problem: ProblemRecord) -> Answer:
        """Says a failure and what can be done; the word to go on with."""
        self._talk.say("", f"It stopped at: {named(failed)}", *problem_lines(problem))
        answer, accepted = what_now(self._talk, failed, problem)
        if accepted and (cluster := met_identity(problem)):
            self._held.move_to(cluster)
        elif accepted:
            self._host_key(failed.machine, accepted)
        return answer

    def _host_key(self, machine: str, fingerprint: str) -> None:
        plan = self._held.session.plan
        machines = [
            item.model_copy(update={"ssh": item.ssh.model_copy(update={"known_host": fingerprint})})
            if item.name == machine
            else item
            for item in plan.machines
        ]
        self._accept(plan.model_copy(update={"machines": machines}))

    def _find(self, topic: str, about: dict[str, str]) -> tuple[tuple[Candidate, ...], str]:
        from meshvm_tui.inquiries import Inquiry, Topic, answer

        told = answer(Inquiry(Topic(topic), about), self._held.session.plan, self._connections)
        if told.problem:
            return (), f"{told.problem.title}: {told.problem.cause}"
        return told.found.candidates, told.found.note

    def _shown(self) -> Stage:
        return Stage(self._held.session.last_screen)

    def _accept(self, plan: Plan) -> None:
        self._held.save(replace(self._held.session, plan=plan))
        if plan is not self._draft.plan:
            self._draft.take(plan)

    def _save(self, stage: Stage | None = None) -> None:
        session = self._held.session
        self._held.save(replace(session, last_screen=stage.value if stage else session.last_screen))


def _next(stage: Stage) -> Stage | None:
    at = STAGES.index(stage)
    return STAGES[at + 1] if at + 1 < len(STAGES) else None
