"""The five files for showing: what the VM has of each, how it differs, and never a byte of a token."""

from __future__ import annotations

import json
from dataclasses import asdict

from meshvm_tui.events import FileStanding, FileView, Observation, StepFinished, StepState
from meshvm_tui.steps.files import BootstrapFiles
from meshvm_tui.steps.install import SidecarRunning
from tests.steps.vm_world import World


def files(world: World) -> dict[str, FileView]:
    seen, _ = world.look(upto=BootstrapFiles)["bootstrap-files"]
    return {view.name: view for view in seen.files}


def test_a_fresh_vm_has_none_of_them(world: World) -> None:
    found = files(world)
    assert list(found) == ["root-cert.pem", "istio-token", "cluster.env", "mesh.yaml", "hosts"]
    assert {view.standing for view in found.values()} == {FileStanding.MISSING}
    assert "ISTIO_META_CLUSTER_ID" in found["cluster.env"].content
    assert found["istio-token"].note == "one is made right before it is copied"


def test_after_the_copy_all_are_the_same(onboarded: World) -> None:
    found = files(onboarded)
    assert {found[name].standing for name in ("root-cert.pem", "cluster.env", "mesh.yaml", "hosts")} == {
        FileStanding.SAME
    }
    assert found["istio-token"].standing in (FileStanding.SAME, FileStanding.NOT_NEEDED)
    assert not found["cluster.env"].diff


def test_an_altered_file_differs_by_key(onboarded: World) -> None:
    text = onboarded.guest.files["cluster.env"]
    onboarded.guest.files["cluster.env"] = text.replace("hello-vm", "other-vm")
    altered = files(onboarded)["cluster.env"]
    assert altered.standing is FileStanding.DIFFERS
    assert any("other-vm" in words and "hello-vm" in words for words in altered.differs)
    assert "-ISTIO" in altered.diff and "+ISTIO" in altered.diff
    assert files(onboarded)["mesh.yaml"].standing is FileStanding.SAME


def test_a_token_that_was_made_says_only_when_it_ends(world: World) -> None:
    scope = world.scope()
    outcome = BootstrapFiles().apply(world.ports, scope)
    assert outcome.observation
    token = next(view for view in outcome.observation.files if view.name == "istio-token")
    secret = (world.folder / "istio-token").read_text()
    assert token.standing is FileStanding.MISSING
    assert token.expires > 0
    assert (token.content, token.diff) == ("", "")
    told = json.dumps([asdict(view) for view in outcome.observation.files])
    assert not any(part in told for part in secret.split("."))


def test_the_copy_counts_its_files(world: World) -> None:
    scope = world.scope()
    counts: list[tuple[str, int | None, int | None]] = []
    scope.progress = lambda message, done, total: counts.append((message, done, total))
    world.run(scope, upto=SidecarRunning)
    copied = [(message, done, total) for message, done, total in counts if total]
    assert [(done, total) for _, done, total in copied] == [(at, 5) for at in range(1, 6)]
    assert all(message.endswith("is in its place") for message, _, _ in copied)


def test_files_stand_in_no_log(world: World) -> None:
    seen: Observation = world.look(upto=BootstrapFiles)["bootstrap-files"][0]
    event = StepFinished("", "s", "bootstrap-files", "vm", StepState.PENDING, False, "", "", 0.0, seen)
    assert "files" not in event.record()["observation"]
