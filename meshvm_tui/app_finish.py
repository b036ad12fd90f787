"""The app's part of Finish: what the last run proved and what was reviewed is kept for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from meshvm_tui.app_review import ReviewWork
from meshvm_tui.screens import messages as wanted

if TYPE_CHECKING:
    from textual.screen import Screen

    from meshvm_tui.events import Stage
    from meshvm_tui.screens.board import Board, StepKey, StepLine


class FinishWork(ReviewWork):
    """The part of the app that shows what is true at the end."""

    _listed: dict[StepKey, StepLine]
    _listed_for = ""

    def remember_reviewed(self, board: Board) -> None:
        """What was approved, for the script at the end; another session begins anew."""
        session = self.keeper.session.name if self.keeper else ""
        if session != self._listed_for:
            self._listed, self._listed_for = {}, session
        self._listed |= {key: line for key, line in board.lines.items() if line.changes}

    async def show_over_wizard(self, screen: Screen[None]) -> None:
        """Shows a screen over the wizard."""
        raise NotImplementedError

    async def back_to_wizard(self, stage: Stage) -> None:
        """Shows the wizard on a stage."""
        raise NotImplementedError

    @on(wanted.FinishWanted)
    async def show_finish(self) -> None:
        """What is true now; all of it is looked at again meanwhile."""
        from meshvm_tui.events import Stage
        from meshvm_tui.finish_proofs import of_session, of_this_run
        from meshvm_tui.screens.finish import FinishScreen
        from meshvm_tui.screens.rail import cluster_words

        if self.keeper is None or self.runs is None:
            return
        session, plan = self.keeper.session, self.keeper.plan
        reviewed = self._listed if self._listed_for == session.name else {}
        listed = tuple(sorted(reviewed.values(), key=lambda line: list(Stage).index(line.stage)))
        shown = self.runs.shown.lines.values()
        self.runs.look(Stage.SERVICES)
        await self.show_over_wizard(
            FinishScreen(
                plan=plan,
                where=cluster_words(plan),
                board=self.runs.world,
                proofs=[*of_this_run(shown), *of_session(session)],
                clocks=session.clocks,
                listed=listed,
            )
        )

    @on(wanted.FinishLeft)
    async def _finish_left(self, event: wanted.FinishLeft) -> None:
        from meshvm_tui.events import Stage

        await self.back_to_wizard(Stage.SERVICES)
        if event.home:
            self.post_message(wanted.WizardLeft())
