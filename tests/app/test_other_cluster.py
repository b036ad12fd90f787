"""Another cluster answers behind the session's context: said plainly, and gone on with only by its typed name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from meshvm_tui.cluster_identity import ClusterIdentity, another_cluster
from meshvm_tui.session import Session, StepRecord
from meshvm_tui.session_store import SessionStore
from tests.app.fakes import ScriptedEngine, plan_with_vm
from tests.app.harness import NARROW, WIDE, World, world

KNOWN = ClusterIdentity("7c1b0e5e-1f6a-4a51-9d0c-0f6c3c7c2b11", "acme", "https://10.0.0.1", "2026-11-01T08:00:00Z")
NOW = ClusterIdentity("d2f8a4c3-77e0-4b39-8a1d-5e2f9b6a0c42", "acme", "https://10.0.0.1", "2026-11-23T17:00:00Z")


def begun(tmp_path: Path) -> SessionStore:
    """A session that has changed a cluster."""
    store = SessionStore(tmp_path / "sessions")
    held = store.create("hello-vm", plan_with_vm())
    records = (StepRecord("namespace", "", "succeeded", changed=True),)
    held.save(replace(held.session, records=records, kept=KNOWN.kept(), cluster_uid=KNOWN.uid))
    held.close()
    return store


def on_disk(store: SessionStore) -> Session:
    return store.read("hello-vm")


async def asked_for_the_name(made: World) -> None:
    """From the wizard to the field that wants the cluster's name."""
    await made.says("MVM-714", "Another cluster answers now", "2026-11-23T17:00:00Z, not", KNOWN.uid)
    await made.press("ctrl+a")
    await made.screen("ProblemDialog")
    await made.says("What the session did is not done in this one", "use this one", "look again")
    await made.press("enter")
    await made.screen("TextDialog")
    await made.says("Type the cluster's name: acme", "is no longer listed")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_its_name_is_typed_and_everything_is_looked_at_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    store = begun(tmp_path)
    engine = ScriptedEngine(problems={"cluster-reachable": another_cluster(KNOWN, NOW)})
    async with world(tmp_path, monkeypatch, session_name="hello-vm", scripted=engine, size=size) as made:
        await asked_for_the_name(made)
        await made.press(*"acne", "enter")
        await made.says("Type acme to go on in it.")
        assert on_disk(store).cluster_uid == KNOWN.uid
        engine.problems.clear()
        await made.press("ctrl+u", *"acme", "enter")
        await made.until(lambda: on_disk(store).cluster_uid == NOW.uid, "the session is moved")
        await made.screen("ReviewScreen")
        moved = on_disk(store)
        assert (moved.cluster_uid, moved.records) == (NOW.uid, ())
        journal = (store.root / "hello-vm" / "journal.jsonl").read_text("utf-8").splitlines()
        assert [json.loads(line)["kind"] for line in journal] == ["cluster"]


async def test_who_leaves_it_stays_with_the_old_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = begun(tmp_path)
    engine = ScriptedEngine(problems={"cluster-reachable": another_cluster(KNOWN, NOW)})
    async with world(tmp_path, monkeypatch, session_name="hello-vm", scripted=engine) as made:
        await asked_for_the_name(made)
        await made.press("escape")
        await made.screen("ReviewScreen")
        await made.press("escape")
        await made.screen("WizardScreen")
    assert on_disk(store).cluster_uid == KNOWN.uid
    assert on_disk(store).records == (StepRecord("namespace", "", "succeeded", changed=True),)
