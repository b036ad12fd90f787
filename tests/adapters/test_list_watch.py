"""The list-and-watch loop: goes on after every cut, lists anew after 410, tells when it is stale, stops promptly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui import ports
from meshvm_tui.adapters.kubernetes_api import connect
from meshvm_tui.adapters.kubernetes_transport import HttpTransport
from meshvm_tui.adapters.list_watch import ListWatch
from meshvm_tui.ports import WatchEvent
from meshvm_tui.problems import Problem

from .scripted_api import Answer, ScriptedApi, Seen, status


class Server:
    """Lists and watches from two scripts; a watch past the last script stays open until the end."""

    def __init__(self, lists: list[Answer], watches: list[Any]) -> None:
        self.lists = iter(lists)
        self.watches = iter(watches)
        self.ended = threading.Event()
        self.quiet = threading.Event()

    def __call__(self, seen: Seen) -> Answer:
        if "watch" not in seen.query:
            return next(self.lists)
        found = next(self.watches, None)
        if found is None:
            return Answer(body=self.silent())
        return found if isinstance(found, Answer) else Answer(body=iter(found))

    def silent(self) -> Iterator[Any]:
        self.quiet.set()
        self.ended.wait(20)
        yield from ()


def listed(version: str, *names: str) -> Answer:
    items = [{"metadata": {"name": name, "managedFields": [{}]}} for name in names]
    return Answer(
        body={"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items}
    )


def event(kind: str, name: str, version: str) -> dict[str, Any]:
    return {"type": kind, "object": {"metadata": {"name": name, "resourceVersion": version, "managedFields": [{}]}}}


GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}


def run(tmp_path: Path, server: Server, wanted: int) -> tuple[list[WatchEvent], list[Seen]]:
    """The first `wanted` events and the requests that led to them."""
    with ScriptedApi(tmp_path, server) as api:
        transport = HttpTransport(connect(api.kubeconfig(tmp_path)).access)
        watch = ListWatch(transport, ports.PODS, "n", lambda: False, pause_first=0.01)
        events = watch.events()
        found = [next(events) for _ in range(wanted)]
        events.close()
        transport.close()
        server.ended.set()
        return found, list(api.seen)


def brief(events: list[WatchEvent]) -> list[Any]:
    return [
        (
            e.type,
            tuple(o["metadata"]["name"] for o in e.objects) if e.type == "SYNCED" else e.object["metadata"]["name"],
        )
        for e in events
        if e.type != "STALE"
    ]


def test_list_then_watch_without_managed_fields(tmp_path: Path) -> None:
    server = Server([listed("5", "a")], [[event("ADDED", "b", "6"), event("DELETED", "a", "7")]])
    events, seen = run(tmp_path, server, 3)
    assert brief(events) == [("SYNCED", ("a",)), ("ADDED", "b"), ("DELETED", "a")]
    assert "managedFields" not in events[0].objects[0]["metadata"] | events[1].object["metadata"]
    assert seen[1].query["resourceVersion"] == "5"
    assert seen[1].query["allowWatchBookmarks"] == "true"
    assert 240 <= int(seen[1].query["timeoutSeconds"]) <= 300


def test_goes_on_from_the_last_version_bookmarks_included(tmp_path: Path) -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}
    server = Server([listed("5")], [[event("ADDED", "b", "6"), bookmark], [event("MODIFIED", "b", "10")]])
    events, seen = run(tmp_path, server, 3)
    assert brief(events) == [("SYNCED", ()), ("ADDED", "b"), ("MODIFIED", "b")]
    assert [s.query["resourceVersion"] for s in seen if "watch" in s.query][:2] == ["5", "9"]


def test_a_cut_in_the_middle_goes_on_without_being_stale(tmp_path: Path) -> None:
    server = Server([listed("5")], [[event("ADDED", "b", "6"), None], [event("MODIFIED", "b", "7")]])
    events, seen = run(tmp_path, server, 3)
    assert [e.type for e in events] == ["SYNCED", "ADDED", "MODIFIED"]
    assert [s.query.get("resourceVersion") for s in seen[:3]] == [None, "5", "6"]


@pytest.mark.parametrize("answer", [[GONE], status(410, "Expired", "too old")])
def test_410_lists_anew(tmp_path: Path, answer: Any) -> None:
    server = Server([listed("5", "a"), listed("50", "b")], [answer])
    events, _ = run(tmp_path, server, 2)
    assert brief(events) == [("SYNCED", ("a",)), ("SYNCED", ("b",))]


def test_failures_are_stale_until_a_fresh_list(tmp_path: Path) -> None:
    sad = status(500, "InternalError", "etcd is sad")
    server = Server([sad, sad, listed("5", "a")], [])
    events, _ = run(tmp_path, server, 3)
    assert [e.type for e in events] == ["STALE", "STALE", "SYNCED"]
    assert "etcd is sad" in events[0].message
    assert events[0].message == events[1].message, "since the first failure"


def test_expired_credentials_are_stale_and_tried_again(tmp_path: Path) -> None:
    server = Server(
        [listed("5"), listed("6", "a")], [status(401, "Unauthorized", "x"), status(401, "Unauthorized", "x")]
    )
    events, _ = run(tmp_path, server, 3)
    assert [e.type for e in events] == ["SYNCED", "STALE", "SYNCED"]


def test_a_watch_that_ends_at_once_is_no_hot_loop(tmp_path: Path) -> None:
    server = Server([listed("5"), listed("6", "a")], [[], []])
    events, _ = run(tmp_path, server, 3)
    assert [e.type for e in events] == ["SYNCED", "STALE", "SYNCED"]


def test_a_missing_permission_is_raised(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        run(tmp_path, Server([status(403, "Forbidden", "you cannot")], []), 1)
    assert caught.value.code == "MVM-107"


def test_a_kind_that_is_not_served_yet_is_empty_and_asked_again(tmp_path: Path) -> None:
    server = Server([status(404, "NotFound", "no such kind"), listed("5", "a")], [])
    events, _ = run(tmp_path, server, 3)
    assert [e.type for e in events] == ["SYNCED", "STALE", "SYNCED"]
    assert events[0].objects == ()
    assert events[1].message.endswith("the cluster serves no pods yet")


@pytest.mark.parametrize("way", ["stop", "close"])
def test_it_stops_promptly_while_the_server_is_silent(tmp_path: Path, way: str) -> None:
    server = Server([listed("5")], [])
    with ScriptedApi(tmp_path, server) as api:
        transport = connect(api.kubeconfig(tmp_path))
        stop = threading.Event()
        watch = ListWatch(transport, ports.PODS, None, stop.is_set)
        got: list[str] = []
        thread = threading.Thread(target=lambda: got.extend(e.type for e in watch.events()))
        thread.start()
        assert server.quiet.wait(10)
        began = time.monotonic()
        if way == "stop":
            stop.set()
        else:
            watch.close()
        thread.join(timeout=5)
        assert not thread.is_alive()
        assert time.monotonic() - began < 1.0
        assert got == ["SYNCED"]
        server.ended.set()
        transport.close()
