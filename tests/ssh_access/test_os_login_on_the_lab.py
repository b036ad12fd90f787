"""SSH into an instance of the lab as a run does it: OS Login, and the key that stays from run to run until the end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.adapters.google_credentials import GoogleLogin
from meshvm_tui.adapters.google_rest import GoogleRest
from meshvm_tui.adapters.google_settings import read_settings
from meshvm_tui.app_leaving import GRACE
from meshvm_tui.events import Mode, Standing
from meshvm_tui.gcp.ssh_keys import value_of
from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import load_plan
from meshvm_tui.wiring import WiredConnections
from tests.google.discovery import judge_log
from tests.whole.in_process import Engine
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
STEPS = ("cluster-reachable", "machine", "firewall", "ssh-access", "guest-reachable")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabWorld]:
    with lab_world(tmp_path_factory.mktemp("os-login") / "lab") as world:
        yield world


@pytest.fixture
def engine(lab: LabWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[Engine]:
    """A plan with an instance of its own, over connections that stay until the test closes them."""
    for variable, value in lab.environment.items():
        if os.environ.get(variable) != value:
            monkeypatch.setenv(variable, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    plan = load_plan(lab.state / "google-plan.yaml")
    machine = plan.machines[0].model_copy(update={"name": name})
    connections = WiredConnections()
    yield Engine(plan.model_copy(update={"machines": [machine]}), tmp_path / "files", connections)
    connections.close()
    lab.fault()


def profile_keys(lab: LabWorld) -> list[str]:
    """The public keys that the login has in its OS Login profile now."""
    login = GoogleLogin(read_settings(lab.environment))
    rest = GoogleRest(login)
    try:
        path = f"v1/users/{login.identity().email}/loginProfile"
        profile = rest.get("oslogin", path, doing="looking")
        return [str(key["key"]) for key in profile.get("sshPublicKeys", {}).values()]
    finally:
        rest.close()
        login.close()


def ssh_keys(engine: Engine) -> str:
    """The instance's own keys as Google has them now."""
    connections = WiredConnections()
    try:
        (machine,) = engine.plan.machines
        place = ("lab-project-1", "us-central1-a", machine.name)
        found: Any = connections.compute_reader(Plan()).instance(*place)
        return value_of(found["metadata"], "ssh-keys") or ""
    finally:
        connections.close()


@pytest.mark.parametrize("name", ["vm-os-login"])
def test_an_instance_under_os_login_is_entered_and_the_profile_left_as_it_was(lab: LabWorld, engine: Engine) -> None:
    lab.fault("google-oslogin")
    assert profile_keys(lab) == []
    ended = engine.run(Mode.APPLY, *STEPS)
    assert ended.codes == {}
    observation = ended.steps["guest-reachable"].observation
    assert observation
    assert observation.standing is Standing.SATISFIED
    access = ended.steps["ssh-access"].observation
    assert access
    assert dict(access.details)["key"] == "OS Login"
    assert observation.message.endswith(f"as {dict(access.details)['user']}")
    assert len(profile_keys(lab)) == 1
    assert ssh_keys(engine) == ""
    engine.connections.close()
    assert profile_keys(lab) == []
    log = (lab.state / "google-requests.jsonl").read_text(encoding="utf-8").splitlines()
    assert judge_log(log) == []
    assert any("importSshPublicKey" in json.loads(line)["path"] for line in log)


@pytest.mark.parametrize("name", ["vm-kept-open"])
def test_what_is_inside_stays_known_from_run_to_run_until_the_end(lab: LabWorld, engine: Engine) -> None:
    before = engine.run(Mode.OBSERVE, *STEPS)
    assert "guest-reachable" not in before.codes
    assert engine.run(Mode.APPLY, *STEPS).codes == {}
    (line,) = ssh_keys(engine).splitlines()
    for mode in (Mode.OBSERVE, Mode.PLAN, Mode.OBSERVE):
        looked = engine.run(mode, *STEPS)
        observation = looked.seen.get("guest-reachable") or looked.steps["guest-reachable"].observation
        assert observation
        assert observation.standing is Standing.SATISFIED
    assert engine.run(Mode.APPLY, *STEPS).codes == {}
    assert ssh_keys(engine) == line
    began = time.monotonic()
    engine.connections.close()
    assert time.monotonic() - began < GRACE
    assert ssh_keys(engine) == ""
