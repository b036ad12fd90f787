"""Faults by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.lab.faults import CATALOG, Faults, UnknownFault


def test_every_fault_has_a_sentence() -> None:
    assert all(sentence.endswith(".") and len(sentence) > 20 for sentence in CATALOG.values())


def test_faults_are_switched_on_and_off(tmp_path: Path) -> None:
    faults = Faults(tmp_path / "faults", ["api-slow:2", "watch-410"])
    assert faults.names() == ("api-slow", "watch-410")
    assert faults.value("api-slow") == "2"
    faults.clear("api-slow")
    assert not faults.active("api-slow")
    faults.set("api-403", "create:workloadgroups")
    assert faults.value("api-403") == "create:workloadgroups"
    faults.clear()
    assert faults.names() == ()


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    faults = Faults(tmp_path / "faults")
    assert not faults.active("api-401")
    (tmp_path / "faults").write_text("api-401\nno-such-fault\n")
    assert faults.names() == ("api-401",)
    Faults(tmp_path / "faults").clear("api-401")
    assert not faults.active("api-401")


def test_the_file_can_be_deleted_to_switch_everything_off(tmp_path: Path) -> None:
    faults = Faults(tmp_path / "faults", ["api-401"])
    (tmp_path / "faults").unlink()
    assert faults.names() == ()


def test_a_fault_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownFault, match="api-429"):
        Faults(initial=["api-428"])
