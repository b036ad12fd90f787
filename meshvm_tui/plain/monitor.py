"""The monitor as lines: each WorkloadEntry as it comes, changes and goes. It only reads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from meshvm_tui.plain.talk import Left, leaving_by_signals
from meshvm_tui.watching.feed import Feed

if TYPE_CHECKING:
    from meshvm_tui.plain.talk import Talk
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import ClusterReader, Connections
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.watching.rows import EntryRow

PAUSE = 0.5


def watch(talk: Talk, connections: Connections, plan: Plan, namespace: str | None) -> int:
    """Says what happens until Ctrl-C, or until a problem ends it; gives the exit code."""
    from meshvm_tui.plain.telling import problem_lines

    problems: list[ProblemRecord] = []

    def open_place() -> tuple[ClusterReader, str | None]:
        from meshvm_tui.inquiries import namespace_of

        place = namespace_of(plan, connections) if namespace == "" else namespace
        return connections.cluster_reader(plan), place

    feed = Feed(open_place, problems.append)
    feed.start()
    talk.say("WorkloadEntries, live. Only reading. Ctrl-C ends it.")
    try:
        with leaving_by_signals():
            _follow(talk, feed, problems)
    except KeyboardInterrupt:
        talk.say("")
        return 0
    except Left as left:
        return left.code
    finally:
        feed.stop()
    talk.say(*problem_lines(problems[0]))
    return 1


def _follow(talk: Talk, feed: Feed, problems: list[ProblemRecord]) -> None:
    said: dict[tuple[str, str], str] = {}
    synced, trouble = False, ""
    while not problems:
        delta, live = feed.entries.drain(), feed.entries.liveness
        if live.trouble != trouble:
            trouble = live.trouble
            talk.say(f"Not live: {trouble}" if trouble else "Live again.")
        gone = [key for key in said if key not in {row.key for row in delta.changed}] if delta.reset else delta.removed
        for row in delta.changed:
            words = _words(row)
            if said.get(row.key) != words:
                talk.say(f"{'now' if row.key in said else 'there'}: {words}")
            said[row.key] = words
        for key in gone:
            said.pop(key, None)
            talk.say(f"gone: {'/'.join(key)}")
        if live.synced and not synced:
            synced = True
            place = f"namespace {feed.namespace}" if feed.namespace else "all namespaces"
            talk.say(f"Entries in {place} of {feed.context}: {len(said)}. What changes is said as it comes.")
        time.sleep(PAUSE)


def _words(row: EntryRow) -> str:
    """The facts without spans of time, which would change by themselves."""
    facts = row.facts
    connected = "left" if row.left_at is not None else "connected" if row.connected_at is not None else "not connected"
    message = " ".join(facts.health_message.split())
    health = f"{facts.health.value}, {message}" if message else facts.health.value
    return f"{facts.namespace}/{facts.name}, address {facts.address}, {connected}, health {health}"
