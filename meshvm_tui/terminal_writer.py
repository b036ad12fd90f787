"""What Textual writes, when the terminal is gone: it is thrown away, and the app ends as it would have.

Textual's own writer ends at the first write that fails. Nobody empties its short queue any more then, and the next
writes wait for ever: the process would go on without its terminal, with the session held.
"""

from __future__ import annotations

from textual.drivers import linux_driver
from textual.drivers._writer_thread import WriterThread


class DrainingWriter(WriterThread):
    """A writer that goes on taking what nobody can read."""

    def run(self) -> None:
        """As Textual's; after a write that failed, nothing is written."""
        try:
            super().run()
        except OSError:
            while self._queue.get() is not None:
                pass


def use_draining_writer() -> None:
    """For every app that is run from now on."""
    vars(linux_driver)["WriterThread"] = DrainingWriter
