"""The IAM role that docs/iam offers holds all that the product asks for."""

from __future__ import annotations

import itertools
from pathlib import Path

import yaml

from meshvm_tui.checks.google_project import Needs, permissions_needed

ROLE = Path(__file__).resolve().parents[2] / "docs/iam/meshvm-tui-role.yaml"


def test_the_role_has_every_permission_that_any_plan_needs() -> None:
    role = yaml.safe_load(ROLE.read_text(encoding="utf-8"))
    held = set(role["includedPermissions"])
    switches = [name for name, kind in Needs.__annotations__.items() if kind in ("bool", bool)]
    for values in itertools.product((False, True), repeat=len(switches)):
        needs = Needs(**dict(zip(switches, values, strict=True)))
        assert set(permissions_needed(needs)) <= held
    assert len(held) == len(role["includedPermissions"])
