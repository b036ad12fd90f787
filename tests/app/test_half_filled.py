"""A GKE cluster of which not all is typed cannot stand in a plan yet: the session keeps it, and it is there again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshvm_tui.plan import Plan
from meshvm_tui.plan_draft import PlanDraft
from meshvm_tui.session_store import SessionStore
from tests.app.google import GoogleConnections
from tests.app.harness import NARROW, WIDE, World, world
from tests.app.test_google_forms import focus, row

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80", "140"])


def kept(tmp_path: Path) -> dict[str, dict[str, str]]:
    """What stands on disk of parts that are not complete."""
    found: dict[str, dict[str, str]] = json.loads(
        (tmp_path / "sessions/hello-vm/session.json").read_text(encoding="utf-8")
    )["draft"]
    return found


async def half_fill(made: World) -> None:
    await focus(made, "cluster.gke")
    await made.press("y")
    await focus(made, "cluster.gke.project")
    await made.press(*"acme-prod")


@SIZES
async def test_it_is_there_again_after_quitting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with world(tmp_path, monkeypatch, connections=GoogleConnections(), size=size) as made:
        await half_fill(made)
        made.burst("tab", *"europe-west1", "ctrl+q")
        await made.until(lambda: not made.app.is_running, "the app has ended")
    part = kept(tmp_path)["cluster.gke"]
    assert (part["project"], part["location"], part["name"]) == ("acme-prod", "europe-west1", "")
    assert SessionStore(tmp_path / "sessions").read("hello-vm").plan.cluster.gke is None

    google = GoogleConnections()
    async with world(tmp_path, monkeypatch, size=size, session_name="hello-vm", connections=google) as made:
        assert row(made, "cluster.gke").text == "yes"
        assert row(made, "cluster.gke.project").text == "acme-prod"
        assert row(made, "cluster.gke.location").text == "europe-west1"
        await made.says("Next waits for  Name of the GKE cluster")
        await focus(made, "cluster.gke.name")
        await made.press(*"prod")
        await made.until(lambda: made.wizard.plan.cluster.gke, "it is in the plan")
        await made.until(lambda: kept(tmp_path) == {}, "and no more beside it")


async def test_what_is_typed_is_on_disk_before_anything_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, monkeypatch, connections=GoogleConnections()) as made:
        await half_fill(made)
        await made.until(lambda: kept(tmp_path).get("cluster.gke", {}).get("project") == "acme-prod", "saved", 1.0)
        await focus(made, "cluster.gke")
        await made.press("n")
        await made.until(lambda: kept(tmp_path) == {}, "left out again")


def test_what_a_draft_does_not_know_is_left_out() -> None:
    draft = PlanDraft(Plan(), {"cluster.gke": {"project": "p", "other": "x"}, "mesh.what": {"a": "b"}})
    assert draft.unfinished == {"cluster.gke": {"project": "p", "location": "", "name": "", "endpoint": "auto"}}
