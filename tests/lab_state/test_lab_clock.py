"""The lab's time."""

from __future__ import annotations

import time
from pathlib import Path

from meshvm_tui.lab.clock import Clock, parse_rfc3339, rfc3339


def test_a_clock_tells_the_real_time_until_it_is_moved() -> None:
    clock = Clock()
    assert abs(clock.now() - time.time()) < 5
    clock.shift(3600)
    clock.shift(-600)
    assert clock.offset() == 3000
    assert abs(clock.now() - time.time() - 3000) < 5


def test_clocks_on_one_file_agree(tmp_path: Path) -> None:
    one, other = Clock(tmp_path / "clock"), Clock(tmp_path / "clock")
    one.shift(86400)
    assert other.offset() == 86400
    assert Clock(tmp_path / "clock").offset() == 86400


def test_a_half_written_file_does_not_move_the_time(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    clock.shift(60)
    (tmp_path / "clock").write_text("")
    assert clock.offset() == 60


def test_timestamps_are_whole_seconds_in_utc() -> None:
    assert rfc3339(0.9) == "1970-01-01T00:00:00Z"
    assert parse_rfc3339("1970-01-01T01:00:00.5+01:00") == 0.5
