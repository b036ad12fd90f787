"""VMs for the tests of this folder: one that a whole module shares, and labs of one's own."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.lab.guest.package import build
from meshvm_tui.lab.guest.vm import Vm
from tests.lab_guest.lab_vm import Lab, Login

VERSION = "1.30.3"


def _block(salt: str = "") -> str:
    chance = random.Random(f"{os.getpid()}{salt}")
    return f"127.{chance.randint(100, 250)}.{chance.randint(1, 250)}"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path, _block())
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("shared lab"), _block("shared"))
    made.vm()
    yield made
    made.close()


@pytest.fixture
def vm(shared: Lab) -> Vm:
    return shared.vms[0]


@pytest.fixture
def login(shared: Lab, vm: Vm) -> Iterator[Login]:
    opened = Login(vm, shared.key)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def package() -> bytes:
    return build(VERSION)
