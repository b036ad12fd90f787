"""The lab command: a child process that is waited for, used, and always ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RUN = f"""
import sys
from meshvm_tui.commands import lab_process
lab_process.LAB = (sys.executable, {str(HERE / "pretend_lab.py")!r})
lab_process.PRODUCT = (sys.executable, {str(HERE / "pretend_product.py")!r})
lab_process.READY_SECONDS = float(sys.argv[1])
from meshvm_tui.cli import run
sys.exit(run(["lab", *sys.argv[2:]]))
"""


def command(*arguments: str, ready: float = 20) -> list[str]:
    """`meshvm-tui lab ...` with both children replaced."""
    return [sys.executable, "-c", RUN, str(ready), *arguments]


def lab(*arguments: str, ready: float = 20, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs it without a terminal."""
    return subprocess.run(
        command(*arguments, ready=ready),
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def running(state: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Runs it until the lab's child is ready."""
    process = subprocess.Popen(
        command(*arguments),
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 20
        while not (state / "ready").exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def is_alive(pid: int) -> bool:
    """Whether a process of that id runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_a_terminal_it_applies_the_labs_plan_in_the_labs_environment(tmp_path: Path) -> None:
    done = lab("--state", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"product apply -f {tmp_path}/plan.yaml --yes {tmp_path}/kubeconfig\n"
    assert (tmp_path / "ended").exists()


def test_with_google_it_applies_the_plan_on_the_labs_google_cloud(tmp_path: Path) -> None:
    done = lab("--google", "--run", "--state", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"product apply -f {tmp_path}/google-plan.yaml --yes {tmp_path}/kubeconfig\n"


@pytest.mark.parametrize("code", [0, 1, 3, 5])
def test_it_ends_as_the_product_did(tmp_path: Path, code: int) -> None:
    assert lab("--run", "--state", str(tmp_path), PRETEND_EXIT=str(code)).returncode == code


def test_its_temporary_world_is_gone_afterwards(tmp_path: Path) -> None:
    done = lab("--run", TMPDIR=str(tmp_path))
    assert done.returncode == 0 and done.stdout.startswith("product apply")
    assert list(tmp_path.iterdir()) == []


def test_flags_reach_the_lab(tmp_path: Path) -> None:
    lab("--run", "--state", str(tmp_path), "--fault", "ssh-cut", "--fault", "api-429", "--vms", "3", "--seed", "7")
    told = (tmp_path / "arguments").read_text()
    assert told.endswith("--fault ssh-cut --fault api-429 --vms 3 --seed 7")


def test_a_lab_that_dies_says_why(tmp_path: Path) -> None:
    done = lab("--run", "--state", str(tmp_path), PRETEND_LAB="broken")
    assert done.returncode == 1
    assert "MVM-721" in done.stderr and "no address is free" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_lab_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    done = lab("--run", "--state", str(tmp_path), ready=0.5, PRETEND_LAB="silent")
    assert done.returncode == 1 and "not ready after" in done.stderr
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_serving_ends_cleanly_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path, "--serve", "--state", str(tmp_path)) as process:
        process.send_signal(number)
        assert process.wait(20) == 0
    assert (tmp_path / "ended").exists()


def test_a_signal_ends_product_and_lab(tmp_path: Path) -> None:
    with running(tmp_path, "--run", "--state", str(tmp_path), PRETEND_EXIT="wait") as process:
        assert process.stdout and process.stdout.readline().startswith("product")
        lab_pid = int((tmp_path / "pid").read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 4
    assert (tmp_path / "ended").exists() and not is_alive(lab_pid)


def test_fresh_throws_only_a_lab_away(tmp_path: Path) -> None:
    mine, world = tmp_path / "mine", tmp_path / "world"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    refused = lab("--run", "--fresh", "--state", str(mine))
    assert refused.returncode == 2 and (mine / "thesis.txt").exists()
    world.mkdir()
    (world / "objects.json").write_text("{}")
    assert lab("--run", "--fresh", "--state", str(world)).returncode == 0
    assert not (world / "objects.json").exists()


def test_serving_needs_a_folder() -> None:
    assert lab("--serve").returncode == 2
