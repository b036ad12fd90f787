"""The monitor: live rows, and nothing but reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.ports import WatchEvent
from meshvm_tui.problems import PermanentError
from meshvm_tui.screens.live_table import LiveTable
from meshvm_tui.screens.watch import MonitorScreen
from tests.app.fakes import FakeConnections, FakeReader, entry
from tests.app.harness import NARROW, WIDE, World, world

ALL_KEYS = (
    *"abcdefghijklmnopqrstuvwxyz0123456789",
    *(f"ctrl+{letter}" for letter in "abdefghiklnorstuvwxyz"),
    *(f"f{number}" for number in range(2, 13)),
    "enter",
    "space",
    "delete",
    "backspace",
    "insert",
    "down",
    "up",
    "tab",
    "shift+tab",
    "pagedown",
    "home",
    "end",
)


def table(made: World) -> LiveTable:
    return made.app.screen.query_one("#entries", LiveTable)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_entries_appear_change_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    reader = FakeReader([entry("hello-vm-10.128.0.7")])
    made_of = FakeConnections(reader)
    async with world(tmp_path, monkeypatch, start="monitor", size=size, connections=made_of) as made:
        await made.says("1 WorkloadEntry", "✓ live", "hello-vm-10.128.0.7", "CONNECTED")
        reader.tell(WatchEvent("ADDED", entry("hello-vm-10.128.0.9")))
        await made.says("2 WorkloadEntries", "hello-vm-10.128.0.9")
        left = entry("hello-vm-10.128.0.9", **{"istio.io/disconnectedAt": "2026-11-22T20:11:55Z"})
        reader.tell(WatchEvent("MODIFIED", left))
        await made.says("left")
        reader.tell(WatchEvent("DELETED", left))
        await made.says("1 WorkloadEntry")
        assert len(table(made).texts()) == 1


async def test_no_key_of_it_does_more_than_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = FakeReader([entry("hello-vm-10.128.0.7")])
    connections = FakeConnections(reader)
    async with world(tmp_path, monkeypatch, start="monitor", connections=connections) as made:
        await made.says("1 WorkloadEntry")
        made.burst(*ALL_KEYS)
        await made.pilot.pause()
        assert isinstance(made.app.screen, MonitorScreen)
        assert connections.mutating == []
        assert made.engine.requests == []
        assert sorted(reader.calls) == ["watch workloadentries None", "watch workloadgroups None"]
        assert not (tmp_path / "sessions").exists()


async def test_the_context_names_the_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = FakeConnections()
    more: dict[str, Any] = {"monitor_namespace": "", "monitor_context": "acme"}
    async with world(tmp_path, monkeypatch, start="monitor", connections=connections, **more) as made:
        await made.says("team-a", "0 WorkloadEntries")
        assert sorted(connections.reader.calls) == ["watch workloadentries team-a", "watch workloadgroups team-a"]


async def test_filter_groups_and_leaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = FakeReader([entry("hello-vm-10.128.0.7"), entry("other-vm-10.128.0.9")])
    async with world(tmp_path, monkeypatch, start="monitor", connections=FakeConnections(reader)) as made:
        await made.says("2 WorkloadEntries")
        await made.press("slash", *"other", "enter")
        await made.says("1 shown")
        assert [row[0] for row in table(made).texts()] == ["vm-namespace/other-vm-10.128.0.9"]
        await made.press("escape")
        await made.until(lambda: table(made).shown_count == 2)
        await made.press("g")
        await made.says("0 WorkloadGroups", "SERVICEACCOUNT")
        await made.press("escape")
        await made.until(lambda: made.app.return_code == 0)


async def test_a_watch_that_cannot_begin_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = FakeConnections(problem=PermanentError("MVM-101", "no file at ~/.kube/config"))
    more: dict[str, Any] = {"monitor_namespace": ""}
    async with world(tmp_path, monkeypatch, start="monitor", connections=connections, **more) as made:
        await made.says("MVM-101", "no file at ~/.kube/config", "Name one with --kubeconfig")


async def test_from_home_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, start="home", lab_command=("true",)) as made:
        await made.says("New onboarding", "Monitor", "Lab")
        made.burst("down", "enter")
        await made.screen("MonitorScreen")
        await made.says("✓ live")
        await made.press("escape")
        await made.screen("HomeScreen")


async def test_ten_thousand_rows_keep_the_cursor_on_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = FakeReader([entry(f"vm-{number:05d}") for number in range(0, 20_000, 2)])
    async with world(tmp_path, monkeypatch, start="monitor", connections=FakeConnections(reader)) as made:
        await made.says("10000 WorkloadEntries")
        await made.press("end")
        await made.says("vm-19998")
        await made.press("up", "up")
        assert table(made).current().key == ("vm-namespace", "vm-19994")  # type: ignore[union-attr]
        for number in (1, 3, 5):
            reader.tell(WatchEvent("ADDED", entry(f"vm-{number:05d}")))
        await made.says("10003 WorkloadEntries")
        assert table(made).current().key == ("vm-namespace", "vm-19994")  # type: ignore[union-attr]
        reader.tell(WatchEvent("DELETED", entry("vm-19994")))
        await made.says("10002 WorkloadEntries", "vm-19996")
        assert table(made).current().key == ("vm-namespace", "vm-19996")  # type: ignore[union-attr]
