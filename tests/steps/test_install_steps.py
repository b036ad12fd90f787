"""From made files to a registered entry: one execution, nothing twice, and every deviation by file and key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.istio import cluster_env, yaml_dialect
from meshvm_tui.ports import GuestReport
from meshvm_tui.problems import PermanentError, Problem, TransientError
from meshvm_tui.steps.files import BootstrapFiles
from meshvm_tui.steps.install import GuestFiles, SidecarPackage, SidecarRunning
from meshvm_tui.steps.registration import EntryHealthy, EntryRegistered
from meshvm_tui.steps.step import Step
from tests.fakes.guest import FakeGuest
from tests.steps.vm_world import ENTRY, IDENTITY, STEPS, World, a_plan, ca


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(a_plan(), tmp_path / "files")


@pytest.fixture
def onboarded(world: World) -> World:
    world.run(upto=EntryRegistered)
    world.guest.orders.clear()
    world.guest.starts.clear()
    return world


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


@pytest.mark.parametrize(
    ("step", "cause", "code"),
    [
        ("sidecar-package", "download", "MVM-521"),
        ("sidecar-package", "dpkg-lock", "MVM-524"),
        ("sidecar-package", "disk-full", "MVM-525"),
        ("guest-files", "", "MVM-528"),
        ("sidecar-running", "start", "MVM-530"),
        ("sidecar-running", "not-ready", "MVM-531"),
        ("sidecar-running", "timer", "MVM-532"),
    ],
)
def test_failures_of_the_script_have_codes_and_words(world: World, step: str, cause: str, code: str) -> None:
    world.guest.fail = {f"apply/{step}": {"message": "it failed", "cause": cause, "output": "dpkg: words"}}
    with pytest.raises(Problem) as caught:
        world.run()
    assert caught.value.code == code
    assert "dpkg: words" in caught.value.cause
    world.guest.fail = {}
    assert "sidecar-running" in world.run(upto=EntryRegistered)


def test_a_connection_that_is_cut_every_time_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object) -> Iterator[GuestReport]:
        yield GuestReport("sidecar-package", "started", "looking")
        raise TransientError("MVM-411", "cut")

    world.run(upto=BootstrapFiles)
    scope = world.scope()
    monkeypatch.setattr(world.guest, "execute", cut)
    for _ in range(3):
        with pytest.raises(TransientError):
            SidecarPackage().apply(world.ports, scope)
    with pytest.raises(PermanentError) as caught:
        SidecarPackage().apply(world.ports, scope)
    assert (caught.value.code, caught.value.cause) == ("MVM-411", "cut (4 times in a row)")


def test_an_agent_that_is_refused_fails_with_its_cause_and_the_altered_key(world: World) -> None:
    line = "\terror\tca\tfailed to sign CSR: rpc error: code = Unauthenticated desc = request authenticate failure"

    def alter() -> None:
        text = world.guest.files["cluster.env"]
        world.guest.files["cluster.env"] = text.replace("CLUSTER_ID='Kubernetes'", "CLUSTER_ID='elsewhere'")

    world.guest.before_start = alter
    world.guest.fail = {"apply/sidecar-running": {"message": "not ready", "cause": "not-ready", "log": line}}
    with pytest.raises(PermanentError) as caught:
        world.run()
    assert caught.value.code == "MVM-303"
    assert "ISTIO_META_CLUSTER_ID" in caught.value.evidence["differs from what was copied"]


def test_an_expired_token_is_told_from_a_refused_one(world: World) -> None:
    line = "\terror\tca\tfailed to sign CSR: rpc error: code = Unauthenticated desc = request authenticate failure"
    world.cluster.token_expires = 1000.0
    world.guest.fail = {"apply/sidecar-running": {"message": "not ready", "cause": "not-ready", "log": line}}
    with pytest.raises(PermanentError) as caught:
        world.run()
    assert caught.value.code == "MVM-301"
    assert caught.value.cause == line.strip()


def test_istiods_own_words_tell_why_a_good_token_was_refused(world: World) -> None:
    line = "\terror\tca\tfailed to sign CSR: rpc error: code = Unauthenticated desc = request authenticate failure"
    metadata = {"name": "istiod-1", "namespace": "istio-system", "labels": {"app": "istiod"}}
    world.cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
    said = "2026\twarn\tsecurity\tFailed to authenticate client from 10.0.0.7: token has expired\n"
    world.cluster.logs["istio-system", "istiod-1", "discovery"] = said
    world.guest.fail = {"apply/sidecar-running": {"message": "not ready", "cause": "not-ready", "log": line}}
    with pytest.raises(PermanentError) as caught:
        world.run()
    assert caught.value.code == "MVM-301"
    assert caught.value.cause.splitlines() == [line.strip(), f"istiod: {said.strip()}"]


def test_an_agent_that_died_is_seen_with_its_last_words(onboarded: World) -> None:
    last = "Error: invalid config - Citadel missing a root certificate ./etc/certs/root-cert.pem"
    onboarded.guest.topics["log"] = {"agent": "\tinfo\tVersion 1.30.3\n", "errors": last}
    assert onboarded.look(upto=SidecarRunning)["sidecar-running"][0].standing is Standing.SATISFIED
    onboarded.guest.topics["unit"] = {"show": "ActiveState=activating\nSubState=auto-restart\n", "ready": ""}
    seen, _ = onboarded.look(upto=SidecarRunning)["sidecar-running"]
    assert dict(seen.details)["code"] == "MVM-318"


def test_a_sidecar_that_is_not_ready_is_seen_with_its_cause(onboarded: World) -> None:
    onboarded.guest.ready = "503"
    onboarded.guest.log = (
        "\twarn\txdsproxy\trpc error: code = PermissionDenied desc = authorization failed: no identities"
    )
    seen, changes = onboarded.look(upto=SidecarRunning)["sidecar-running"]
    assert seen.reason == "NotReady"
    assert dict(seen.details)["code"] == "MVM-310"
    assert changes[0].target == "restart istio.service on vm1"


def test_ssh_that_fails_after_the_start_is_never_confirmed(world: World) -> None:
    world.guest.proof = TransientError("MVM-431", "refused")
    with pytest.raises(PermanentError):
        world.run()
    assert world.guest.timer
    assert [order.mode for order in world.guest.orders] == ["apply"]
    world.guest.proof = None
    seen, _ = world.look(upto=SidecarRunning)["sidecar-running"]
    assert "not confirmed" in "; ".join([seen.message])
    world.run(upto=SidecarRunning)
    assert (world.guest.timer, world.guest.starts) == (False, ["start"])


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


def test_an_entry_that_does_not_appear(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.guest.on_start = lambda: setattr(world.guest, "certificate", ca().issue(IDENTITY))
    world.run(upto=SidecarRunning)
    world.guest.log = "\tinfo\txdsproxy\tconnected to upstream XDS server: istiod.istio-system.svc:15012"
    scope = world.scope()
    monkeypatch.setattr(type(scope), "remaining", lambda self: 60.0 if self.told.waits < 30 else 0.0)
    with pytest.raises(PermanentError) as caught:
        EntryRegistered().apply(world.ports, scope)
    assert caught.value.code == "MVM-320"
    assert ENTRY in scope.told.progressed[0]


def test_a_definite_cause_ends_the_wait_early(world: World) -> None:
    world.guest.on_start = lambda: setattr(world.guest, "certificate", ca().issue(IDENTITY))
    world.run(upto=SidecarRunning)
    world.guest.log = (
        "\twarn\txdsproxy\tcode = FailedPrecondition desc = cannot find WorkloadGroup vm-namespace/hello-vm"
    )
    scope = world.scope()
    with pytest.raises(PermanentError) as caught:
        EntryRegistered().apply(world.ports, scope)
    assert caught.value.code == "MVM-306"
    assert scope.told.waits < 20


def test_an_entry_of_a_vm_that_left_is_not_connected(onboarded: World) -> None:
    onboarded.put_entry()
    seen, _ = onboarded.look(upto=EntryRegistered)["entry-registered"]
    assert (seen.standing, seen.reason) == (Standing.DIFFERENT, "NotConnected")


def test_a_connection_from_before_the_restart_is_no_proof(onboarded: World) -> None:
    onboarded.guest.on_start = lambda: None
    onboarded.guest.files["cluster.env"] += "X='1'\n"
    scope = onboarded.scope()
    onboarded.run(scope, upto=SidecarRunning)
    assert EntryRegistered().observe(onboarded.reading, scope).standing is Standing.DIFFERENT
    scope.on_wait = onboarded.agent_starts
    assert EntryRegistered().apply(onboarded.ports, scope).changed


PROBED = {"probe": {"httpGet": {"port": 8080}}}


@pytest.mark.parametrize(
    ("health", "standing", "reason"),
    [
        ("True", Standing.SATISFIED, "Healthy"),
        ("False", Standing.DIFFERENT, "Unhealthy"),
        ("", Standing.MISSING, "Unproven"),
    ],
)
def test_health_is_what_istiod_wrote(tmp_path: Path, health: str, standing: Standing, reason: str) -> None:
    world = World(a_plan(workload=PROBED, services={"httpServer": None}), tmp_path / "f", health=health)
    world.run(upto=EntryRegistered)
    if not health:
        entry = world.cluster.objects["workloadentries", "vm-namespace", ENTRY]
        entry["metadata"]["annotations"]["proxy.istio.io/health-checks-enabled"] = "true"
    seen = EntryHealthy().observe(world.reading, world.scope())
    assert (seen.standing, seen.reason) == (standing, reason)


def test_an_unhealthy_workload_is_told_in_the_probes_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(a_plan(workload=PROBED, services={"httpServer": None}), tmp_path / "f", health="False")
    world.run(upto=EntryRegistered)
    scope = world.scope()
    monkeypatch.setattr(type(scope), "remaining", lambda self: 60.0 if self.told.waits < 5 else 0.0)
    with pytest.raises(TransientError) as caught:
        EntryHealthy().apply(world.ports, scope)
    assert (caught.value.code, caught.value.cause) == ("MVM-323", "refused")


def test_no_secret_is_ever_told(world: World) -> None:
    scope = world.scope()
    applied = world.run(scope, upto=EntryRegistered)
    token = world.guest.files["istio-token"]
    told = repr((applied, scope.told, world.guest.orders, world.look()))
    assert token not in told
