"""Keys take effect in the order in which they were pressed, however fast they come.

Textual gives a key to the focused widget's own queue, and a binding that is no priority binding runs only when the
key has bubbled back up to the app. Of keys that arrive in one piece (a paste, a slow line), `backspace` would so
come after the letters typed behind it, and `tab` would overtake it. Here a key that no editor takes as text runs
its binding at once, after the focused widget has taken everything that was pressed before.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from textual import events
from textual.app import App

PATIENCE = 5.0
"""Seconds to wait for a widget that is busy; after that the key goes its usual way."""


async def run_bound(app: App[Any], event: events.Key) -> bool:
    """Runs what the key is bound to, and says whether that is all; a key that is text is left alone.

    A key is nobody's where the app has ended while it waited.
    """
    await _composed(app)
    if _is_over(app):
        return True
    focused = app.focused
    if focused is not None:
        if focused.check_consume_key(event.key, event.character):
            return False
        taken = asyncio.Event()
        if focused.call_later(taken.set):
            try:
                await asyncio.wait_for(taken.wait(), PATIENCE)
            except TimeoutError:
                return app._exit
    if _is_over(app):
        return True
    # Textual's own look-up, in its own order: bindings with priority, then from the focused widget upwards.
    return await app._check_bindings(event.key, priority=True) or await app._check_bindings(event.key)


def _is_over(app: App[Any]) -> bool:
    return app._exit or not app._screen_stack


async def _composed(app: App[Any]) -> None:
    """A screen or dialog that has just been pushed has no widgets yet that a key could act on: it waits for them."""
    if _is_over(app):
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(app.screen._mounted_event.wait(), PATIENCE)
