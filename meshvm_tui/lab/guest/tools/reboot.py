"""reboot, shutdown and poweroff are the lab's own business: `Vm.reboot`."""

from __future__ import annotations

from meshvm_tui.lab.guest.tools import ground


def main(_: list[str]) -> int:
    """reboot"""
    if not ground.is_root():
        ground.say("Failed to set wall message, ignoring: Access denied")
        return 1
    ground.ask(op="reboot")
    return 0
