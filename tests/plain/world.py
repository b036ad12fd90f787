"""A plain onboarding with a scripted engine: what is answered goes in as lines, what is said comes out as text."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from pathlib import Path

from meshvm_tui.engine_run import RunRequest
from meshvm_tui.events import Mode, RunFinished, Stage
from meshvm_tui.plain.onboarding import Onboarding
from meshvm_tui.plain.talk import Left, Talk
from meshvm_tui.plain.telling import PlainOutput
from meshvm_tui.plan import Plan
from meshvm_tui.session import Session
from meshvm_tui.session_store import SessionStore
from tests.app.fakes import FakeConnections, ScriptedEngine, plan_with_vm


class PlainWorld:
    """One session in a folder; `lead` answers with these lines, then nobody is there any more."""

    def __init__(self, folder: Path, engine: ScriptedEngine | None = None) -> None:
        self.store = SessionStore(folder / "sessions")
        self.engine = engine or ScriptedEngine()
        self.connections = FakeConnections()
        self.left: int | None = None

    def lead(self, *lines: str, plan: Plan | None = None) -> str:
        """What was said; `left` is how it was left, None where it came to its end."""
        if self.store.exists("hello-vm"):
            held = self.store.open("hello-vm")
        else:
            held = self.store.create("hello-vm", plan or plan_with_vm())
        said = io.StringIO()
        self.left = None

        def run(
            mode: Mode, upto: Stage, approved: Mapping[tuple[str, str], tuple[str, ...]] | None, output: PlainOutput
        ) -> RunFinished:
            request = RunRequest(held.session.plan, mode, held.session.name, upto, approved, held.files_dir)

            def emit(event: object) -> None:
                if mode is Mode.APPLY:
                    held.take_event(event)  # type: ignore[arg-type]
                output.take(event)  # type: ignore[arg-type]

            return self.engine(
                request, self.connections, emit, threading.Event(), {}, held.take_kept, held.append_journal
            )

        heard = io.StringIO("".join(f"{line}\n" for line in lines))
        try:
            Onboarding(Talk(heard, said), held, self.connections, run).lead()
        except Left as left:
            self.left = left.code
        finally:
            held.close()
        return said.getvalue()

    @property
    def session(self) -> Session:
        """As it stands on disk."""
        return self.store.read("hello-vm")
