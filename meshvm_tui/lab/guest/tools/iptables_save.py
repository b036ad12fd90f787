"""iptables-save."""

from __future__ import annotations

from meshvm_tui.lab.guest.tools import iptables


def main(_: list[str]) -> int:
    """iptables-save"""
    print("\n".join(["*nat", *iptables.rules(), "COMMIT"]))
    return 0
