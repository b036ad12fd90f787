"""The one key that goes on from a problem, the same on every screen: accept a host key or another cluster, type a
secret, log in, mend a field of the plan, or else do what the screen did once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshvm_tui.cluster_identity import met_identity
from meshvm_tui.screens.dialogs import ProblemDialog
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.logins import login_command
from meshvm_tui.screens.mending import MendDialog, field_to_mend
from meshvm_tui.screens.messages import ClusterAccepted, FieldMended, HostKeyAccepted, LoginWanted, SecretGiven
from meshvm_tui.screens.secret_dialog import SecretDialog, wanted_secret
from meshvm_tui.screens.session_dialogs import TextDialog

if TYPE_CHECKING:
    from meshvm_tui.cluster_identity import ClusterIdentity
    from meshvm_tui.events import Stage
    from meshvm_tui.plan import Plan
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.app_screen import AppScreen
    from meshvm_tui.screens.board import StepLine
    from meshvm_tui.screens.messages import Intent

UNKNOWN_HOST_KEY = "MVM-404"


@dataclass(frozen=True)
class Once:
    """Doing once more what the screen did: its key's words, and the intent."""

    words: str
    intent: Intent
    skip: Intent | None = None
    """Going on without the step, where it only proves something."""


@dataclass(frozen=True)
class _Way:
    words: str
    go: Callable[[], None]


def ask(screen: AppScreen, failed: StepLine, *, plan: Plan, stage: Stage, once: Once, done: str = "") -> None:
    """Shows the problem of a step, and does what the operator chooses."""
    problem = failed.problem
    if problem is None:
        return
    way = _way(screen, problem, machine=failed.machine, plan=plan, stage=stage, once=once)
    dialog = ProblemDialog(
        problem,
        go_on=way.words if way else once.words,
        done=done,
        again=once.words if way and way.words else "",
        may_skip=once.skip is not None,
    )

    def answered(yes: bool | None) -> None:
        if not yes:
            return
        if dialog.wants_skip and once.skip is not None:
            screen.leave_by(once.skip)
        elif way and not dialog.wants_again:
            way.go()
        else:
            screen.leave_by(once.intent)

    screen.app.push_screen(dialog, answered)


def _way(
    screen: AppScreen, problem: ProblemRecord, *, machine: str, plan: Plan, stage: Stage, once: Once
) -> _Way | None:
    fingerprint = dict(problem.evidence).get("fingerprint", "")
    if problem.code == UNKNOWN_HOST_KEY and fingerprint:
        accepted = HostKeyAccepted(machine, fingerprint, stage)
        return _Way("accept this key and go on", lambda: screen.leave_by(accepted))
    if cluster := met_identity(problem):
        return _Way("use this one", lambda: _accept_cluster(screen, cluster, stage))
    kind, subject = wanted_secret(problem)
    if kind:
        return _Way("type it in", lambda: _type_in(screen, kind, subject, stage))
    if command := login_command(problem):
        return _Way("log in", lambda: screen.leave_by(LoginWanted(command, once.intent)))
    if mends := field_to_mend(problem, plan, machine):
        field, path = mends
        dialog = MendDialog(problem, field, path, plan)

        def mended(text: str | None) -> None:
            if text is not None:
                screen.leave_by(FieldMended(path, field.kind, text, stage))

        return _Way(f"mend {field.label.strip()}", lambda: _show(screen, dialog, mended))
    return None


def _accept_cluster(screen: AppScreen, cluster: ClusterIdentity, stage: Stage) -> None:
    name = cluster.context

    def wrong(text: str) -> str:
        return "" if text == name else f"Type {name} to go on in it."

    def typed(text: str | None) -> None:
        if text:
            screen.leave_by(ClusterAccepted(cluster, stage))

    words = (
        "Nothing counts as done in it: everything is looked at anew and reviewed before anything changes. What the "
        f"session made in the other cluster stays there and is no longer listed. Type the cluster's name: {name}"
    )
    screen.app.push_screen(TextDialog("Go on in this cluster", printable(words), "", wrong), typed)


def _show(screen: AppScreen, dialog: MendDialog, mended: Callable[[str | None], None]) -> None:
    screen.app.push_screen(dialog, mended)


def _type_in(screen: AppScreen, kind: str, subject: str, stage: Stage) -> None:
    def given(secret: str | None) -> None:
        if secret:
            screen.leave_by(SecretGiven(kind, subject, secret, stage))

    screen.app.push_screen(SecretDialog(kind, subject), given)
