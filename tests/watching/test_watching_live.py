"""The live model: what a watch tells becomes rows, and between two looks only the latest of each counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from meshvm_tui.ports import Resource, WatchEvent
from meshvm_tui.problems import PermanentError, ProblemRecord
from meshvm_tui.watching.feed import Feed
from meshvm_tui.watching.live import LiveSet
from meshvm_tui.watching.rows import EntryRow, entry_row, group_row
from tests.app.fakes import FakeReader, entry

NOW = datetime(2026, 11, 22, 20, 12, 1, tzinfo=UTC).timestamp()


def cells(**annotations: str) -> tuple[str, ...]:
    return entry_row(entry("hello-vm-10.128.0.7", **annotations)).cells(NOW)


def with_health(status: str, message: str = "") -> EntryRow:
    obj = entry("hello-vm-10.128.0.7", **{"proxy.istio.io/health-checks-enabled": "true"})
    condition = {
        "type": "Healthy",
        "status": status,
        "message": message,
        "lastTransitionTime": "2026-11-22T20:11:51Z",
    }
    return entry_row({**obj, "status": {"conditions": [condition]}})


def test_a_connected_entry() -> None:
    assert cells() == ("hello-vm-10.128.0.7", "hello-vm", "10.128.0.7", "11 min", "–", "12 min")


def test_an_entry_whose_vm_left_says_when_it_goes() -> None:
    gone = {"istio.io/disconnectedAt": "2026-11-22T20:11:55.123456789Z"}
    assert cells(**gone)[3] == "left 5 s, goes in 4 s"
    assert cells(**{"istio.io/disconnectedAt": "2026-11-22T20:11:01Z"})[3] == "left 1 min"
    assert entry_row(entry("x", **gone)).mark() == "waiting"


@pytest.mark.parametrize(
    ("row", "words", "mark"),
    [
        (with_health("True"), "yes, 10 s", "done"),
        (with_health("False", "connection\n refused"), "no: connection refused", "attention"),
        (entry_row(entry("x", **{"proxy.istio.io/health-checks-enabled": "true"})), "not yet", "waiting"),
    ],
)
def test_health(row: EntryRow, words: str, mark: str) -> None:
    assert (row.healthy(NOW), row.mark()) == (words, mark)


@pytest.mark.parametrize("obj", [{}, {"metadata": None, "spec": [], "status": {"conditions": ["x"]}}])
def test_an_object_of_another_form_is_shown_and_not_fatal(obj: dict[str, Any]) -> None:
    assert entry_row(obj).cells(NOW)[1:] == ("–", "–", "–", "–", "–")
    assert group_row(obj).cells(NOW)[1:] == ("–", "–", "–")


def test_a_group_says_its_probe_and_account() -> None:
    spec = {"template": {"serviceAccount": "vm-sa"}, "probe": {"httpGet": {"port": 80, "path": "/x"}}}
    metadata = {"name": "hello-vm", "namespace": "n", "creationTimestamp": "2026-11-22T20:11:01Z"}
    assert group_row({"metadata": metadata, "spec": spec}).cells(NOW) == ("hello-vm", "vm-sa", "http :80 /x", "1 min")


def live() -> LiveSet[EntryRow]:
    return LiveSet(entry_row, clock=lambda: NOW)


def test_appear_change_and_go() -> None:
    rows = live()
    assert not rows.liveness.synced
    rows.take(WatchEvent("SYNCED", objects=(entry("a"), entry("b"))))
    first = rows.drain()
    assert first.reset and {row.facts.name for row in first.changed} == {"a", "b"}
    rows.take(WatchEvent("ADDED", entry("c")))
    rows.take(WatchEvent("MODIFIED", entry("a", **{"istio.io/disconnectedAt": "2026-11-22T20:11:55Z"})))
    rows.take(WatchEvent("DELETED", entry("b")))
    second = rows.drain()
    assert not second.reset and {row.facts.name for row in second.changed} == {"a", "c"}
    assert second.removed == (("vm-namespace", "b"),)
    assert {row.facts.name for row in rows.rows()} == {"a", "c"}
    assert rows.drain() == type(second)()


def test_between_two_looks_only_the_latest_counts() -> None:
    rows = live()
    rows.take(WatchEvent("SYNCED"))
    rows.drain()
    for second in range(10, 60):
        rows.take(WatchEvent("MODIFIED", entry("a", **{"istio.io/connectedAt": f"2026-11-22T20:11:{second}Z"})))
    rows.take(WatchEvent("MODIFIED", entry("a", **{"istio.io/connectedAt": "2026-11-22T20:11:59Z"})))
    changed = rows.drain().changed
    assert len(changed) == 1 and changed[0].connected(NOW) == "2 s"
    rows.take(WatchEvent("ADDED", entry("b")))
    rows.take(WatchEvent("DELETED", entry("b")))
    delta = rows.drain()
    assert delta.changed == () and delta.removed == (("vm-namespace", "b"),)


def test_a_cut_is_said_and_forgotten_when_it_is_live_again() -> None:
    rows = live()
    rows.take(WatchEvent("SYNCED"))
    rows.take(WatchEvent("STALE", message="connection cut 3 s ago"))
    assert rows.liveness.trouble == "connection cut 3 s ago" and rows.liveness.synced
    rows.take(WatchEvent("SYNCED", objects=(entry("a"),)))
    assert not rows.liveness.trouble and rows.drain().reset


class _Broken(FakeReader):
    def watch(self, resource: Resource, namespace: str | None, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        return map(_refused, [resource])


def _refused(resource: Resource) -> WatchEvent:
    raise PermanentError("MVM-107", f"{resource.plural} is forbidden")


def test_a_feed_watches_both_kinds_in_the_namespace_until_it_is_stopped() -> None:
    reader = FakeReader([entry("a")])
    feed = Feed(lambda: (reader, "vm-namespace"), lambda problem: None)
    feed.start()
    _until(lambda: feed.entries.liveness.synced and feed.groups.liveness.synced)
    assert sorted(reader.calls) == ["watch workloadentries vm-namespace", "watch workloadgroups vm-namespace"]
    assert (feed.context, feed.namespace) == ("acme", "vm-namespace")
    reader.tell(WatchEvent("ADDED", entry("b")))
    _until(lambda: len(feed.entries.rows()) == 2)
    feed.stop()
    reader.tell(WatchEvent("ADDED", entry("c")))
    _until(lambda: not any(thread.name.startswith("meshvm-watch") for thread in threading.enumerate()))
    assert len(feed.entries.rows()) == 2


@pytest.mark.parametrize(
    ("opened", "code"),
    [(PermanentError("MVM-103", "refused"), "MVM-103"), (ValueError("x"), "MVM-901"), (None, "MVM-107")],
)
def test_a_feed_that_cannot_go_on_says_why(opened: Exception | None, code: str) -> None:
    found: list[ProblemRecord] = []

    def open_place() -> tuple[FakeReader, str | None]:
        if opened:
            raise opened
        return _Broken(), None

    Feed(open_place, found.append).start()
    _until(lambda: found)
    assert found[0].code == code


def _until(true: Callable[[], object]) -> None:
    wait = threading.Event()
    for _ in range(500):
        if true():
            return
        wait.wait(0.01)
    raise AssertionError("it did not come true in 5 s")
