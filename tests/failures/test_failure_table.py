"""Walks the failure table: each row's failure is made in a lab and met by the CLI as a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from meshvm_tui.problem_catalog import CATALOG
from tests.failures.all_cases import CASES
from tests.failures.bench import Bench, machine, served_lab, word_of
from tests.failures.cases import Seen, World
from tests.failures.table import Row, rows
from tests.whole.lab_world import LabWorld

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("failures")]

FLAGS = {World.BARE: (), World.MESH: ("--fault", "istio-present"), World.DONE: ("--vms", "3"), World.GOOGLE: ()}


@pytest.fixture(scope="module")
def lab_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[World], LabWorld]]:
    """Each lab is started when a case first wants it; one that did not become what it is to be is not used."""
    running: dict[World, LabWorld | None] = {}
    with ExitStack() as stack:

        def lab(world: World) -> LabWorld:
            if world not in running:
                running[world] = None
                started = stack.enter_context(served_lab(tmp_path_factory.mktemp(world.value) / "lab", *FLAGS[world]))
                if world is World.DONE:
                    _onboard(started)
                if world is World.GOOGLE:
                    _onboard_on_google(started)
                running[world] = started
            found = running[world]
            assert found is not None, f"the lab {world.value} could not be made: see the first case that wanted it"
            return found

        yield lab


def _onboard(lab: LabWorld) -> None:
    """vm-1 alone: the others are for cases that need a machine without a sidecar."""
    applied = lab.run("apply", "-f", str(lab.edit_plan(machine("vm-1"))), "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    _log_access(lab)


def _onboard_on_google(lab: LabWorld) -> None:
    applied = lab.run("apply", "-f", str(lab.state / "google-plan.yaml"), "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr


def _log_access(lab: LabWorld) -> None:
    """As an operator does who wants to see response flags: Istio's default profile logs no requests."""
    path = "/api/v1/namespaces/istio-system/configmaps/istio"
    mesh = lab.api("GET", path)["data"]["mesh"] + "accessLogFile: /dev/stdout\n"
    lab.api("PATCH", path, {"data": {"mesh": mesh}}, "application/merge-patch+json")


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_the_failure_is_named_in_the_other_systems_words(
    row: Row, lab_of: Callable[[World], LabWorld], tmp_path: Path
) -> None:
    wanted, word = CASES[row.name], word_of(row.name)
    lab = lab_of(wanted.world)
    lab.fault(*(line.replace("{word}", word) for line in wanted.faults))
    try:
        seen = wanted.make(Bench(lab, tmp_path, word))
    finally:
        lab.fault()
    _check(row, seen)


def _check(row: Row, seen: Seen) -> None:
    problem = seen.run.problem(row.code)
    assert seen.run.exit_code == row.exit_code, seen.run.output
    evidence = " ".join(value for _, value in problem.get("evidence", ()))
    said = " ".join(f"{problem['title']} {problem['cause']} {problem['next_action']} {evidence}".split())
    for part in row.cause.split(" … "):
        phrase = part.format(**seen.values)
        assert phrase in said, f"{phrase!r} is not in {said!r}"
    assert problem["title"].startswith(CATALOG[row.code].title)
    assert problem["next_action"]
