"""The first start: what will happen in five lines, each with what it needs, looked at while one reads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from meshvm_tui import app_home, start_needs
from meshvm_tui.start_facts import Fact, Found, StartFact
from meshvm_tui.start_needs import StartNeeds
from tests.app.harness import NARROW, WIDE, world

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: acme
contexts: [{name: acme, context: {cluster: acme, user: op}}, {name: other, context: {cluster: acme, user: op}}]
clusters: [{name: acme, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: op, user: %s}]
"""


class Needs:
    """Tells what the test says, once it is let."""

    def __init__(self, *facts: StartFact) -> None:
        self.facts = list(facts)
        self.let = threading.Event()
        self.looks = 0

    def __call__(self, tell: Callable[[StartFact], object]) -> None:
        self.looks += 1
        self.let.wait(20)
        for fact in self.facts:
            tell(fact)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_five_lines_are_there_at_once_and_marked_as_they_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(app_home, "LOOK_EVERY", 0.02)
    needs = Needs(StartFact(Fact.CLUSTER, Found.MISSING, "no kubeconfig"))
    async with world(tmp_path, monkeypatch, start="home", size=size, needs=needs, lab_command=("true",)) as made:
        await made.says("○ You choose a cluster", "○ The VM joins, over SSH", "○ Both ways are tried")
        assert "No cluster at hand?" not in made.text()
        # While it looks, keys are answered.
        await made.press("f1")
        await made.screen("HelpDialog")
        await made.press("escape")
        needs.let.set()
        await made.says("! You choose a cluster", "no kubeconfig", "No cluster at hand?", "L Lab")
        needs.facts = [StartFact(Fact.CLUSTER, Found.THERE, "context [bold]acme[/]")]
        await made.says("✓ You choose a cluster", "context [bold]acme[/]")
        assert "No cluster at hand?" not in made.text()


async def test_nothing_is_looked_at_while_a_session_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_home, "LOOK_EVERY", 0.02)
    needs = Needs()
    needs.let.set()
    async with world(tmp_path, monkeypatch, start="home", needs=needs) as made:
        await made.until(lambda: needs.looks > 1, "home is seen")
        await made.press("n")
        await made.screen("WizardScreen")
        await made.until(lambda: made.app.home_watch and not made.app.home_watch.seen, "it stops looking")
        await made.pilot.pause()
        before = needs.looks
        await made.press("1", "2")
        assert needs.looks <= before + 1


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator who has nothing yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    for name in ("CLOUDSDK_CONFIG", "SSH_AUTH_SOCK", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def looked(needs: StartNeeds | None = None) -> dict[Fact, StartFact]:
    """What one look tells."""
    found: dict[Fact, StartFact] = {}
    (needs or StartNeeds())(lambda fact: found.__setitem__(fact.fact, fact))
    return found


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("somebody was asked")


def test_who_has_nothing_is_told_so_and_nobody_is_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_needs, "_ask", refuse)
    found = looked()
    assert set(found) == set(Fact)
    assert found[Fact.CLUSTER].found is Found.MISSING
    assert found[Fact.SSH].found is Found.MISSING
    assert found[Fact.ACCESS].found is Found.LATER


def test_what_is_there_is_named(home: Path) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ed25519").touch()
    (home / ".ssh" / "id_ed25519.pub").touch()
    (home / "bin").mkdir()
    (home / "bin" / "istioctl").touch(mode=0o755)
    found = looked()
    assert found[Fact.SSH].words == "~/.ssh/id_ed25519"
    assert found[Fact.ISTIOCTL].found is Found.THERE


def test_an_api_server_that_refuses_is_told_when_it_has(home: Path) -> None:
    (home / "kubeconfig").write_text(KUBECONFIG % "{token: x}")
    needs, found, told = StartNeeds(), dict[Fact, StartFact](), threading.Event()

    def tell(fact: StartFact) -> None:
        found[fact.fact] = fact
        if fact.fact is Fact.ACCESS and fact.found is Found.MISSING:
            told.set()

    needs(tell)
    assert found[Fact.CLUSTER].words == "context acme and 1 more"
    assert told.wait(30)
    assert found[Fact.ACCESS].words


def test_google_is_never_asked_where_gcloud_was_never_set_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_needs, "_ask", refuse)
    plugin = "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: gke-gcloud-auth-plugin}}"
    (home / "kubeconfig").write_text(KUBECONFIG % plugin)
    assert looked()[Fact.ACCESS].words == "signs in by gcloud, which is not set up here"


def test_a_google_login_is_as_good_as_a_kubeconfig(home: Path) -> None:
    folder = home / ".config" / "gcloud" / "configurations"
    folder.mkdir(parents=True)
    (folder / "config_default").write_text("[core]\naccount = ann@example.com\n")
    assert looked()[Fact.CLUSTER] == StartFact(Fact.CLUSTER, Found.THERE, "GKE, as ann@example.com")
