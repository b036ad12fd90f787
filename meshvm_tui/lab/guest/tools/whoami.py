"""whoami."""

from __future__ import annotations

from meshvm_tui.lab.guest.tools import ground


def main(_: list[str]) -> int:
    """whoami"""
    print(ground.user())
    return 0
