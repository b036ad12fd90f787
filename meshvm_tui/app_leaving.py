"""The app that is left: nothing that was typed is lost, and no disk that hangs keeps a key waiting."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual import events, on

from meshvm_tui import app_messages as told
from meshvm_tui.app_base import LOOK, BaseApp, Look
from meshvm_tui.app_opening import in_thread, prepare
from meshvm_tui.locations import go_on_command
from meshvm_tui.screens.key_words import with_own_keys

if TYPE_CHECKING:
    from threading import Thread

    from meshvm_tui.app_runs import Runs
    from meshvm_tui.app_session import SessionKeeper
    from meshvm_tui.screens.wizard import WizardScreen
    from meshvm_tui.session_store import SessionStore

GRACE = 2.0
"""Seconds that a cancelled run gets to end before the app leaves."""
SAYS_SO = 0.3
"""Seconds after which it is said that saving takes its time."""
SAVING = "Saving the session … Ctrl+Q once more leaves without."


class LeavingApp(BaseApp):
    """Holds the session and its runs, saves them and lets them go."""

    def __init__(self, store: SessionStore, *styles: str, look: Look = LOOK) -> None:
        super().__init__(*styles, look=look)
        self.store = store
        self.keeper: SessionKeeper | None = None
        self.runs: Runs | None = None
        self.wizard: WizardScreen | None = None
        self.closing: Thread | None = None
        """What lets the session before this one go, where it has not ended yet."""
        self._ending: int | None = None
        self._abandoned = False

    def close_session(self) -> None:
        """Saves the session and lets it go, on a thread; `SessionClosed` tells that it is done."""
        if self.runs:
            self.runs.end()
        keeper, self.keeper, self.wizard = self.keeper, None, None
        if keeper:
            self.closing = in_thread(lambda: self.post(told.SessionClosed(keeper.close())), "meshvm-close")

    def on_unmount(self) -> None:
        """However it ends, the session is saved and let go."""
        if self.runs:
            self.runs.end()
        if self.keeper and not self._abandoned:
            self.keeper.close()

    def end(self, code: int) -> None:
        """Saves at once and leaves; before that, a run that is cancelled gets a moment to end."""
        if self._ending is not None:
            return
        self._ending = code
        runs, keeper = self.runs, self.keeper
        if keeper and self.wizard and self.wizard.ready:
            keeper.change(plan=self.wizard.typed(), draft=self.wizard.unfinished)
        applying = runs is not None and runs.applying
        if runs and applying:
            runs.cancel()
        self.set_timer(SAYS_SO, self._say_that_it_saves)

        def leave() -> None:
            problem = keeper.save_now() if keeper else None
            if runs and applying:
                runs.wait_idle(GRACE)
            self.post(told.ReadyToExit(code, problem))

        in_thread(leave, "meshvm-exit")

    def _say_that_it_saves(self) -> None:
        for screen in self.app_screens()[-1:]:
            screen.show_status(with_own_keys(SAVING, self))

    async def on_event(self, event: events.Event) -> None:
        """Somebody is there, or looks elsewhere: what is there is looked at more or less often.

        While the app is being left, keys are nobody's but for the one that leaves at once."""
        if self.runs and isinstance(event, events.Key | events.Paste | events.AppFocus):
            self.runs.pace.touched(time.monotonic())
        elif self.runs and isinstance(event, events.AppBlur):
            self.runs.pace.left()
        if self._ending is None or not isinstance(event, events.Key | events.Paste):
            await super().on_event(event)
        elif isinstance(event, events.Key) and event.key == "ctrl+q":
            self._abandoned = True
            self.exit(return_code=self._ending or 1, message="The session was not saved: the disk did not answer.")

    async def action_quit(self) -> None:
        """Saves and leaves; asks first while the world is being changed."""
        if self.runs is None or not self.runs.applying:
            self.end(0)
            return
        from meshvm_tui.screens.dialogs import ConfirmDialog
        from meshvm_tui.screens.quitting import quit_words

        question = ConfirmDialog(
            "Quit in the middle of a run?",
            quit_words(self.runs.shown),
            yes="cancel it and quit",
            no="stay",
        )
        self.push_screen(question, lambda yes: self.end(0) if yes else None)

    def _farewell(self, code: int) -> str | None:
        """The line that stands in the terminal afterwards; none where a signal came, for nobody may be there."""
        if self.keeper is None or code:
            return None
        name = self.keeper.session.name
        return f"session {name} is saved; go on with: {go_on_command(name)}"

    @on(told.ReadyToExit)
    def _ready_to_exit(self, event: told.ReadyToExit) -> None:
        if problem := event.problem:
            self.exit(return_code=event.code or 1, message=f"{problem.code} {problem.title}: {problem.cause}")
        else:
            self.exit(return_code=event.code, message=self._farewell(event.code))

    @on(told.SessionClosed)
    def _session_closed(self, event: told.SessionClosed) -> None:
        if event.problem:
            self.show_problem(event.problem)
        prepare(self.store, self.post)
