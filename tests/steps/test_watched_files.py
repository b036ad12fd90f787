"""Every key of the files on the VM is watched: what differs is said by file and key, and mended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.istio import cluster_env, yaml_dialect
from meshvm_tui.steps.files import BootstrapFiles
from meshvm_tui.steps.install import GuestFiles, SidecarRunning
from meshvm_tui.steps.registration import EntryRegistered
from tests.steps.vm_world import IDENTITY, World, a_plan, ca


def _keys_of_cluster_env() -> list[str]:
    world = World(a_plan(workload={"probe": {"httpGet": {"port": 80}}}), Path("unused"))
    state = BootstrapFiles().observe(world.reading, world.scope())
    assert state.standing is Standing.MISSING
    from meshvm_tui.steps.wanted_files import wanted_files

    return sorted(cluster_env.parse(wanted_files(world.reading, world.scope()).files["cluster.env"])[0])


@pytest.mark.parametrize("key", _keys_of_cluster_env())
def test_every_key_of_cluster_env_is_watched(onboarded: World, key: str) -> None:
    text = onboarded.guest.files["cluster.env"]
    if key not in text:
        pytest.skip("only with other plans")
    onboarded.guest.files["cluster.env"] = re.sub(rf"^{key}=.*$", f"{key}='altered'", text, flags=re.MULTILINE)
    found = onboarded.look(upto=SidecarRunning)
    for step in ("bootstrap-files", "guest-files"):
        seen, changes = found[step]
        assert seen.standing is Standing.DIFFERENT
        assert f"cluster.env: {key} " in seen.message
        assert len(changes) == 1
    assert found["sidecar-running"][0].standing is Standing.DIFFERENT


def test_every_key_of_mesh_yaml_is_watched(onboarded: World) -> None:
    wanted = onboarded.guest.files["mesh.yaml"]
    document = yaml_dialect.load(wanted)
    paths = [
        ("defaultConfig", "meshId"),
        *(("proxyMetadata", key) for key in document["defaultConfig"]["proxyMetadata"]),
    ]
    assert len(paths) > 10
    for place, key in paths:
        altered = yaml_dialect.load(wanted)
        holder = altered["defaultConfig"] if place == "defaultConfig" else altered["defaultConfig"]["proxyMetadata"]
        holder[key] = "altered"
        onboarded.guest.files["mesh.yaml"] = yaml_dialect.dump(altered)
        seen, _ = onboarded.look(upto=GuestFiles)["guest-files"]
        assert seen.standing is Standing.DIFFERENT
        assert "mesh.yaml: " in seen.message and key in seen.message


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("root-cert.pem", ca("another").pem, "root-cert.pem is another one"),
        ("root-cert.pem", "", "root-cert.pem"),
        ("hosts", "10.9.9.9 istiod.istio-system.svc\n", "hosts: istiod.istio-system.svc is at '10.9.9.9'"),
        ("hosts", "", "hosts is missing"),
        ("hosts", "10.1.1.1 istiod.istio-system.svc\n1.1.1.1 bank\n", "other lines in our block"),
        ("istio-token", "e30.e30.changed", "istio-token: not the one that was copied"),
    ],
    ids=["another root", "no root", "another address", "no hosts", "more hosts", "another token"],
)
def test_the_other_files_are_watched(onboarded: World, name: str, content: str, words: str) -> None:
    onboarded.guest.files[name] = content
    seen, changes = onboarded.look(upto=GuestFiles)["guest-files"]
    assert seen.standing is Standing.DIFFERENT
    assert words in "; ".join(value for _, value in seen.details)
    assert changes
    onboarded.run(upto=EntryRegistered)
    assert set(onboarded.standings().values()) <= {Standing.SATISFIED, Standing.MISSING}
    assert onboarded.look(upto=SidecarRunning)["guest-files"][0].standing is Standing.SATISFIED


def test_a_token_that_was_altered_is_made_anew_without_a_restart(onboarded: World) -> None:
    onboarded.guest.files["istio-token"] = "e30.e30.changed"
    applied = onboarded.run(upto=EntryRegistered)
    assert list(applied) == ["bootstrap-files", "guest-files"]
    assert (onboarded.guest.starts, onboarded.tokens) == ([], 2)


def test_a_line_that_shadows_ours_is_put_aside(onboarded: World) -> None:
    onboarded.guest.other_hosts = "9.9.9.9 istiod.istio-system.svc"
    seen, changes = onboarded.look(upto=GuestFiles)["guest-files"]
    assert "9.9.9.9" in seen.message
    assert len(changes) == 2
    onboarded.guest.other_hosts = "10.1.1.1 istiod.istio-system.svc"
    assert onboarded.look(upto=GuestFiles)["guest-files"][0].standing is Standing.SATISFIED


def test_a_token_lost_at_a_reboot_is_not_needed_while_the_certificate_lasts(onboarded: World) -> None:
    del onboarded.guest.files["istio-token"]
    del onboarded.guest.owners["/var/run/secrets/tokens/istio-token"]
    seen, _ = onboarded.look(upto=BootstrapFiles)["bootstrap-files"]
    assert seen.standing is Standing.SATISFIED
    assert "gone" in seen.warnings[0]
    onboarded.guest.certificate = ca().issue(IDENTITY, seconds=-60)
    seen, changes = onboarded.look(upto=BootstrapFiles)["bootstrap-files"]
    assert seen.standing is Standing.DIFFERENT
    assert [change.target for change in changes] == ["vm1/istio-token of vm-namespace/vm-sa"]


def test_a_certificate_of_another_identity_is_moved_aside(world: World) -> None:
    world.guest.certificate = ca().issue("spiffe://cluster.local/ns/other/sa/other")
    world.run(upto=GuestFiles)
    assert world.guest.orders[0].values["FOREIGN_CERT"]
    assert "istio-token" in world.guest.orders[0].contents


def test_a_certificate_of_another_mesh_is_no_login(world: World) -> None:
    world.guest.certificate = ca("another").issue(IDENTITY)
    _, changes = world.look(upto=BootstrapFiles)["bootstrap-files"]
    assert any("istio-token" in change.target for change in changes)
