"""Starts the agent: `python -m meshvm_tui.lab.mesh.agent proxy sidecar`, with `/` of the VM as working folder."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from meshvm_tui.lab.mesh.agent.log import AgentLog
from meshvm_tui.lab.mesh.agent.settings import BadSettings, VmClock, read_settings
from meshvm_tui.lab.mesh.agent.sidecar import Fatal, Sidecar

FATAL = 255


def main() -> int:
    """Runs until a signal ends it, or until something that the real agent does not survive."""
    clock = VmClock(os.environ)
    log = AgentLog(clock.now)
    try:
        settings = read_settings(os.environ)
        asyncio.run(_run(Sidecar(settings, clock, log)))
    except (BadSettings, Fatal) as error:
        log.error(str(error))
        sys.stderr.write(f"Error: {error}\n")
        return FATAL
    return 0


async def _run(sidecar: Sidecar) -> None:
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(sidecar.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        return


if __name__ == "__main__":
    sys.exit(main())
