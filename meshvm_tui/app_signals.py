"""SIGTERM and SIGHUP: Textual handles neither, and would leave the terminal in its alternate screen."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable


def on_signals(leave: Callable[[int], None]) -> None:
    """Calls `leave` with 128 + the signal's number, on the event loop. Nothing where a loop takes no signals."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, leave, 128 + number)


def off_signals() -> None:
    """Gives the signals back."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(number)
