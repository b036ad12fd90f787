"""Which keys a login tries, in which order, and when a passphrase is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from meshvm_tui.adapters.ssh_keys import Keys, public_part
from meshvm_tui.adapters.ssh_target import SshTarget
from meshvm_tui.ports import SecretKind
from meshvm_tui.problems import ActionNeeded, PermanentError
from tests.fakes.ssh_server import Behaviour, SshServer, write_key
from tests.ssh.observing import problem_of


class Answers:
    """An operator with one answer after another."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def ask(self, kind: SecretKind, subject: str, cancelled: Callable[[], bool]) -> str | None:
        self.asked.append(subject)
        return self.answers[0] if self.answers else None

    def reject(self, kind: SecretKind, subject: str) -> None:
        self.answers.pop(0)


@pytest.fixture
def server() -> Iterator[SshServer]:
    served = SshServer(Behaviour(accept_key=False))
    yield served
    served.close()


@pytest.fixture
def target(server: SshServer, tmp_path: Path) -> SshTarget:
    pin = server.host_key.fingerprint
    return SshTarget("127.0.0.1", server.port, "op", "", pin, tmp_path / "own", operator_known_hosts=(), keys=())


def test_files_come_in_order_and_locked_ones_last(tmp_path: Path) -> None:
    paths = [write_key(tmp_path / "locked", "pass phrase"), write_key(tmp_path / "open")]
    operator = Answers("pass phrase")
    offers = Keys("", (*paths, tmp_path / "absent"), secrets=operator, agent="none").offers()
    assert next(offers)[0] == str(paths[1])
    assert operator.asked == []
    assert next(offers)[0] == str(paths[0])
    assert operator.asked == [str(paths[0])]


def test_a_default_key_that_is_rubbish_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "id_rsa").write_text("rubbish", encoding="ascii")
    good = write_key(tmp_path / "id_ecdsa")
    offers = Keys("", (tmp_path / "id_rsa", good), agent="none").offers()
    assert [name for name, _ in offers] == [str(good)]


def test_three_wrong_passphrases_are_enough(tmp_path: Path) -> None:
    path = write_key(tmp_path / "locked", "pass phrase")
    operator = Answers("a", "b", "c", "pass phrase")
    with pytest.raises(ActionNeeded) as caught:
        next(Keys(str(path), (), secrets=operator, agent="none").offers())
    assert (caught.value.code, operator.answers) == ("MVM-435", ["pass phrase"])
    assert caught.value.evidence == {"secret": "passphrase", "subject": str(path)}


def test_an_agent_that_is_gone_has_no_keys(tmp_path: Path) -> None:
    good = write_key(tmp_path / "key")
    offers = Keys("", (good,), agent=str(tmp_path / "no-socket")).offers()
    assert [name for name, _ in offers] == [str(good)]


def test_the_keys_that_were_refused_are_named_with_their_fingerprints(target: SshTarget, tmp_path: Path) -> None:
    paths = tuple(write_key(tmp_path / f"key-{number}") for number in range(2))
    problem = problem_of(replace(target, keys=paths))
    assert (problem.code, type(problem)) == ("MVM-406", PermanentError)
    assert all(str(path) in problem.cause for path in paths)
    assert problem.cause.count("SHA256:") == 2


def test_a_named_key_is_the_only_one_that_is_tried(target: SshTarget, tmp_path: Path) -> None:
    paths = tuple(write_key(tmp_path / f"key-{number}") for number in range(2))
    problem = problem_of(replace(target, key=str(paths[0]), keys=paths))
    assert str(paths[1]) not in problem.cause


@pytest.mark.parametrize("text", ["", "-----BEGIN X-----\n!!\n-----END X-----\n", "no key"])
def test_a_file_whose_public_half_is_not_to_be_had(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text, encoding="ascii")
    assert public_part(path) == ""
