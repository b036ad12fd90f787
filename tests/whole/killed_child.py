"""`python -m tests.whole.killed_child apply …`: the product as a process that kills itself, as a power cut would.

KILL_AT says where, as `step:when`. `before`: the step has sent nothing yet. `answer`: the other side has carried out
the step's first change, and its answer has not been read (of a step that changes nothing: it has ended and nothing of
that is written down). `after`: its end stands in the session. Nothing of the product is changed but where it stops.

With HOLD_FILE it stands still there instead, and that file is made: whoever waits for it can kill it by its pid.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from urllib3.connectionpool import HTTPConnectionPool

from meshvm_tui.__main__ import main
from meshvm_tui.adapters.istioctl import IstioctlProcess
from meshvm_tui.adapters.ssh_guest import SshGuest
from meshvm_tui.engine_step import Applying
from meshvm_tui.events import StepFinished
from meshvm_tui.session_store import OpenSession

HOLD_FILE = os.environ.get("HOLD_FILE", "")
STEP, _, WHEN = os.environ["KILL_AT"].partition(":")
QUESTIONS = ("selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews", "/token")
"""What is sent with POST and changes nothing."""
under_way: list[str] = []


def die() -> None:
    """At once, with nothing cleaned up; or stands still until it is killed."""
    if HOLD_FILE:
        Path(HOLD_FILE).touch()
        threading.Event().wait()
    os.kill(os.getpid(), signal.SIGKILL)


def due() -> bool:
    """Whether the step's answer is the one that is never read."""
    return WHEN == "answer" and under_way[-1:] == [STEP]


def around_a_step(original: Any) -> Any:
    def result(self: Applying) -> Any:
        under_way.append(self.step.id)
        if self.step.id == STEP and WHEN == "before":
            die()
        found = original(self)
        if due():
            die()
        under_way.append("")
        return found

    return result


def around_a_request(original: Any) -> Any:
    def urlopen(self: Any, method: str, url: str, *arguments: Any, **more: Any) -> Any:
        answer = original(self, method, url, *arguments, **more)
        if method not in ("GET", "HEAD") and not url.partition("?")[0].endswith(QUESTIONS) and due():
            die()
        return answer

    return urlopen


def around_an_order(original: Any) -> Any:
    def execute(self: SshGuest, *arguments: Any) -> Any:
        reports = list(original(self, *arguments))
        if due():
            die()
        yield from reports

    return execute


def around_istioctl(original: Any) -> Any:
    def install(self: IstioctlProcess, *arguments: Any, **more: Any) -> Any:
        done = original(self, *arguments, **more)
        if due():
            die()
        return done

    return install


def around_the_session(original: Any) -> Any:
    def take_event(self: OpenSession, event: Any) -> None:
        original(self, event)
        if WHEN == "after" and isinstance(event, StepFinished) and event.step == STEP:
            die()

    return take_event


def patched() -> None:
    for owner, name, around in (
        (Applying, "result", around_a_step),
        (HTTPConnectionPool, "urlopen", around_a_request),
        (SshGuest, "execute", around_an_order),
        (IstioctlProcess, "install", around_istioctl),
        (OpenSession, "take_event", around_the_session),
    ):
        setattr(owner, name, around(getattr(owner, name)))


if __name__ == "__main__":
    patched()
    sys.argv[0] = "meshvm-tui"
    main()
