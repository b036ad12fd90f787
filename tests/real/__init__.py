"""What the tiers with real software ask of the machine: they say what is missing, and never pass without it."""

from __future__ import annotations

import os

import pytest


def need(condition: bool, what: str, how: str) -> None:
    """Goes on where `condition` holds. Else the test is skipped with `what` is missing and `how` to get it.

    With REQUIRE_REAL=1 it fails instead, so that a machine which is meant to run every tier cannot leave one out.
    """
    if condition:
        return
    reason = f"NOT RUN: {what}. {how}"
    if os.environ.get("REQUIRE_REAL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
