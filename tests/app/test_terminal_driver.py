"""The driver of a terminal: what still runs is not started once more by a signal."""

from __future__ import annotations

from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver

from meshvm_tui.app import MeshVMApp
from meshvm_tui.terminal_driver import SteadyDriver, steady


def test_only_the_terminals_own_driver_is_replaced() -> None:
    assert steady(LinuxDriver) is SteadyDriver
    assert steady(HeadlessDriver) is HeadlessDriver


def test_the_app_has_it_and_textual_still_has_what_it_replaces() -> None:
    assert MeshVMApp.get_driver_class.__qualname__.startswith("BaseApp")
    # Were these renamed, the signals would go to Textual's own again.
    for name in (
        "_sigtstp_application",
        "_sigcont_application",
        "_patch_lflag",
        "_patch_iflag",
        "_enable_mouse_support",
    ):
        assert name in vars(LinuxDriver)
