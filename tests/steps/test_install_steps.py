"""From made files to a registered entry: one execution, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.istio import cluster_env
from meshvm_tui.problems import PermanentError, TransientError
from meshvm_tui.steps.files import BootstrapFiles
from meshvm_tui.steps.install import GuestFiles, SidecarRunning
from meshvm_tui.steps.registration import EntryRegistered
from meshvm_tui.steps.step import Step
from tests.fakes.guest import FakeGuest
from tests.steps.vm_world import STEPS, World, a_plan


def test_from_nothing_to_a_registered_entry_in_one_execution(world: World) -> None:
    applied = world.run(upto=EntryRegistered)
    assert list(applied) == ["bootstrap-files", "sidecar-package", "guest-files", "sidecar-running"]
    assert world.look(upto=EntryRegistered)["entry-registered"][0].standing is Standing.SATISFIED
    assert [order.mode for order in world.guest.orders] == ["apply", "confirm"]
    assert world.guest.starts == ["start"]
    assert world.guest.proofs == 1
    assert world.tokens == 1
    assert not (world.folder / "istio-token").exists()
    assert (world.folder / "cluster.env").stat().st_mode & 0o777 == 0o600
    assert world.folder.stat().st_mode & 0o777 == 0o700


def test_the_second_run_does_nothing(onboarded: World) -> None:
    assert onboarded.run(upto=EntryRegistered) == {}
    assert (onboarded.guest.orders, onboarded.guest.starts, onboarded.tokens) == ([], [], 1)


@pytest.mark.parametrize("step", STEPS[:-1], ids=lambda step: step.id)
def test_nothing_to_do_for_each_step(onboarded: World, step: type[Step]) -> None:
    seen, changes = onboarded.look(upto=EntryRegistered)[step.id]
    assert seen.standing is Standing.SATISFIED
    assert changes == ()


def test_the_plans_own_additions_reach_the_vm(tmp_path: Path) -> None:
    plan = a_plan(sidecar={"version": "1.30.3", "extraEnv": {"MINE": "$(touch x)"}, "excludeInboundPorts": [9100]})
    world = World(plan, tmp_path / "f", guest=FakeGuest(ssh_port=2222))
    world.run(upto=EntryRegistered)
    values, unreadable = cluster_env.parse(world.guest.files["cluster.env"])
    assert unreadable == ()
    assert values["ISTIO_LOCAL_EXCLUDE_PORTS"].split(",")[-2:] == ["2222", "9100"]
    assert values["ISTIO_SERVICE_EXCLUDE_CIDR"] == "169.254.169.254/32"
    assert values["ISTIO_SVC_IP"] == "10.0.0.7"
    assert values["MINE"] == "$(touch x)"
    assert values["ISTIO_META_AUTO_REGISTER_GROUP"] == "hello-vm"


def test_every_command_of_the_guide_is_shown(world: World) -> None:
    shown = "\n".join(
        command
        for _, changes in world.look(upto=GuestFiles).values()
        for change in changes
        for command in change.commands
    )
    for wanted in (
        "istioctl x workload entry configure",
        "kubectl create token vm-sa",
        "curl -LO https://storage.googleapis.com/istio-release/releases/1.30.3/deb/istio-sidecar.deb",
        "sudo dpkg -i istio-sidecar.deb",
        "scp cluster.env mesh.yaml root-cert.pem hosts istio-token ops@10.0.0.7:",
        "sudo mkdir -p /etc/certs",
        "sudo cp root-cert.pem /etc/certs/root-cert.pem",
        "sudo mkdir -p /var/run/secrets/tokens",
        "sudo cp istio-token /var/run/secrets/tokens/istio-token",
        "sudo cp cluster.env /var/lib/istio/envoy/cluster.env",
        "sudo cp mesh.yaml /etc/istio/config/mesh",
        ">> /etc/hosts",
        "sudo mkdir -p /etc/istio/proxy",
        "sudo chown -R istio-proxy /var/lib/istio /etc/certs /etc/istio/proxy /etc/istio/config /var/run/secrets",
    ):
        assert wanted in shown
    world.run(upto=GuestFiles)
    world.guest.active = False
    _, changes = world.look(upto=SidecarRunning)["sidecar-running"]
    assert any("sudo systemctl start istio" in command for command in changes[0].commands)


def test_label_port_and_probe_edited_in_the_plan(onboarded: World) -> None:
    onboarded.plan = a_plan(
        workload={
            "labels": {"app": "hello-vm", "tier": "web"},
            "ports": {"http": 8080},
            "probe": {"httpGet": {"port": 8080}},
        }
    )
    onboarded.health = "True"
    shown = {step: tuple(c.fingerprint for c in changes) for step, (_, changes) in onboarded.look().items()}
    assert list(onboarded.run()) == ["bootstrap-files", "guest-files", "sidecar-running"]
    assert onboarded.guest.starts == ["restart"]
    assert onboarded.tokens == 1
    assert "readinessProbe" in onboarded.guest.files["mesh.yaml"]
    (kept,) = onboarded.look()["entry-registered"][0].warnings
    assert "tier=(none)" in kept and "port http=80" in kept
    assert shown["guest-files"] and shown["sidecar-running"]
    assert onboarded.run() == {}


def test_what_was_shown_is_what_is_done(onboarded: World) -> None:
    """Fingerprints stay the same from PLAN to APPLY, also for steps after the first one of the execution."""
    onboarded.plan = a_plan(workload={"ports": {"http": 8080}})
    shown = {step: tuple(c.fingerprint for c in changes) for step, (_, changes) in onboarded.look().items()}
    scope = onboarded.scope()
    for kind in (BootstrapFiles, GuestFiles, SidecarRunning):
        step = kind()
        seen = step.observe(onboarded.reading, scope)
        done = step.changes(onboarded.reading, scope, seen)
        assert tuple(change.fingerprint for change in done) == shown[step.id]
        step.apply(onboarded.ports, scope)
        scope.forget()


def test_files_of_a_run_that_was_cut_are_used_without_a_new_token(world: World) -> None:
    world.run(upto=BootstrapFiles)
    assert (world.folder / "istio-token").exists()
    world.run(upto=EntryRegistered)
    assert world.tokens == 1


def test_a_root_that_is_no_pem_is_refused(world: World) -> None:
    world.set_root("not a certificate")
    with pytest.raises(PermanentError) as caught:
        world.look(upto=BootstrapFiles)
    assert caught.value.code == "MVM-520"


@pytest.mark.parametrize(
    ("gone", "waits_for"),
    [
        (("configmaps", "vm-namespace", "istio-ca-root-cert"), "namespace"),
        (("services", "istio-system", "istio-eastwestgateway"), "gateway-address"),
        (("deployments", "istio-system", "istiod"), "control-plane"),
    ],
)
def test_what_cannot_be_known_yet(world: World, gone: tuple[str, str, str], waits_for: str) -> None:
    del world.cluster.objects[gone]
    found = world.look()
    seen, changes = found["bootstrap-files"]
    assert (seen.standing, seen.waits_for) == (Standing.UNKNOWN, waits_for)
    assert changes
    assert found["guest-files"][0].standing is Standing.UNKNOWN
    scope = world.scope()
    with pytest.raises(TransientError) as caught:
        BootstrapFiles().apply(world.ports, scope)
    assert caught.value.code == "MVM-535"


def test_another_version_is_installed_and_restarts(onboarded: World) -> None:
    onboarded.plan = a_plan(sidecar={"version": "1.31.0"})
    found = onboarded.look(upto=SidecarRunning)
    assert found["sidecar-package"][0].standing is Standing.DIFFERENT
    assert found["sidecar-running"][0].standing is Standing.DIFFERENT
    onboarded.run(upto=EntryRegistered)
    assert (onboarded.guest.package, onboarded.guest.starts) == ("1.31.0", ["restart"])


def test_a_local_package_is_sent_only_where_it_is_needed(tmp_path: Path) -> None:
    package = tmp_path / "own.deb"
    package.write_bytes(b"!<arch>\n")
    world = World(a_plan(sidecar={"version": "1.30.3", "package": str(package)}), tmp_path / "f")
    world.run(upto=EntryRegistered)
    assert list(world.guest.orders[0].paths) == ["istio-sidecar.deb"]
    world.guest.files["cluster.env"] += "X='1'\n"
    world.run(upto=EntryRegistered)
    assert world.guest.orders[2].paths == {}


def test_no_secret_is_ever_told(world: World) -> None:
    scope = world.scope()
    applied = world.run(scope, upto=EntryRegistered)
    token = world.guest.files["istio-token"]
    told = repr((applied, scope.told, world.guest.orders, world.look()))
    assert token not in told
