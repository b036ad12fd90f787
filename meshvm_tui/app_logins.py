"""A login in the middle of things: the app steps aside, the command has the terminal, and the app comes back."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

from meshvm_tui.problems import ActionNeeded

if TYPE_CHECKING:
    from textual.app import App

    from meshvm_tui.problems import ProblemRecord


def log_in(app: App[Any], command: tuple[str, ...]) -> ProblemRecord | None:
    """Runs a login on the terminal; the problem where that cannot be done, or where it did not succeed."""
    words = shlex.join(command)
    by_hand = f"Run it in another terminal, then try again: {words}"
    if shutil.which(command[0]) is None:
        return ActionNeeded("MVM-723", f"{command[0]} is not on PATH", next_action=by_hand).record()
    try:
        with app.suspend():
            print(f"\n{words}\n", flush=True)
            done = subprocess.run(command, check=False)
    except SuspendNotSupported:
        return ActionNeeded("MVM-723", "This terminal cannot be handed over.", next_action=by_hand).record()
    except OSError as error:
        return ActionNeeded("MVM-723", f"{command[0]}: {error}", next_action=by_hand).record()
    if done.returncode:
        return ActionNeeded("MVM-723", f"{words} ended with exit code {done.returncode}").record()
    return None
