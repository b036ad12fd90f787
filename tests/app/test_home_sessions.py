"""Home's list: what each session needs next, and what is done with one as a whole."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from meshvm_tui.app_home import HomeWatch
from meshvm_tui.app_messages import SessionsListed
from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import load_plan
from meshvm_tui.screens.cells import width
from meshvm_tui.session import StepRecord
from meshvm_tui.session_store import OpenSession, SessionStore
from tests.app.fakes import plan_with_vm
from tests.app.harness import NARROW, WIDE, World, world

GKE = {"gke": {"project": "acme-prod", "name": "prod", "location": "europe-west1"}}
FAILED = StepRecord("sidecar-running", "vm-1", "failed", code="MVM-302")
KEPT = {"namespace//before/Namespace vm-namespace": None, "http-server/vm-1/unit": "meshvm-http.service"}


def store(tmp_path: Path) -> SessionStore:
    """The store that the world reads."""
    return SessionStore(tmp_path / "sessions")


def make(tmp_path: Path, name: str, plan: Plan, *records: StepRecord, **more: object) -> None:
    """A session on disk."""
    held = store(tmp_path).create(name, plan)
    held.save(replace(held.session, records=records, **more))  # type: ignore[arg-type]
    held.close()


def names(tmp_path: Path) -> set[str]:
    return {summary.name for summary in store(tmp_path).list()}


async def on_first_session(made: World) -> None:
    """Waits for the list and puts the cursor on its first session."""
    await made.until(lambda: made.app.screen.query_one("#home-menu").option_count > 2, "the list")  # type: ignore[attr-defined]
    await made.press("end")
    await made.says("R Rename", "D Duplicate", "X Delete")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_each_session_says_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    plan = plan_with_vm().model_copy(update={"cluster": Plan.model_validate({"cluster": GKE}).cluster})
    make(tmp_path, "shop", plan, FAILED)
    make(tmp_path, "draft", Plan())
    async with world(tmp_path, monkeypatch, start="home", size=size) as made:
        await made.says("✗ shop", "hello-vm · GKE acme-prod/prod", "Install failed on vm-1: MVM-302", " s ago")
        await made.says("○ draft", "hello-vm · no cluster yet", "Cluster: not chosen yet")
        assert "What will happen" not in made.text()


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_long_and_foreign_names_break_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    long = "x" * 253
    contexts = {"a" * 63: f"[bold]{long}", "cjk": "名前" * 126, "rtl": "מרחב עבודה", "ctrl": "one\x1b[31mtwo"}
    for name, context in contexts.items():
        plan = Plan.model_validate({"cluster": {"context": context}, "machines": [{"name": "m" * 63, "host": "h"}]})
        make(tmp_path, name, plan)
    async with world(tmp_path, monkeypatch, start="home", size=size) as made:
        await made.says("cjk", "rtl", "ctrl", "名前", "[bold]x" if size is WIDE else "aaa")
        lines = made.text().splitlines()
        assert all(width(line) <= size[0] for line in lines)
        assert sum(" s ago" in line for line in lines) == 4, made.text()


async def test_a_session_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "one", plan_with_vm(), FAILED)
    make(tmp_path, "taken", plan_with_vm())
    async with world(tmp_path, monkeypatch, start="home") as made:
        await on_first_session(made)
        await made.press("home", "down", "down", "down")
        await made.press("r")
        await made.screen("TextDialog")
        await made.press(*"Bad")
        await made.says("lower-case letters")
        await made.press("enter")
        assert type(made.app.screen).__name__ == "TextDialog"
        await made.press("ctrl+u", *"one")
        await made.says("A session of that name is there already")
        await made.press(*"-two", "enter")
        await made.says("taken is called one-two now.")
        await made.says("one-two")
        assert names(tmp_path) == {"one", "one-two"}


async def test_a_session_is_duplicated_as_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "one", plan_with_vm(), FAILED, kept=KEPT)
    async with world(tmp_path, monkeypatch, start="home") as made:
        await on_first_session(made)
        await made.press("d")
        await made.screen("TextDialog")
        await made.says("one-2")
        await made.press("enter")
        await made.says("one-2 has the plan of one.")
        copied = store(tmp_path).read("one-2")
        assert (copied.plan, copied.records, dict(copied.kept)) == (plan_with_vm(), (), {})


async def test_its_plan_is_saved_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "one", plan_with_vm())
    monkeypatch.chdir(tmp_path)
    async with world(tmp_path, monkeypatch, start="home") as made:
        await on_first_session(made)
        await made.press("s")
        await made.screen("TextDialog")
        await made.press("enter")
        await made.until((tmp_path / "one-plan.yaml").exists, "the file")
        assert load_plan(tmp_path / "one-plan.yaml") == plan_with_vm()
        await made.screen("HomeScreen")
        await made.press("s")
        await made.screen("TextDialog")
        await made.press("enter")
        await made.screen("ProblemDialog")
        await made.says("MVM-703")


async def test_deleting_names_first_what_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "one", plan_with_vm(), FAILED, kept=KEPT)
    async with world(tmp_path, monkeypatch, start="home") as made:
        await on_first_session(made)
        await made.press("x")
        await made.screen("DeleteDialog")
        await made.says("Delete the session one?", "In the cluster: Namespace vm-namespace", "On VM vm-1:", "delete it")
        await made.press("enter", "escape")
        await made.screen("HomeScreen")
        assert names(tmp_path) == {"one"}
        await made.press("delete")
        await made.screen("DeleteDialog")
        await made.press("y")
        await made.says("one is deleted.", "What will happen")
        assert list(store(tmp_path).root.iterdir()) == []


@pytest.mark.parametrize(("text", "code"), [("{", "MVM-712"), ('{"schema": 99}', "MVM-713")])
async def test_what_cannot_be_read_says_why_and_can_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, code: str
) -> None:
    make(tmp_path, "one", plan_with_vm(), kept=KEPT)
    (tmp_path / "sessions" / "one" / "session.json").write_text(text)
    async with world(tmp_path, monkeypatch, start="home") as made:
        await on_first_session(made)
        await made.says(code)
        await made.press("d")
        assert type(made.app.screen).__name__ == "HomeScreen"
        await made.press("enter")
        await made.screen("ProblemDialog")
        await made.press("escape")
        await made.screen("HomeScreen")
        await made.press("x")
        await made.screen("DeleteDialog")
        await made.says("cannot be told")
        await made.press("y")
        await made.says("one is deleted.")


async def test_one_that_is_open_elsewhere_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: OpenSession = store(tmp_path).create("one", plan_with_vm())
    async with world(tmp_path, monkeypatch, start="home") as made:
        await on_first_session(made)
        await made.says("↻ one", "open in another terminal (pid")
        for key in ("x", "r"):
            await made.press(key)
            await made.says("Close it there first.")
            assert type(made.app.screen).__name__ == "HomeScreen"
        await made.press("enter")
        await made.screen("ProblemDialog")
        await made.says("MVM-711", "held by process")
        await made.press("escape")
        held.close()
        await made.until(lambda: "open in another" not in made.text(), "it is seen that it is free")


async def test_a_session_that_another_terminal_makes_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from meshvm_tui import app_home

    monkeypatch.setattr(app_home, "LOOK_EVERY", 0.02)
    async with world(tmp_path, monkeypatch, start="home") as made:
        await made.says("What will happen")
        make(tmp_path, "one", plan_with_vm())
        await made.says("○ one")
        assert "What will happen" not in made.text()


async def test_a_name_typed_right_behind_its_key_goes_into_the_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "one", plan_with_vm())
    async with world(tmp_path, monkeypatch, start="home") as made:
        await on_first_session(made)
        made.burst("r", "ctrl+u", *"xmas", "enter")
        await made.says("one is called xmas now.")
        assert names(tmp_path) == {"xmas"}


async def test_all_that_stays_is_seen_at_once_at_80x24(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vm = {"name": "vm-1", "gce": {"project": "acme-prod", "zone": "europe-west1-b"}}
    made_there = {
        **KEPT,
        "service-account//before/ServiceAccount vm-namespace/vm-sa": None,
        "workload-group//before/WorkloadGroup vm-namespace/hello-vm": None,
        "machine/vm-1/made": True,
        "firewall/vm-1/rule-cluster-pods-to-vm": {"project": "acme-prod", "created": True},
    }
    installed = [StepRecord(step, "vm-1", "succeeded", changed=True) for step in ("sidecar-package", "guest-files")]
    make(tmp_path, "one", Plan.model_validate({"machines": [vm]}), *installed, kept=made_there)
    async with world(tmp_path, monkeypatch, start="home") as made:
        await on_first_session(made)
        await made.press("x")
        await made.screen("DeleteDialog")
        await made.says("WorkloadGroup vm-namespace/hello-vm", "package istio-sidecar", "the block in /etc/hosts")
        await made.says("instance vm-1 (acme-prod, europe-west1-b)", "firewall rule cluster-pods-to-vm in acme-prod")


async def test_a_deletion_that_was_cut_off_is_ended_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "one", plan_with_vm())
    root = store(tmp_path).root
    (root / "one").rename(root / ".trash-one-1")
    async with world(tmp_path, monkeypatch, start="home") as made:
        await made.says("What will happen")
        await made.until(lambda: not list(root.iterdir()), "it is gone")


def test_what_changed_before_home_was_first_seen_is_listed(tmp_path: Path) -> None:
    posted: list[object] = []
    make(tmp_path, "one", plan_with_vm())
    watch = HomeWatch(store(tmp_path), None, posted.append)
    watch.pulse(seen=True, first_start=False)
    end = time.monotonic() + 20
    while not posted:
        assert time.monotonic() < end
        time.sleep(0.01)
    watch.stop()
    (listed,) = posted
    assert isinstance(listed, SessionsListed)
    assert [line.name for line in listed.sessions] == ["one"]
