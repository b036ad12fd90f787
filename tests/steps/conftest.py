"""A VM and a cluster in memory: as they begin, and after an onboarding."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.steps.registration import EntryRegistered
from tests.steps.vm_world import World, a_plan


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(a_plan(), tmp_path / "files")


@pytest.fixture
def onboarded(world: World) -> World:
    world.run(upto=EntryRegistered)
    world.guest.orders.clear()
    world.guest.starts.clear()
    return world
