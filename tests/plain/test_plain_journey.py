"""The whole onboarding as a conversation with the lab: from nothing to both answers, cut off once and gone on with."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.cluster import ENTRIES, LabCluster
from tests.plain.conversation import Conversation
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PRODUCT = (sys.executable, "-m", "meshvm_tui")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabWorld]:
    with lab_world(tmp_path / "lab") as world:
        yield world


def test_from_an_empty_lab_to_both_answers_by_questions_and_answers(lab: LabWorld) -> None:
    with Conversation([*PRODUCT, "onboard", "--plain", "--plan", str(lab.plan)], lab.environment) as talk:
        talk.wait_for("Context [meshvm-lab]: ")
        talk.answer("next")
        talk.wait_for("Control plane, keep or install or upgrade [install]: ")
        talk.answer("skip to Workload")
        talk.wait_for("Stage 4 of 8: Workload")
        talk.wait_for("Name [hello-vm]: ")
        talk.answer("Not Valid")
        talk.wait_for("Not taken: ")
        talk.wait_for("Name [hello-vm]: ")
        talk.answer("apply")
        talk.wait_for("by hand: istioctl ", seconds=90)
        talk.wait_for("Apply all of this? yes, no, or diff NUMBER [no]: ", seconds=90)
        talk.answer("yes")
        talk.wait_for(", done: WorkloadGroup", seconds=150)
        talk.wait_for("Everything up to Workload is in place.")
        talk.wait_for("Name [vm-1]: ", seconds=90)
        talk.kill()

    with Conversation([*PRODUCT, "resume", "--plain"], lab.environment) as talk:
        talk.wait_for("The first stage that is not done: Files.", seconds=120)
        talk.wait_for("Token lasts [3600]: ", seconds=90)
        talk.answer("skip to Services")
        talk.wait_for("hello-world, yes or no [yes]: ", seconds=120)
        talk.answer("review")
        talk.wait_for("Apply all of this? yes, no, or diff NUMBER [no]: ", seconds=120)
        talk.answer("yes")
        talk.wait_for("The VM answers in the mesh, both ways.", seconds=240)
        assert talk.exit_status() == 0
    assert "\x1b" not in talk.said
    assert "eyJ" not in talk.said

    cluster = LabCluster(lab.state / "kubeconfig")
    assert len(cluster.names(ENTRIES)) == 1

    with Conversation([*PRODUCT, "monitor", "--plain", "-n", "vm-namespace"], lab.environment) as talk:
        talk.wait_for("there: vm-namespace/hello-vm-")
        talk.wait_for("Entries in namespace vm-namespace of meshvm-lab: 1.")
        talk.process.send_signal(signal.SIGTERM)
        assert talk.exit_status() == 128 + signal.SIGTERM
        assert "Traceback" not in talk.said
