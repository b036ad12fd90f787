"""`--plain` as a process on a pseudo-terminal."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.plain.conversation import Conversation

PRODUCT = (sys.executable, "-m", "meshvm_tui")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kubeconfig = tmp_path / "none"
    return {
        **os.environ,
        "MESHVM_TUI_STATE_DIR": str(tmp_path / "state"),
        "KUBECONFIG": str(kubeconfig),
        "HOME": str(tmp_path),
    }


def test_a_dumb_terminal_gets_plain_lines_by_itself_and_no_escape_is_ever_sent(environment: dict[str, str]) -> None:
    with Conversation([*PRODUCT, "onboard"], {**environment, "TERM": "dumb"}) as talk:
        talk.wait_for("TERM is dumb: going on as with --plain.")
        talk.wait_for("Stage 1 of 8: Cluster")
        talk.wait_for("MVM-101")
        talk.wait_for("Context [empty]: ")
        talk.answer("my-cluster")
        talk.wait_for("Kubeconfig [empty]: ")
        talk.answer("quit")
        talk.wait_for("Saved. To go on: meshvm-tui resume hello-vm --plain")
        assert talk.exit_status() == 0
    assert "\x1b" not in talk.said
    with Conversation([*PRODUCT, "resume", "--plain"], environment) as again:
        again.wait_for("Context [my-cluster]: ")


def test_a_hang_up_leaves_a_saved_session(environment: dict[str, str]) -> None:
    with Conversation([*PRODUCT, "onboard", "--plain"], environment) as talk:
        talk.wait_for("Context [empty]: ")
        talk.answer("my-cluster")
        talk.wait_for("Kubeconfig [empty]: ")
        talk.process.send_signal(signal.SIGTERM)
        assert talk.exit_status() == 128 + signal.SIGTERM
        assert "Saved." in talk.said
    with Conversation([*PRODUCT, "resume", "--plain"], environment) as again:
        again.wait_for("Context [my-cluster]: ")
