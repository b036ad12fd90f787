"""What the app does for Review and Finish on threads: save the plan or the script, ask the server with a dry run."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on

from meshvm_tui import app_messages as told
from meshvm_tui.app_leaving import LeavingApp
from meshvm_tui.app_opening import in_thread
from meshvm_tui.problems import Cancelled, PermanentError, Problem
from meshvm_tui.screens import messages as wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Connections
    from meshvm_tui.screens.board import StepLine

MODES = {"plan": 0o600, "script": 0o700}


class ReviewWork(LeavingApp):
    """The part of the app that saves files for the operator and asks the server."""

    connections: Connections
    _trial: threading.Event | None = None

    def end_trial(self) -> None:
        """Nobody waits for the server's word any more."""
        if self._trial:
            self._trial.set()
            self._trial = None

    @on(wanted.SaveWanted)
    def _save_wanted(self, event: wanted.SaveWanted) -> None:
        if self.keeper is None:
            return
        plan, path = self.keeper.plan, Path(event.path).expanduser()

        def save() -> None:
            self.post(told.FileSaved(str(path), *_saved(path, plan, event.what, event.lines, event.over)))

        in_thread(save, "meshvm-save")

    @on(told.FileSaved)
    def _file_saved(self, event: told.FileSaved) -> None:
        from meshvm_tui.screens.save_dialog import SaveDialog

        for screen in self.screen_stack:
            if isinstance(screen, SaveDialog):
                screen.show_result(event.path, exists=event.exists, trouble=event.trouble)
                return

    @on(wanted.TrialWanted)
    def _trial_wanted(self, event: wanted.TrialWanted) -> None:
        if self.keeper is None:
            return
        self.end_trial()
        self._trial = cancelled = threading.Event()
        plan, kept, connections, stage = self.keeper.plan, dict(self.keeper.session.kept), self.connections, event.stage

        def ask() -> None:
            from meshvm_tui.server_trial import ServerSaid, try_on_server

            def tell(said: ServerSaid) -> None:
                answer = wanted.ServerAnswer(said.step, said.target, str(said.word), said.code, said.words)
                self.post(told.ServerAnswered(cancelled, answer))

            problem = None
            try:
                try_on_server(plan, connections, stage, kept, cancelled, tell)
            except Cancelled:
                return
            except Problem as found:
                problem = found.record()
            except Exception as error:  # noqa: BLE001 (a thread has nobody above it to tell)
                problem = PermanentError("MVM-901", f"{type(error).__name__}: {error}").record()
            self.post(told.ServerAnswered(cancelled, None, problem))

        in_thread(ask, "meshvm-trial")

    @on(wanted.TrialLeft)
    def _trial_left(self) -> None:
        self.end_trial()

    @on(told.ServerAnswered)
    def _server_answered(self, event: told.ServerAnswered) -> None:
        from meshvm_tui.screens.review import ReviewScreen

        if event.trial is not self._trial:
            return
        for screen in self.app_screens():
            if isinstance(screen, ReviewScreen):
                screen.show_answer(event.answer, event.problem)


def _saved(path: Path, plan: Plan, what: str, lines: Sequence[StepLine], over: bool) -> tuple[bool, str]:
    """Whether another file is there, and what stands in the way; neither where it is saved."""
    from meshvm_tui.plan_file import dump_plan
    from meshvm_tui.saved_file import write_file
    from meshvm_tui.script import saved_script

    try:
        if path.is_dir():
            return False, f"{path} is a folder."
        if path.exists() and not over:
            return True, ""
        text = saved_script(plan, lines) if what == "script" else dump_plan(plan)
        write_file(path, text, mode=MODES[what])
    except OSError as error:
        return False, f"{path}: {error.strerror or error}."
    return False, ""
