"""istioctl as a child process: what it is given, how its words come back, and how it ends."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from meshvm_tui.adapters.istioctl import IstioctlProcess
from meshvm_tui.problems import Cancelled, Problem


@pytest.fixture
def istioctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "bin" / "istioctl"


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def install(lines: list[str], cancelled: threading.Event | None = None, revision: str = "") -> None:
    event = cancelled or threading.Event()
    IstioctlProcess("/k/config", "my ctx").install(
        "kind: IstioOperator\n", revision=revision, log=lines.append, cancelled=event.is_set
    )


@pytest.mark.parametrize(
    "text", ['{"clientVersion": {"version": "1.30.3"}}', "client version: 1.30.3\ncontrol plane version: none"]
)
def test_version(istioctl: Path, text: str) -> None:
    script(istioctl, f"echo '{text}'")
    assert IstioctlProcess().version() == "1.30.3"


def test_no_istioctl_is_an_action(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problem) as caught:
        IstioctlProcess().version()
    assert caught.value.code == "MVM-208"


def test_install_feeds_the_document_and_logs_every_line(istioctl: Path, tmp_path: Path) -> None:
    script(
        istioctl,
        f'printf "%s|" "$KUBECONFIG" "$@" > {tmp_path}/args; cat > {tmp_path}/stdin\n'
        r"printf '\033[32mcore\033[0m working\rcore done\r\ndone\ndone\n'; echo oops >&2",
    )
    lines: list[str] = []
    install(lines, revision="canary")
    assert lines == ["core working", "core done", "done", "oops"]
    assert (tmp_path / "stdin").read_text() == "kind: IstioOperator\n"
    wanted = "/k/config|install|-y|-f|-|--context|my ctx|--revision|canary|"
    assert (tmp_path / "args").read_text() == wanted


def test_failure_carries_its_last_words(istioctl: Path) -> None:
    script(istioctl, "cat >/dev/null; echo 'resources not ready after 5m0s'; exit 1")
    with pytest.raises(Problem) as caught:
        install([])
    assert caught.value.code == "MVM-209"
    assert "exit code 1: resources not ready after 5m0s" in caught.value.cause


def test_cancel_lets_it_finish_and_says_so(istioctl: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    script(istioctl, f"cat >/dev/null; echo begun; read x < {tmp_path}/go; echo ended > {tmp_path}/ended")
    cancelled, lines = threading.Event(), list[str]()

    class Log(list[str]):
        def append(self, line: str) -> None:
            lines.append(line)
            if line == "begun":
                cancelled.set()
            if line.startswith("cancelled"):
                (tmp_path / "go").write_text("x\n")

    with pytest.raises(Cancelled):
        install(Log(), cancelled)
    assert (tmp_path / "ended").exists()
    assert lines[1].startswith("cancelled: istioctl finishes")


def test_nothing_starts_after_a_cancel(istioctl: Path, tmp_path: Path) -> None:
    script(istioctl, f"touch {tmp_path}/started")
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        install([], cancelled)
    assert not (tmp_path / "started").exists()
