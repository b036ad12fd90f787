"""A scope for tests of steps, which records what steps say, keep and wait for; waiting takes no time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from meshvm_tui.plan import Machine, Plan
from meshvm_tui.ports import Cluster, Ports, ReadPorts
from meshvm_tui.steps.step import Scope


@dataclass
class Told:
    """What a step told."""

    said: list[tuple[str, str]] = field(default_factory=list)
    progressed: list[str] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    waits: int = 0


class TestScope(Scope):
    """`on_wait` is called instead of waiting: a test moves the world on in it, or cancels."""

    __test__ = False
    told: Told
    on_wait: Callable[[], None]

    def wait(self, seconds: float) -> None:
        self.told.waits += 1
        if self.told.waits > 200:
            raise AssertionError("waited more than 200 times")
        self.on_wait()
        super().wait(0)


def a_scope(plan: Plan | None = None, machine: Machine | None = None, *, deadline: float = 60.0) -> TestScope:
    """A scope over a plan."""
    told = Told()
    scope = TestScope(
        plan=plan or Plan(),
        machine=machine,
        cancelled=threading.Event(),
        say=lambda source, text: told.said.append((source, text)),
        progress=lambda message, done, total: told.progressed.append(message),
        keep=told.kept.__setitem__,
        journal=lambda kind, values: None,
        deadline=time.monotonic() + deadline,
    )
    scope.told = told
    scope.on_wait = lambda: None
    return scope


class NoIstioctl:
    """istioctl that must not be asked."""

    def version(self) -> str:
        raise AssertionError("istioctl was asked")

    def precheck(self, *, istio_namespace: str) -> str:
        raise AssertionError("istioctl was asked")

    def manifest(self, operator_yaml: str, *, revision: str) -> str:
        raise AssertionError("istioctl was asked")

    def install(
        self, operator_yaml: str, *, revision: str, log: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> None:
        raise AssertionError("istioctl was run")


def read_ports(cluster: Cluster, istioctl: Any = None) -> ReadPorts:
    """The reading ports of a cluster."""
    return ReadPorts(cluster, istioctl or NoIstioctl())


def all_ports(cluster: Cluster, istioctl: Any = None) -> Ports:
    """Every port of a cluster."""
    return Ports(cluster, istioctl or NoIstioctl())
