"""`meshvm-tui google`: each default with its source, other endpoints, who we are; and the exit code of what fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.cli import run
from tests.google_auth.google_world import ACCOUNT, Answer, World
from tests.google_auth.test_google_settings import snapshot

JSON = dict[str, Any]


@pytest.fixture
def inside(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world with a project and a zone, and this process in it when `meshvm` is called."""
    world.configuration("[core]\nproject = lab-project-1\n[compute]\nzone = us-central1-a\n")
    world.key_file(world.service_account())
    for name in ("CLOUDSDK_CORE_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return world


class Run:
    """Runs the command line in this process, with the world's environment."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._world, self._monkeypatch, self._capsys = world, monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        for name, value in self._world.environ.items():
            self._monkeypatch.setenv(name, value)
        code = run(["google", *arguments])
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def meshvm(inside: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command."""
    return Run(inside, monkeypatch, capsys)


def words_of(out: str) -> dict[str, list[str]]:
    """The lines by the first word."""
    return {line.split("  ")[0]: line.split() for line in out.splitlines()}


def test_defaults_with_their_sources(inside: World, meshvm: Run) -> None:
    code, out, err = meshvm("--zone", "europe-west1-b")
    lines = words_of(out)
    assert (code, err) == (0, "")
    assert lines["project"] == ["project", "lab-project-1", "gcloud", "configuration", "default"]
    assert lines["zone"] == ["zone", "europe-west1-b", "--zone"]
    assert lines["region"] == ["region", "-"]
    container = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"
    assert lines["container endpoint"] == ["container", "endpoint", inside.server.url, container]
    assert "compute endpoint" not in lines
    assert f"service account {ACCOUNT}" in out
    assert "GOOGLE_APPLICATION_CREDENTIALS (" in out


def test_the_same_for_programs(inside: World, meshvm: Run) -> None:
    inside.environ["MESHVM_TUI_IAP_ENDPOINT"] = "ws://127.0.0.1:99/v4"
    code, out, _ = meshvm("--json", "--project", "other")
    said: JSON = json.loads(out)
    assert code == 0
    assert said["defaults"]["project"] == {"value": "other", "source": "--project"}
    assert said["endpoints"]["iap"] == {"value": "ws://127.0.0.1:99/v4", "source": "MESHVM_TUI_IAP_ENDPOINT"}
    assert said["identity"]["email"] == ACCOUNT
    assert said["problem"] is None


def test_defaults_are_shown_where_the_login_fails(inside: World, meshvm: Run) -> None:
    inside.server.answer("POST", "/token", Answer(400, {"error": "invalid_grant"}))
    code, out, err = meshvm()
    assert code == 3
    assert "lab-project-1" in out
    assert "login" not in words_of(out)
    assert "MVM-802" in err
    code, out, err = meshvm("--json")
    said: JSON = json.loads(out)
    assert (code, said["identity"], said["problem"]["code"]) == (3, None, "MVM-802")


def test_a_failure_that_passes_is_no_action_of_the_operator(inside: World, meshvm: Run) -> None:
    inside.key_file(inside.service_account(token_uri="http://127.0.0.1:1/token"))
    code, _, err = meshvm()
    assert code == 1
    assert "MVM-804" in err


def test_an_endpoint_that_cannot_be_used(inside: World, meshvm: Run) -> None:
    inside.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"] = "http://compute.example/"
    code, out, err = meshvm()
    assert code == 3
    assert "MVM-839" in err
    assert ACCOUNT in out


def test_a_damaged_configuration_is_told_with_its_line(inside: World, meshvm: Run) -> None:
    path = inside.configuration("[core\n")
    code, out, err = meshvm()
    assert (code, out) == (3, "")
    assert "MVM-846" in err
    assert f"{path},line1:" in "".join(err.split()), "it is wrapped to the terminal"


def test_no_secret_is_printed_and_nothing_is_written(inside: World, meshvm: Run, tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    _, out, err = meshvm()
    assert snapshot(tmp_path) == before
    assert inside.server.paths() == ["/token"]
    for secret in ("PRIVATE KEY", "ya29.", "eyJ"):
        assert secret not in out + err
