"""Home's side of the app: the list of sessions, what is done with one as a whole, and what a first start needs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import on

from meshvm_tui import app_messages as told
from meshvm_tui.app_onboarding import OnboardingApp
from meshvm_tui.app_opening import act_in_thread, in_thread, list_sessions
from meshvm_tui.screens import messages as wanted
from meshvm_tui.screens.home import HomeScreen

if TYPE_CHECKING:
    from meshvm_tui.app_opening import Post
    from meshvm_tui.session_store import SessionStore
    from meshvm_tui.start_facts import StartFact

LOOK_EVERY = 3.0
"""Seconds between two looks at the sessions' folder and at what a first start needs."""
AGES_EVERY = 20
"""Looks after which the list is read anyway: it says how long ago something was."""

Needs = Callable[[Callable[["StartFact"], object]], None]
"""Looks at what a first onboarding needs, on a thread, and tells each thing as soon as it is known."""


class HomeWatch:
    """A thread that looks while home is seen, and only then. `seen` and `first_start` are set by the app's pulse."""

    def __init__(self, store: SessionStore, needs: Needs | None, post: Post) -> None:
        self._store = store
        self._needs = needs
        self._post = post
        self._stop = threading.Event()
        self._wake = threading.Event()
        self.seen = False
        self.first_start = False
        in_thread(self._work, "meshvm-home")

    def pulse(self, *, seen: bool, first_start: bool) -> None:
        """What the screen shows now; a change is acted on at once."""
        changed = (seen, first_start) != (self.seen, self.first_start)
        self.seen, self.first_start = seen, first_start
        if changed:
            self._wake.set()

    def stop(self) -> None:
        """No further look."""
        self._stop.set()
        self._wake.set()

    def _work(self) -> None:
        known: Any = None
        looks = 0
        while not self._stop.is_set():
            self._wake.wait(LOOK_EVERY)
            self._wake.clear()
            if self._stop.is_set() or not self.seen:
                continue
            looks += 1
            found = self._signature()
            if found != known or looks % AGES_EVERY == 0:
                self._post(told.SessionsListed(list_sessions(self._store)))
            known = found
            if self.first_start and self._needs:
                self._needs(lambda fact: self._post(told.StartLookedAt(fact)))

    def _signature(self) -> Any:
        try:
            return self._store.signature()
        except OSError:
            return ()


class HomeApp(OnboardingApp):
    """The app with home under everything else."""

    needs: Needs | None = None
    home_watch: HomeWatch | None = None

    def pulse(self) -> None:
        """Tells the watch whether home is seen."""
        super().pulse()
        watch, screen = self.home_watch, self.screen
        if watch is not None:
            home = screen if isinstance(screen, HomeScreen) and not screen.leaving else None
            watch.pulse(seen=home is not None, first_start=bool(home and home.is_first_start))

    def begin(self) -> None:
        """After the first frame."""
        super().begin()
        self.home_watch = HomeWatch(self.store, self.needs, self.post)

    def on_unmount(self) -> None:
        """Nothing looks any more."""
        if self.home_watch:
            self.home_watch.stop()

    def homes(self) -> list[HomeScreen]:
        """Home, where it is in the stack and composed."""
        return [screen for screen in self.app_screens() if isinstance(screen, HomeScreen) and screen.ready]

    @on(told.SessionsListed)
    def _sessions_listed(self, event: told.SessionsListed) -> None:
        for home in self.homes():
            home.show_sessions(event.sessions)

    @on(told.StartLookedAt)
    def _start_looked_at(self, event: told.StartLookedAt) -> None:
        for home in self.homes():
            home.show_facts([event.fact])

    @on(told.SessionActed)
    def _session_acted(self, event: told.SessionActed) -> None:
        for home in self.homes():
            home.show_status(event.done)
        if event.problem:
            self.show_problem(event.problem)

    @on(wanted.SessionWish)
    def _session_wish(self, event: wanted.SessionWish) -> None:
        act_in_thread(self.store, event, self.post)
