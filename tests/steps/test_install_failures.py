"""What goes wrong while the sidecar is installed and started: codes, words, and the run after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.ports import GuestReport
from meshvm_tui.problems import PermanentError, Problem, TransientError
from meshvm_tui.steps.files import BootstrapFiles
from meshvm_tui.steps.install import SidecarPackage, SidecarRunning
from meshvm_tui.steps.registration import EntryRegistered
from tests.steps.vm_world import World


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
