"""Watches WorkloadEntries and WorkloadGroups of a cluster, each on a daemon thread of its own. It only reads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from meshvm_tui.ports import WORKLOAD_ENTRIES, WORKLOAD_GROUPS, Resource
from meshvm_tui.problems import Cancelled, PermanentError, Problem, ProblemRecord
from meshvm_tui.watching.live import LiveSet
from meshvm_tui.watching.rows import EntryRow, GroupRow, entry_row, group_row

if TYPE_CHECKING:
    from meshvm_tui.ports import ClusterReader


class Feed:
    """The entries and groups of one namespace, or of all where it is None, from `start` to `stop`.

    `open_place` gives the cluster and the namespace; it is called on the feed's own thread, for it may take seconds.
    """

    def __init__(
        self,
        open_place: Callable[[], tuple[ClusterReader, str | None]],
        on_problem: Callable[[ProblemRecord], None],
    ) -> None:
        self.entries: LiveSet[EntryRow] = LiveSet(entry_row)
        self.groups: LiveSet[GroupRow] = LiveSet(group_row)
        self.context = ""
        self.namespace: str | None = ""
        self._open_place = open_place
        self._on_problem = on_problem
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begins to watch."""
        threading.Thread(target=self._open, name="meshvm-watch", daemon=True).start()

    def stop(self) -> None:
        """Nothing is taken or told after this; the watches end by themselves."""
        self._stopped.set()

    def _open(self) -> None:
        try:
            reader, self.namespace = self._open_place()
            self.context = reader.context
        except Problem as problem:
            self._tell(problem)
            return
        except Exception as error:  # noqa: BLE001 (a thread has nobody above it to tell)
            self._tell(PermanentError("MVM-901", f"{type(error).__name__}: {error}"))
            return
        groups = threading.Thread(
            target=self._watch, args=(reader, WORKLOAD_GROUPS, self.groups), name="meshvm-watch-groups", daemon=True
        )
        groups.start()
        self._watch(reader, WORKLOAD_ENTRIES, self.entries)

    def _watch(self, reader: ClusterReader, resource: Resource, into: LiveSet[Any]) -> None:
        try:
            for event in reader.watch(resource, self.namespace, self._stopped.is_set):
                if self._stopped.is_set():
                    return
                into.take(event)
        except Cancelled:
            return
        except Problem as problem:
            into.failed(problem.cause)
            self._tell(problem)
        except Exception as error:  # noqa: BLE001 (a thread has nobody above it to tell)
            into.failed(str(error))
            self._tell(PermanentError("MVM-901", f"{type(error).__name__}: {error}"))

    def _tell(self, problem: Problem) -> None:
        if not self._stopped.is_set():
            self._on_problem(problem.record())
