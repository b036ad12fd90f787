"""The app's live view of entries: one feed, drained a few times a second into the screen that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from meshvm_tui.watching.feed import Feed

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import ClusterReader, Connections
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.watch import WatchScreen


class Watching:
    """A feed and its screen. It opens nothing but the reading half of a cluster.

    `plan_of` is called on the feed's thread. `namespace` None is all of them, "" the one that the context names.
    """

    def __init__(
        self,
        connections: Connections,
        plan_of: Callable[[], Plan],
        namespace: str | None,
        screen: WatchScreen,
        on_problem: Callable[[ProblemRecord], None],
    ) -> None:
        def open_place() -> tuple[ClusterReader, str | None]:
            from meshvm_tui.inquiries import namespace_of

            plan = plan_of()
            place = namespace_of(plan, connections) if namespace == "" else namespace
            return connections.cluster_reader(plan), place

        self.screen = screen
        self._feed = Feed(open_place, on_problem)
        self._feed.start()

    def pulse(self) -> None:
        """Gives the screen what changed since the last time."""
        entries, groups, live = self._feed.entries.drain(), self._feed.groups.drain(), self._feed.entries.liveness
        self.screen.show_liveness(
            synced=live.synced,
            trouble=live.trouble,
            last=live.last_event,
            context=self._feed.context,
            namespace=self._feed.namespace,
        )
        if entries.changed or entries.removed or entries.reset:
            self.screen.show_entries(entries.changed, entries.removed, reset=entries.reset)
        if groups.changed or groups.removed or groups.reset:
            self.screen.show_groups(groups.changed, groups.removed, reset=groups.reset)

    def stop(self) -> None:
        """Ends it."""
        self._feed.stop()
