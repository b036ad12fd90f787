"""The register of cases: each makes one row of the table happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.failures.bench import Bench, Run


class World(StrEnum):
    """Which lab a case wants. Labs are shared: a case leaves its lab as it found it."""

    BARE = "bare"
    """A cluster without Istio."""
    MESH = "mesh"
    """Istio of another hand is there; nothing of ours is, and the VM is untouched."""
    DONE = "done"
    """Everything is onboarded."""
    GOOGLE = "google"
    """Everything is onboarded with a GKE cluster and an instance on Compute Engine."""


@dataclass(frozen=True)
class Seen:
    """What the CLI said, and what the test had made up, by the names in the row's cause."""

    run: Run
    values: dict[str, str]


@dataclass(frozen=True)
class Case:
    """A row's case. `faults` are switched on before it and off after it."""

    world: World
    make: Callable[[Bench], Seen]
    faults: tuple[str, ...] = ()


CASES: dict[str, Case] = {}


def case(world: World, *faults: str) -> Callable[[Callable[[Bench], Seen]], Callable[[Bench], Seen]]:
    """Registers a case under its function's name. `{word}` in a fault is what the test makes up."""

    def register(make: Callable[[Bench], Seen]) -> Callable[[Bench], Seen]:
        name = make.__name__.replace("_", "-")
        assert name not in CASES, f"two cases are called {name}"
        CASES[name] = Case(world, make, faults)
        return make

    return register
