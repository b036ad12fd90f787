"""Where the terminal is gone, what is written is thrown away and nobody waits for ever."""

from __future__ import annotations

import io
import threading

import pytest
from textual.drivers import linux_driver
from textual.drivers._writer_thread import WriterThread

from meshvm_tui.terminal_writer import DrainingWriter, use_draining_writer


class Closed(io.StringIO):
    """A terminal that takes one write and is closed then."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, text: str) -> int:
        """EIO from the second write on."""
        self.writes += 1
        if self.writes > 1:
            raise OSError(5, "Input/output error")
        return len(text)


def test_writes_to_a_terminal_that_is_gone_are_thrown_away() -> None:
    terminal = Closed()
    writer = DrainingWriter(terminal)
    writer.start()

    def write_much() -> None:
        for _ in range(200):
            writer.write("a frame")
        writer.stop()

    writing = threading.Thread(target=write_much, daemon=True)
    writing.start()
    writing.join(20)
    assert not writing.is_alive()
    assert not writer.is_alive()
    assert terminal.writes == 2


def test_an_app_that_is_run_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.drivers.linux_driver.WriterThread", WriterThread)
    use_draining_writer()
    assert vars(linux_driver)["WriterThread"] is DrainingWriter
