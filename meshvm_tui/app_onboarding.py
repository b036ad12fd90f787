"""The app with a session: the wizard, reviews and runs. Intents become runs, events become paint."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual import on

from meshvm_tui import app_messages as told
from meshvm_tui.app_base import LOOK, Look
from meshvm_tui.app_finish import FinishWork
from meshvm_tui.app_opening import in_thread, open_in_thread
from meshvm_tui.operator_secrets import MemorySecrets
from meshvm_tui.screens import messages as wanted

if TYPE_CHECKING:
    from textual.screen import Screen

    from meshvm_tui.events import Stage
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Connections
    from meshvm_tui.screens.board import Board
    from meshvm_tui.session_store import SessionStore

LOOK_SOON = 0.2
"""Seconds before a stage that is shown is looked at: who steps through several wants only the last one."""


class OnboardingApp(FinishWork):
    """Holds at most one session."""

    def __init__(self, connections: Connections, store: SessionStore, *styles: str, look: Look = LOOK) -> None:
        super().__init__(store, *styles, look=look)
        self.connections = connections
        self.secrets = MemorySecrets()
        """What the operator typed in for sudo and SSH, until the app ends; the connections ask it."""
        self._approved: Board | None = None

    def open_session(self, name: str, plan: Plan | None = None) -> None:
        """Opens a session, or makes one, and shows its wizard."""
        open_in_thread(self.store, name, plan, self.post, after=self.closing)

    def pulse(self) -> None:
        """Starts what is due, and paints what was told."""
        runs = self.runs
        if runs is None:
            return
        runs.pulse()
        lines, runs.log = runs.log, []
        changed, runs.changed = runs.changed, False
        for screen in self.app_screens():
            if lines:
                screen.show_log(lines)
            if changed:
                screen.show_board()

    async def show_over_wizard(self, screen: Screen[None]) -> None:
        """Shows a screen over the wizard, in the place of any other that is there; then gives it the kept keys."""
        while self.screen is not self.wizard and len(self.screen_stack) > 1:
            await self.pop_screen()
        if self.wizard:
            self.wizard.leaving = False
        await self.push_screen(screen)
        await self.type_ahead.release()

    async def back_to_wizard(self, stage: Stage) -> None:
        """The wizard on this stage, with the keys that were kept for it."""
        wizard = self.wizard
        if wizard is None:
            return
        while self.screen is not wizard and len(self.screen_stack) > 1:
            await self.pop_screen()
        wizard.leaving = False
        await wizard.go_to(stage)
        await self.type_ahead.release()

    @on(told.SessionOpened)
    async def _session_opened(self, event: told.SessionOpened) -> None:
        from meshvm_tui.app_runs import Runs, opening_stage, was_begun
        from meshvm_tui.engine_worker import EngineWorker
        from meshvm_tui.screens.wizard import WizardScreen
        from meshvm_tui.step_times import StepTimes

        self.keeper = event.keeper
        session = event.keeper.session
        if self.runs is None:
            worker = EngineWorker(
                self.connections,
                lambda token, said: self.post(told.EngineTold(token, said)),
                lambda token, problem: self.post(told.EngineBroke(token, problem)),
            )
            self.runs = Runs(worker, StepTimes(self.store.root))
        self.runs.begin(event.keeper)
        self.wizard = WizardScreen(
            session=session.name,
            plan=session.plan,
            stage=opening_stage(session),
            board=self.runs.world,
            unfinished=session.draft,
        )
        self.runs.resuming = was_begun(session)
        for screen in self.app_screens():
            screen.leaving = False
        await self.push_screen(self.wizard)
        await self.type_ahead.release()

    @on(told.SessionRefused)
    def _session_refused(self, event: told.SessionRefused) -> None:
        self.stay()
        self.show_problem(event.problem)

    @on(told.SessionSaved)
    def _session_saved(self, event: told.SessionSaved) -> None:
        if self.wizard:
            self.wizard.show_saved(f"not saved: {event.problem.cause}" if event.problem else "saved")

    @on(told.EngineTold)
    async def _engine_told(self, event: told.EngineTold) -> None:
        if self.runs is None:
            return
        self.runs.take(event.token, event.event)
        if self.runs.looked_whole and self.wizard and not self.wizard.touched and self.screen is self.wizard:
            self.runs.looked_whole = False
            await self.back_to_wizard(self.runs.world.needy_stage())

    @on(told.EngineBroke)
    def _engine_broke(self, event: told.EngineBroke) -> None:
        if self.runs and self.runs.broke(event.token, event.problem):
            self.show_problem(event.problem)

    @on(told.QuestionAnswered)
    def _question_answered(self, event: told.QuestionAnswered) -> None:
        if self.wizard is None:
            return
        answer = event.answer
        self.wizard.show_answer(answer.topic, answer.token, answer.found, answer.problem)

    @on(wanted.PlanEdited)
    def _plan_edited(self, event: wanted.PlanEdited) -> None:
        if self.keeper and self.runs and self.wizard:
            self.keeper.change(plan=event.plan)
            self.wizard.show_saved("saving …")
            self.runs.look_after_edit(self.wizard.stage)

    @on(wanted.DraftEdited)
    def _draft_edited(self, event: wanted.DraftEdited) -> None:
        if self.keeper and self.wizard:
            self.keeper.change(draft=event.unfinished)
            self.wizard.show_saved("saving …")

    @on(wanted.StageShown)
    def _stage_shown(self, event: wanted.StageShown) -> None:
        if self.keeper and self.runs:
            self.keeper.change(screen=event.stage.value)
            self.runs.look(event.stage, after=LOOK_SOON)

    @on(wanted.Question)
    def _question(self, event: wanted.Question) -> None:
        from meshvm_tui.inquiries import Inquiry, Topic, ask

        if self.keeper:
            answered = lambda answer: self.post(told.QuestionAnswered(answer))  # noqa: E731
            inquiry = Inquiry(Topic(event.topic), event.about, event.token)
            ask(inquiry, self.keeper.plan, self.connections, answered)

    @on(wanted.ReviewWanted)
    async def _review_wanted(self, event: wanted.ReviewWanted) -> None:
        from meshvm_tui.screens.review import ReviewScreen

        if self.keeper and self.runs:
            self._approved = self.runs.review(event.stage)
            plan = self.keeper.plan
            screen = ReviewScreen(stage=event.stage, where=self._where(), board=self._approved, plan=plan)
            await self.show_over_wizard(screen)

    @on(wanted.RunWanted)
    def _run_wanted(self, event: wanted.RunWanted) -> None:
        keeper = self.keeper
        if keeper and self.runs and self._approved:
            self.runs.skip(event.skip)
            for screen in self.app_screens()[-1:]:
                screen.show_status("Saving the session before anything is changed …")
            in_thread(lambda: self.post(told.SavedForRun(event.stage, keeper.save_now())), "meshvm-save-for-run")

    @on(told.SavedForRun)
    async def _saved_for_run(self, event: told.SavedForRun) -> None:
        from meshvm_tui.screens.run import RunScreen

        if event.problem:
            self.stay()
            for screen in self.app_screens()[-1:]:
                screen.show_status("The session is not saved, so nothing was begun.")
            self.show_problem(event.problem)
        elif self.keeper and self.runs and self._approved:
            self.remember_reviewed(self._approved)
            board = self.runs.apply(event.stage, self._approved)
            await self.show_over_wizard(
                RunScreen(stage=event.stage, where=self._where(), board=board, plan=self.keeper.plan)
            )

    @on(wanted.CancelWanted)
    def _cancel_wanted(self) -> None:
        if self.runs:
            self.runs.cancel()

    @on(wanted.SkipWanted)
    def _skip_wanted(self, event: wanted.SkipWanted) -> None:
        if self.runs:
            self.runs.skip_at_work((event.step, event.machine))

    @on(wanted.HostKeyAccepted)
    async def _host_key_accepted(self, event: wanted.HostKeyAccepted) -> None:
        if self.keeper and self.wizard:
            plan = _with_host_key(self.keeper.plan, event.machine, event.fingerprint)
            self.keeper.change(plan=plan)
            self.wizard.show_plan(plan)
            await self._review_wanted(wanted.ReviewWanted(event.stage))

    @on(wanted.ClusterAccepted)
    def _cluster_accepted(self, event: wanted.ClusterAccepted) -> None:
        if keeper := self.keeper:
            accept = partial(keeper.accept_cluster, event.cluster)
            in_thread(lambda: self.post(told.ClusterChanged(event.stage, accept())), "meshvm-accept-cluster")

    @on(told.ClusterChanged)
    async def _cluster_changed(self, event: told.ClusterChanged) -> None:
        if event.problem:
            self.stay()
            self.show_problem(event.problem)
        elif self.runs:
            self.runs.forget()
            await self._review_wanted(wanted.ReviewWanted(event.stage))

    @on(wanted.LoginWanted)
    def _login_wanted(self, event: wanted.LoginWanted) -> None:
        """The terminal is handed over; afterwards what was under way is done once more."""
        from meshvm_tui.app_logins import log_in

        self.stay()
        if problem := log_in(self, event.command):
            self.show_problem(problem)
        else:
            self.post_message(event.then)

    @on(wanted.FieldMended)
    async def _field_mended(self, event: wanted.FieldMended) -> None:
        from meshvm_tui.plan_draft import PlanDraft

        if self.keeper and self.wizard:
            plan = PlanDraft(self.keeper.plan).edit(event.path, event.kind, event.text).plan
            self.keeper.change(plan=plan)
            self.wizard.show_plan(plan)
            await self._review_wanted(wanted.ReviewWanted(event.stage))

    @on(wanted.SecretGiven)
    async def _secret_given(self, event: wanted.SecretGiven) -> None:
        from meshvm_tui.ports import SecretKind

        self.secrets.give(SecretKind(event.kind), event.subject, event.secret)
        await self._review_wanted(wanted.ReviewWanted(event.stage))

    @on(wanted.RunLeft)
    async def _run_left(self, event: wanted.RunLeft) -> None:
        from meshvm_tui.screens.board import STAGES

        at = STAGES.index(event.stage)
        if event.onward and event.stage is STAGES[-1]:
            await self.show_finish()
            return
        await self.back_to_wizard(STAGES[at + 1] if event.onward and at + 1 < len(STAGES) else event.stage)

    def _where(self) -> str:
        from meshvm_tui.screens.rail import cluster_words

        return cluster_words(self.keeper.plan) if self.keeper else ""


def _with_host_key(plan: Plan, machine: str, fingerprint: str) -> Plan:
    machines = [
        item.model_copy(update={"ssh": item.ssh.model_copy(update={"known_host": fingerprint})})
        if item.name == machine
        else item
        for item in plan.machines
    ]
    return plan.model_copy(update={"machines": machines})
