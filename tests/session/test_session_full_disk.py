"""A disk that is full or may only be read: what is on it stays whole, and what could not be written is said.

It is a real one: a small tmpfs in a mount namespace of the test's own, in which a child does everything.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshvm_tui.session_file import append_line

CHILD = r"""
import os, sys
from pathlib import Path
from meshvm_tui.cli import run
from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import dump_plan
from meshvm_tui.problems import Problem
from meshvm_tui.session_store import SessionStore

root = Path(os.environ["MESHVM_TUI_STATE_DIR"])
os.environ["COLUMNS"] = "200"
plan = root.parent / "plan.yaml"
plan.write_text(dump_plan(Plan.model_validate({"workload": {"name": "two"}})))
store = SessionStore(root / "sessions")
held = store.create("one", Plan())
held.append_journal("intent", {"step": "namespace"})

def whole():
    return [(root / "sessions/one" / name).read_bytes() for name in ("session.json", "journal.jsonl")]

def refused(work):
    try:
        work()
    except Problem as problem:
        print(problem.code, problem.cause, flush=True)
    else:
        print("written", flush=True)

before = whole()
with (root / "fill").open("wb", buffering=0) as fill:
    try:
        while True:
            fill.write(bytes(512))
    except OSError:
        pass
# A line that is begun on the last free bytes, and cannot be ended.
print("full", flush=True)
refused(lambda: held.append_journal("intent", {"step": "x" * 8000}))
refused(lambda: held.take_kept("namespace//uid/x", "x" * 8000))
assert whole() == before, "what was there is as it was"
assert [path.name for path in (root / "sessions/one").iterdir() if path.name.startswith(".")] == []
held.close()
refused(lambda: store.open("one").close())
print("apply", run(["apply", "-f", str(plan), "--yes"]), flush=True)
assert not (root / "sessions/two/session.json").exists()
(root / "fill").unlink()
held = store.open("one")
held.append_journal("intent", {"step": "gateway"})
assert len(whole()[1].splitlines()) == 2, "once there is room again it goes on"
held.close()

assert os.system(f"mount -o remount,ro {root}") == 0
print("read-only", run(["sessions"]), flush=True)
print("apply", run(["apply", "-f", str(plan), "--yes", "--session", "one"]), flush=True)
print("apply", run(["apply", "-f", str(plan), "--yes", "--session", "three"]), flush=True)
"""


def may_mount() -> bool:
    """Whether a small disk of our own can be had; some distributions let nobody but root make a namespace."""
    command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="this computer gives no mount namespace (unshare --map-root-user --mount)")
def test_a_full_disk_and_one_that_may_only_be_read(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    script = f'mount -t tmpfs -o size=64k none {state} && exec {shlex.quote(sys.executable)} -c "$CHILD"'
    environment = {**os.environ, "MESHVM_TUI_STATE_DIR": str(state), "CHILD": CHILD}
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    full, said = f"{state}/sessions", done.stdout.splitlines()
    assert said[:4] == [
        "full",
        f"MVM-717 {full}/one/journal.jsonl: No space left on device",
        f"MVM-717 {full}/one/session.json: No space left on device",
        "written",
    ]
    ends = [line for line in said if line.startswith(("apply", "read-only"))]
    assert ends == ["apply 1", "read-only 0", "apply 1", "apply 1"]
    words = " ".join(done.stderr.split())
    assert words.count("MVM-717 The state directory cannot be written") == 3
    assert "No space left on device" in words
    assert words.count("Read-only file system") == 2
    assert "MVM-901" not in words


def test_what_a_nearly_full_disk_took_of_a_line_does_not_stay(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    append_line(path, {"kind": "intent"})
    limited = (
        "import resource, sys; from pathlib import Path; from meshvm_tui.session_file import append_line;"
        "from meshvm_tui.problems import Problem;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size + 9},) * 2)\n"
        f"try: append_line(Path({str(path)!r}), {{'kind': 'result'}}, durable=True)\n"
        "except Problem as problem: print(problem.code)"
    )
    done = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "MVM-717\n"
    assert path.read_text("utf-8") == '{"kind": "intent"}\n'
