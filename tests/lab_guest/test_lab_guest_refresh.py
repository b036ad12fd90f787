"""Many threads tell a VM its faults and its time: each connection, and the listener, which must never end by it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from meshvm_tui.lab.guest.vm import Vm


class Moving:
    """Faults and a clock that are others each time they are asked."""

    def __init__(self) -> None:
        self._count = count()

    def active(self, name: str) -> bool:
        """One fault is on."""
        return name == "clock-off"

    def value(self, name: str) -> str:
        """Another number each time."""
        return str(next(self._count))

    def offset(self) -> float:
        """Another time each time."""
        return float(next(self._count))


def test_many_threads_may_refresh_one_vm(tmp_path: Path) -> None:
    moving = Moving()
    vm = Vm("vm-1", "127.0.0.1", 0, tmp_path / "vm", moving, moving)
    (tmp_path / "vm/state").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(8) as pool:
        told = [pool.submit(vm.refresh) for _ in range(400)]
        assert [future.exception() for future in told if future.exception()] == []
