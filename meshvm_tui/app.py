"""MeshVMApp: home, the onboarding, the live entries and the monitor, in one terminal.

Work is done by the engine worker, the session's keeper, inquiries and the feed, each on threads of its own that
post messages; nothing here waits for them. Importing this loads neither pydantic nor a client library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import on

from meshvm_tui import app_messages as told
from meshvm_tui.app_base import LOOK, Look
from meshvm_tui.app_home import HomeApp
from meshvm_tui.app_opening import prepare
from meshvm_tui.screens import messages as wanted
from meshvm_tui.screens.home import HomeScreen

if TYPE_CHECKING:
    from textual.screen import Screen

    from meshvm_tui.app_home import Needs
    from meshvm_tui.app_watch import Watching
    from meshvm_tui.operator_secrets import MemorySecrets
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Connections
    from meshvm_tui.screens.watch import WatchScreen
    from meshvm_tui.session_store import SessionStore


class MeshVMApp(HomeApp):
    """The terminal app. Screens tell it what is wanted (`screens.messages`), threads what was found."""

    def __init__(
        self,
        connections: Connections,
        store: SessionStore,
        *,
        session_name: str = "",
        plan: Plan | None = None,
        start: str = "home",
        monitor: tuple[str, str | None] = ("", None),
        lab_command: tuple[str, ...] = (),
        look: Look = LOOK,
    ) -> None:
        # The first screen of all is not pushed, so the app brings its sheet.
        super().__init__(
            connections,
            store,
            *(("styles/watch.tcss",) if start == "monitor" else ()),
            look=look,
        )
        self._session_name = session_name
        self._plan = plan
        self._start = start
        self._monitor_context, self._monitor_namespace = monitor
        self._lab_command = lab_command
        self._watching: Watching | None = None

    def get_default_screen(self) -> Screen[Any]:
        """Home, or the monitor where that is all that was asked for."""
        if self._start == "monitor":
            from meshvm_tui.screens.watch import MonitorScreen

            return MonitorScreen(namespace=self._monitor_namespace)
        home = HomeScreen(lab=bool(self._lab_command))
        home.leaving = self._start == "wizard"
        return home

    def begin(self) -> None:
        """After the first frame: the sessions, or what the command line asked for."""
        super().begin()
        if self._start == "monitor":
            # Not the screen that is seen: a key pressed meanwhile may have put the palette over it.
            self._watch(self.app_screens()[0], self._monitor_plan, self._monitor_namespace)
            return
        prepare(self.store, self.post)
        if self._start == "wizard":
            self.open_session(self._session_name, self._plan)

    def pulse(self) -> None:
        """Paints what was told, also by the feed."""
        super().pulse()
        if self._watching:
            self._watching.pulse()

    def on_unmount(self) -> None:
        """However it ends, nothing goes on watching."""
        if self._watching:
            self._watching.stop()

    @on(told.WatchBroke)
    def _watch_broke(self, event: told.WatchBroke) -> None:
        if self._watching:
            self._watching.screen.show_problem(event.problem)

    @on(wanted.NewOnboarding)
    def _new_onboarding(self) -> None:
        self.open_session("")

    @on(wanted.SessionChosen)
    def _session_chosen(self, event: wanted.SessionChosen) -> None:
        self.open_session(event.name)

    @on(wanted.MonitorChosen)
    async def _monitor_chosen(self) -> None:
        from meshvm_tui.screens.watch import MonitorScreen

        await self._show_watch(MonitorScreen(namespace=None), self._monitor_plan, None)

    @on(wanted.WatchWanted)
    async def _watch_wanted(self) -> None:
        from meshvm_tui.screens.watch import WatchScreen

        if self.keeper:
            plan = self.keeper.plan
            namespace = plan.workload.namespace
            await self._show_watch(WatchScreen(namespace=namespace), lambda: plan, namespace)

    @on(wanted.WatchLeft)
    async def _watch_left(self) -> None:
        if self._watching:
            self._watching.stop()
            self._watching = None
        if len(self.screen_stack) == 1:
            self.end(0)
            return
        await self.pop_screen()
        await self.type_ahead.release()

    @on(wanted.WizardLeft)
    async def _wizard_left(self) -> None:
        self.close_session()
        await self.pop_screen()
        await self.type_ahead.release()

    @on(wanted.LabChosen)
    def _lab_chosen(self) -> None:
        from meshvm_tui.app_child import run_child

        with self.suspend():
            run_child(self._lab_command)
        self.stay()
        prepare(self.store, self.post)

    async def _show_watch(self, screen: WatchScreen, plan_of: Any, namespace: str | None) -> None:
        for other in self.app_screens():
            other.leaving = False
        await self.push_screen(screen)
        self._watch(screen, plan_of, namespace)
        await self.type_ahead.release()

    def _watch(self, screen: Any, plan_of: Any, namespace: str | None) -> None:
        from meshvm_tui.app_watch import Watching

        if self._watching:
            self._watching.stop()
        broke = lambda problem: self.post(told.WatchBroke(problem))  # noqa: E731
        self._watching = Watching(self.connections, plan_of, namespace, screen, broke)

    def _monitor_plan(self) -> Plan:
        from meshvm_tui.plan import Cluster, Plan

        return self._plan or Plan(cluster=Cluster(context=self._monitor_context))


def make_app(
    *,
    connections: Connections,
    store: SessionStore,
    session_name: str = "",
    plan: Plan | None = None,
    start: str = "home",
    monitor_context: str = "",
    monitor_namespace: str | None = None,
    lab_command: tuple[str, ...] = (),
    secrets: MemorySecrets | None = None,
    look: Look = LOOK,
    needs: Needs | None = None,
) -> MeshVMApp:
    """The app from plain values; the command line and the tests both call this.

    `start` is home, wizard (with `session_name`, or with `plan` in a new session) or monitor (`monitor_namespace`
    None is every namespace, "" the context's). `lab_command` starts the lab; without it home offers none.
    `secrets` is where `connections` ask for what the operator types in for sudo and SSH. `needs` looks at what a first
    onboarding needs of this computer; without it home only names that.
    """
    app = MeshVMApp(
        connections,
        store,
        session_name=session_name,
        plan=plan,
        start=start,
        monitor=(monitor_context, monitor_namespace),
        lab_command=lab_command,
        look=look,
    )
    if secrets is not None:
        app.secrets = secrets
    app.needs = needs
    return app
