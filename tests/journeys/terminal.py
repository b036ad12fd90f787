"""A real terminal (tmux on a socket of its own) in which a program is used with real keys."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Self

POLL_SECONDS = 0.05


class Terminal:
    """A program in a terminal of a fixed size. Waits are for what the screen says, never for time."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], columns: int, rows: int) -> None:
        tmux = shutil.which("tmux")
        assert tmux, "the journeys need tmux"
        self._tmux = (tmux, "-L", f"meshvm-{uuid.uuid4().hex[:12]}", "-f", "/dev/null")
        given = {**os.environ, **environment}
        # The terminal tells its size itself.
        clean = {name: value for name, value in given.items() if name not in {"TMUX", "TMUX_PANE", "COLUMNS", "LINES"}}
        self._environment = clean | {"COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        line = f"exec env TERM=tmux-256color {shlex.join(command)}"
        self._run("new-session", "-d", "-s", "t", "-x", str(columns), "-y", str(rows), line)
        self._run("set-option", "-t", "t", "remain-on-exit", "on")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False)

    def screen(self) -> str:
        """What stands on the screen now."""
        return self._run("capture-pane", "-p", "-t", "t")

    def coloured(self) -> str:
        """What stands on the screen now, with the escape sequences of its colours."""
        return self._run("capture-pane", "-e", "-p", "-t", "t")

    def wait_for(self, *texts: str, seconds: float = 30) -> str:
        """Waits until all texts stand on the screen together and gives the screen; fails with what it shows."""
        end = time.monotonic() + seconds
        while True:
            shown = self.screen()
            if all(text in shown for text in texts):
                return shown
            assert time.monotonic() < end, f"{texts} did not appear; the screen shows:\n{shown}"
            time.sleep(POLL_SECONDS)

    def wait_until(self, true: Callable[[str], object], what: str, *, seconds: float = 30) -> str:
        """Waits until something is true of the screen and gives the screen; `what` says what was waited for."""
        end = time.monotonic() + seconds
        while not true(shown := self.screen()):
            assert time.monotonic() < end, f"{what} did not come true; the screen shows:\n{shown}"
            time.sleep(POLL_SECONDS)
        return shown

    def wait_gone(self, text: str, *, seconds: float = 30) -> str:
        """Waits until a text stands no longer on the screen."""
        end = time.monotonic() + seconds
        while text in (shown := self.screen()):
            assert time.monotonic() < end, f"{text!r} stays; the screen shows:\n{shown}"
            time.sleep(POLL_SECONDS)
        return shown

    def keys(self, *names: str) -> None:
        """Presses keys by tmux's names (`Enter`, `C-n`, `Escape`, `F1`)."""
        self._run("send-keys", "-t", "t", *names)

    def type(self, text: str) -> None:
        """Types a text as it is."""
        self._run("send-keys", "-t", "t", "-l", text)

    def paste(self, text: str) -> None:
        """Pastes a text in brackets, as a terminal does."""
        self._run("set-buffer", "--", text)
        self._run("paste-buffer", "-p", "-t", "t")

    def resize(self, columns: int, rows: int) -> None:
        """Gives the window another size."""
        self._run("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))

    def pid(self) -> int:
        """The process that runs in the terminal."""
        return int(self._run("display-message", "-p", "-t", "t", "#{pane_pid}").strip())

    def state(self, flag: str) -> str:
        """What tmux knows of the terminal by one of its flags, such as `alternate_on` or `cursor_flag`."""
        return self._run("display-message", "-p", "-t", "t", f"#{{{flag}}}").strip()

    def kill(self) -> None:
        """Ends the program as a power cut would."""
        os.kill(self.pid(), signal.SIGKILL)

    def exit_status(self, *, seconds: float = 30) -> int:
        """Waits for the program's end and gives its exit status, or minus the signal that ended it."""
        end = time.monotonic() + seconds
        form = "#{pane_dead_status}:#{pane_dead_signal}"
        while (told := self._run("display-message", "-p", "-t", "t", form).strip()) == ":":
            assert time.monotonic() < end, f"the program still runs; the screen shows:\n{self.screen()}"
            time.sleep(POLL_SECONDS)
            # tmux can miss the end of a child; that of another makes it look again. -b: it may miss that one as well.
            self._run("run-shell", "-b", "true")
        status, _, number = told.partition(":")
        return int(status) if status else -int(number)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"tmux {arguments[0]}: {done.stderr}"
        return done.stdout
