"""The terminal after the process was stopped and goes on (`kill -STOP`, a shell's job control, a debugger).

Textual takes every SIGCONT for the end of its own suspension and starts once more what still runs: two threads then
read the keys, and at its end the app waits for one of them for ever. Here what still runs goes on, and only takes the
terminal again, which somebody else may have had meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import termios
import tty
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.driver import Driver


class SteadyDriver(LinuxDriver):
    """A driver that tells being continued from being resumed. What signals ask for is done between two events of the
    loop: a handler may have come in the middle of a write."""

    def _sigtstp_application(self, *_: Any) -> None:
        _soon(super()._sigtstp_application)

    def _sigcont_application(self, *_: Any) -> None:
        _soon(self._go_on)

    def _go_on(self) -> None:
        thread = self._key_thread
        if thread is None or not thread.is_alive():
            super()._sigcont_application()
            # The terminal comes back empty, and Textual paints only what is another by then.
            self._app.refresh(layout=True)
        elif not self.exit_event.is_set():
            self._take_terminal()

    def _take_terminal(self) -> None:
        """As at the start, but what was found there before stays what is given back at the end."""
        with contextlib.suppress(termios.error):
            modes = termios.tcgetattr(self.fileno)
            modes[tty.LFLAG] = self._patch_lflag(modes[tty.LFLAG])
            modes[tty.IFLAG] = self._patch_iflag(modes[tty.IFLAG])
            modes[tty.CC][termios.VMIN] = 1
            termios.tcsetattr(self.fileno, termios.TCSANOW, modes)
        self.write("\x1b[?1049h\x1b[?25l\x1b[?1004h")
        self._enable_mouse_support()
        self._enable_bracketed_paste()
        self._disable_line_wrap()
        self.flush()
        self._app.refresh(layout=True)


def steady(found: type[Driver]) -> type[Driver]:
    """The steady one in the place of Textual's for a terminal on Linux or macOS; every other as it is."""
    return SteadyDriver if found is LinuxDriver else found


def _soon(work: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and the app with it
        asyncio.get_running_loop().call_soon_threadsafe(work)
