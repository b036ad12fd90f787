"""The server's own word on the objects that a run would write: sent with dryRun=All, so that nothing is changed.

The same adapter sends the same bodies as a run does; admission, other owners' fields and missing rights are found.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from meshvm_tui.events import Stage
from meshvm_tui.ports import NAMESPACES, Ports
from meshvm_tui.problems import Cancelled, Problem
from meshvm_tui.steps import steps_for
from meshvm_tui.steps.kubernetes_objects import Found, ObjectStep
from meshvm_tui.steps.step import Scope

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.ports import Connections

DEADLINE = 60.0


class Word(StrEnum):
    """What the server says of an object."""

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"


@dataclass(frozen=True)
class ServerSaid:
    """The answer for one object, named as its change is. `code` and `words` say why it is not taken."""

    step: str
    target: str
    word: Word
    code: str = ""
    words: str = ""


def try_on_server(  # noqa: PLR0917 (whose, where, how far, and three ways to answer)
    plan: Plan,
    connections: Connections,
    upto: Stage,
    kept: dict[str, Any],
    cancelled: threading.Event,
    tell: Callable[[ServerSaid], None],
) -> None:
    """Asks for every object up to a stage that is not as the plan wants it. Raises the Problem of a cluster that
    cannot be asked at all, and `Cancelled`."""
    ports = Ports(cluster=connections.cluster(plan), istioctl=connections.istioctl(plan))
    scope = _scope(plan, kept, cancelled)
    stages = list(Stage)
    for step, _ in steps_for(plan):
        if stages.index(step.stage) > stages.index(upto):
            break
        if isinstance(step, ObjectStep):
            for answer in _answers(step, ports, scope):
                tell(answer)


def _answers(step: ObjectStep, ports: Ports, scope: Scope) -> list[ServerSaid]:
    answers = []
    for item in step.find(ports.reading(), scope):
        if scope.is_cancelled():
            raise Cancelled
        if not item.is_right:
            answers.append(_ask(step.id, item, ports, scope))
    return answers


def _ask(step: str, item: Found, ports: Ports, scope: Scope) -> ServerSaid:
    namespace = item.body["metadata"].get("namespace")
    if not ports.cluster.serves(item.wanted.resource):
        words = f"{item.wanted.resource.kind}s are not served before Istio is installed"
        return ServerSaid(step, item.name, Word.LATER, words=words)
    if namespace and not _is_there(ports, scope, namespace):
        return ServerSaid(step, item.name, Word.LATER, words=f"namespace {namespace} is not there yet")
    try:
        ports.cluster.apply(item.body, dry_run=True)
    except Problem as problem:
        return ServerSaid(step, item.name, Word.REFUSED, problem.code, f"{problem.title}: {problem.cause}")
    return ServerSaid(step, item.name, Word.TAKEN)


def _is_there(ports: Ports, scope: Scope, namespace: str) -> bool:
    """Whoever may not read namespaces may still write into one: the server's refusal says the rest."""
    try:
        read = lambda: ports.cluster.get(NAMESPACES, namespace)  # noqa: E731
        return scope.recall(f"namespace/{namespace}", read) is not None
    except Problem:
        return True


def _scope(plan: Plan, kept: dict[str, Any], cancelled: threading.Event) -> Scope:
    """A scope in which nothing is said, kept or written."""
    return Scope(
        plan=plan,
        machine=None,
        cancelled=cancelled,
        say=lambda _source, _text: None,
        progress=lambda _message, _done, _total: None,
        keep=lambda _key, _value: None,
        journal=lambda _kind, _values: None,
        kept=kept,
        deadline=time.monotonic() + DEADLINE,
    )
