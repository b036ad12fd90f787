"""Ending connections at once, so that none outlives its event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable


def abort(transport: asyncio.BaseTransport | None) -> None:
    """Cuts a connection without waiting for the other side's goodbye."""
    if isinstance(transport, asyncio.WriteTransport):
        # Python before 3.11.4 raises where the connection of a TLS transport is gone already.
        with contextlib.suppress(AttributeError, TypeError):
            transport.abort()


async def abort_all(transports: Iterable[asyncio.BaseTransport | None]) -> None:
    """Cuts connections and lets the loop close their sockets."""
    for transport in transports:
        abort(transport)
    for _ in range(3):
        await asyncio.sleep(0)
