"""OS Login, a key of the operator's own, and the three ways: external, internal, IAP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.adapters.instance_keys import LIFETIME_SECONDS
from meshvm_tui.adapters.os_login import OsLogin
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError
from tests.fakes.ssh_server import write_key
from tests.google.discovery import judge
from tests.ssh_access.bench import EMAIL, NOW, PROFILE_USER, Bench


def test_os_login_takes_the_key_until_its_end_and_loses_it_again(bench: Bench) -> None:
    bench.set_project("enable-oslogin", "TRUE")
    before = bench.access.look(bench.read())
    assert (before.login, before.open, before.user) == ("os-login", False, "")
    state = bench.grant()
    assert (state.login, state.open, state.user) == ("os-login", True, PROFILE_USER)
    assert bench.behaviour.logins == [PROFILE_USER]
    method, path, query, body = bench.profile.asked[0]
    assert (method, path) == ("POST", f"v1/users/{EMAIL}:importSshPublicKey")
    assert query == {"projectId": "shop-project"}
    assert body["expirationTimeUsec"] == str(int(NOW + LIFETIME_SECONDS) * 1_000_000)
    assert body["key"].startswith("ssh-ed25519 ")

    bench.profile.keys["others"] = {"key": "ssh-rsa AAAAothers ann@laptop"}
    bench.access.revoke()
    assert list(bench.profile.keys) == ["others"]
    assert bench.profile.wrong == []
    assert bench.compute.writes == []


def test_the_judge_would_see_a_wrong_import() -> None:
    path = f"/v1/users/{EMAIL}:importSshPublicKey"
    assert judge("oslogin", "POST", path, {"projectId": "p"}, {"key": "k", "expires": "1"})
    assert judge("oslogin", "POST", path, {"project": "p"}, {"key": "k"})


def test_an_import_whose_answer_got_lost_leaves_nothing(bench: Bench) -> None:
    bench.set("enable-oslogin", "true")
    bench.profile.cut_after_import = True
    with pytest.raises(ActionNeeded):
        bench.grant()
    assert len(bench.profile.keys) == 1
    bench.access.revoke()
    assert bench.profile.keys == {}


def test_nothing_is_put_into_a_profile_after_the_end(bench: Bench) -> None:
    bench.set("enable-oslogin", "TRUE")
    bench.access.revoke()
    with pytest.raises(Cancelled):
        bench.grant()
    assert bench.profile.asked == []


def test_the_instance_decides_before_the_project(bench: Bench) -> None:
    bench.set_project("enable-oslogin", "TRUE")
    bench.set("enable-oslogin", "FALSE")
    assert bench.access.look(bench.read()).login == "metadata"


def test_the_key_is_renewed_in_the_profile(bench: Bench) -> None:
    bench.set("enable-oslogin", "TRUE")
    bench.grant()
    bench.clock.now += LIFETIME_SECONDS - 60
    assert not bench.access.look(bench.read()).open
    assert bench.grant().open
    (entry,) = bench.profile.keys.values()
    assert int(entry["expirationTimeUsec"]) > bench.clock.now * 1_000_000


def test_both_places_are_cleared_where_os_login_was_switched_on_in_between(bench: Bench) -> None:
    bench.grant()
    bench.set("enable-oslogin", "TRUE")
    bench.grant()
    bench.access.revoke()
    assert (bench.lines(), bench.profile.keys) == ([], {})


@pytest.mark.parametrize("switch", ["enable-oslogin-2fa", "enable-oslogin-sk"])
def test_a_second_factor_is_said_before_anything_is_put(bench: Bench, switch: str) -> None:
    bench.set("enable-oslogin", "TRUE")
    bench.set(switch, "TRUE")
    for refused in (lambda: bench.access.look(bench.read()), bench.grant):
        with pytest.raises(ActionNeeded) as failed:
            refused()
        assert failed.value.code == "MVM-830"
        assert switch in failed.value.cause
    assert bench.profile.asked == []


@pytest.mark.parametrize("code", ["MVM-805", "MVM-818"])
def test_os_login_that_refuses_the_key(bench: Bench, code: str) -> None:
    bench.set("enable-oslogin", "TRUE")
    bench.profile.refuses = PermanentError(code, "Google's own words")
    with pytest.raises(ActionNeeded) as failed:
        bench.grant()
    assert (failed.value.code, failed.value.cause) == ("MVM-830", "Google's own words")


def test_a_profile_without_an_account(bench: Bench) -> None:
    bench.set("enable-oslogin", "TRUE")
    bench.profile.accounts = []
    with pytest.raises(ActionNeeded) as failed:
        bench.grant()
    assert failed.value.code == "MVM-830"
    assert EMAIL in failed.value.cause


def test_credentials_of_nobody_have_no_profile(bench: Bench) -> None:
    with pytest.raises(ActionNeeded) as failed:
        OsLogin(bench.profile, "").add("ssh-ed25519 AAAA", NOW, "p")  # type: ignore[arg-type]
    assert failed.value.code == "MVM-830"
    assert bench.profile.asked == []


def test_no_line_for_the_insert_body_under_os_login(bench: Bench) -> None:
    bench.set_project("enable-oslogin", "TRUE")
    assert bench.access.public_line() == ""


def test_a_key_of_ones_own_is_used_and_nothing_put(bench: Bench, tmp_path: Path) -> None:
    bench.behaviour.takes = None
    own = bench.another(bench.a_machine(key=str(write_key(tmp_path / "id"))))
    assert own.public_line() == ""
    assert own.look(bench.read()).open
    state = bench.grant(own)
    assert (state.login, state.until, state.user) == ("own-key", "", "ann")
    own.revoke()
    assert (bench.compute.writes, bench.profile.asked, bench.lines()) == ([], [], [])
    assert bench.behaviour.logins == ["ann"]


def test_no_external_address(bench: Bench) -> None:
    bench.live["networkInterfaces"][0]["accessConfigs"] = []
    for refused in (lambda: bench.access.look(bench.read()), bench.grant):
        with pytest.raises(ActionNeeded) as failed:
            refused()
        assert failed.value.code == "MVM-831"
    assert bench.compute.writes == []


@pytest.mark.parametrize(("way", "address"), [("internal", "127.0.0.1"), ("iap", "")])
def test_the_other_ways_want_no_external_address(bench: Bench, way: str, address: str) -> None:
    bench.live["networkInterfaces"][0]["accessConfigs"] = []
    state = bench.grant(bench.another(bench.a_machine(via=way)))
    assert (state.open, state.way, state.address) == (True, way, address)
    tunnels: list[Any] = [(place.zone, view.name, port) for place, view, port in bench.tunnels]
    assert tunnels == ([("us-central1-a", "my-mesh-vm", bench.server.port)] if way == "iap" else [])


def test_a_project_that_may_not_be_read_has_no_metadata(bench: Bench) -> None:
    bench.compute.fails["project"] = [PermanentError("MVM-805", "compute.projects.get")]
    assert bench.grant().open
