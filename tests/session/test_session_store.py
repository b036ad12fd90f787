"""Sessions on disk: whole, private, held by one process, and refused with words where they cannot be read."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from meshvm_tui.events import StepFinished, StepLogged, StepState
from meshvm_tui.plan import Plan
from meshvm_tui.problems import ActionNeeded, PermanentError
from meshvm_tui.session import StepRecord
from meshvm_tui.session_store import SessionStore

AT = "2026-01-01T00:00:00.000Z"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----"

HOLD = """
import sys
from pathlib import Path
from meshvm_tui.plan import Plan
from meshvm_tui.session_store import SessionStore
held = SessionStore(Path(sys.argv[1])).create("held", Plan())
print("held", flush=True)
sys.stdin.read()
"""

WRITE_FOR_EVER = """
import sys
from dataclasses import replace
from pathlib import Path
from meshvm_tui.plan import Plan
from meshvm_tui.session_store import SessionStore
held = SessionStore(Path(sys.argv[1])).create("torn", Plan())
number = 0
while True:
    number += 1
    held.save(replace(held.session, last_screen=str(number) * 5000))
    if number == 20:
        print("writing", flush=True)
"""


def store(tmp_path: Path) -> SessionStore:
    """A store in an empty folder."""
    return SessionStore(tmp_path / "sessions")


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    held = store(tmp_path).create("one", Plan.model_validate({"workload": {"name": "w"}}), origin="abc")
    held.take_kept("namespace//uid", "7")
    held.take_event(StepFinished(AT, "one", "namespace", "", StepState.SUCCEEDED, True, "Done", "made", 0.1))
    held.save(replace(held.session, last_screen="Gateway"))
    saved = held.session
    held.close()
    again = store(tmp_path).open("one")
    again.close()
    assert again.session == saved
    assert again.session.records[0].message == "made"


def test_folders_and_files_are_private(tmp_path: Path) -> None:
    held = store(tmp_path).create("one", Plan())
    held.append_journal("intent", {"step": "namespace"})
    held.append_log({"event": "RunStarted"})
    held.close()
    folder = tmp_path / "sessions" / "one"
    assert {path.name for path in folder.iterdir()} == {"session.json", "journal.jsonl", "log.jsonl", "lock", "files"}
    for path in (folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_no_planted_secret_reaches_the_disk(tmp_path: Path) -> None:
    held = store(tmp_path).create("one", Plan.model_validate({"workload": {"annotations": {"note": TOKEN}}}))
    held.take_kept("x/vm-1/output", {"deep": [f"token {TOKEN}", KEY]})
    held.save(replace(held.session, records=(StepRecord("a", "", message=f"{KEY} {TOKEN}"),)))
    held.take_event(StepLogged(AT, "one", "a", "", "guest", f"said {TOKEN} {KEY}"))
    held.append_journal("traceback", {"text": f"raise {KEY} {TOKEN}"})
    held.close()
    for path in (tmp_path / "sessions" / "one").glob("*.json*"):
        text = path.read_text()
        assert TOKEN.split(".")[1] not in text and "b3BlbnNzaC1rZXk" not in text, path


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout and holder.stdin
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ActionNeeded) as refused:
            SessionStore(root).open("held")
        assert refused.value.code == "MVM-711"
        assert f"process {holder.pid} on " in refused.value.cause
        assert f"process {holder.pid} on " in SessionStore(root).list()[0].held_by
        assert SessionStore(root).read("held").name == "held"
    finally:
        holder.communicate("")
    again = SessionStore(root).open("held")
    again.close()
    assert SessionStore(root).list()[0].held_by == ""


def test_a_process_killed_while_it_writes_leaves_a_whole_session_and_no_lock(tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    writer = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(root)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout
    assert writer.stdout.readline() == "writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    held = SessionStore(root).open("torn")
    assert set(held.session.last_screen) and len(held.session.last_screen) >= 5000
    held.save(replace(held.session, last_screen="Files"))
    held.close()
    assert SessionStore(root).read("torn").last_screen == "Files"


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda _text: "{", "MVM-712", "session.json"),
        (lambda _text: "[]", "MVM-712", "session.json"),
        (lambda text: text.replace('"schema": 1', '"schema": 2'), "MVM-713", "schema 2"),
        (lambda text: text.replace('"schema": 1', '"schema": "one"'), "MVM-712", "'one'"),
        (lambda text: text.replace('"records": []', '"records": [{"nonsense": 1}]'), "MVM-712", "nonsense"),
        (lambda text: text.replace('"tokenDuration": 3600', '"tokenDuration": 1'), "MVM-712", "600"),
        (lambda text: text.replace('"kept": {}', '"kept": 3'), "MVM-712", "session.json"),
        (lambda text: text.replace('"lastScreen": ""', '"lastScreen": 3'), "MVM-712", "lastScreen"),
    ],
)
def test_what_is_damaged_or_newer_is_refused_with_words(tmp_path: Path, change, code: str, words: str) -> None:  # type: ignore[no-untyped-def]
    store(tmp_path).create("one", Plan()).close()
    path = tmp_path / "sessions" / "one" / "session.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(PermanentError) as refused:
        store(tmp_path).open("one")
    assert refused.value.code == code
    assert words in refused.value.cause
    assert code in store(tmp_path).list()[0].problem
    with pytest.raises(PermanentError):
        store(tmp_path).open("one")


def test_a_session_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as refused:
        store(tmp_path).open("none")
    assert refused.value.code == "MVM-715"
    assert store(tmp_path).list() == ()
    assert not (tmp_path / "sessions").exists()


@pytest.mark.parametrize("name", ["", "../up", "Upper", "a/b", ".hidden", "-dash", "a" * 64])
def test_a_name_that_is_no_folder_of_ours_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PermanentError) as refused:
        store(tmp_path).create(name, Plan())
    assert refused.value.code == "MVM-716"


def test_a_file_in_the_way_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("in the way")
    with pytest.raises(PermanentError) as refused:
        store(tmp_path).create("one", Plan())
    assert refused.value.code == "MVM-717"


def test_threads_lose_nothing_of_each_other(tmp_path: Path) -> None:
    held = store(tmp_path).create("one", Plan())

    def work(machine: str) -> None:
        for number in range(10):
            held.take_event(
                StepFinished(AT, "one", f"step-{number}", machine, StepState.SUCCEEDED, True, "Done", "", 0.1)
            )
            held.take_kept(f"step-{number}/{machine}/uid", number)

    threads = [threading.Thread(target=work, args=(f"vm-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held.close()
    session = store(tmp_path).read("one")
    assert len(session.records) == len(session.kept) == 40
    lines = (held.folder / "log.jsonl").read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 40


def test_the_list_says_what_each_is_for(tmp_path: Path) -> None:
    plan = Plan.model_validate({"cluster": {"context": "prod"}, "machines": [{"name": "vm-1", "host": "10.0.0.1"}]})
    held = store(tmp_path).create("one", plan)
    held.take_event(StepFinished(AT, "one", "namespace", "", StepState.SKIPPED, False, "AsPlanned", "", 0.1))
    held.close()
    summary = store(tmp_path).list()[0]
    assert (summary.name, summary.context, summary.machines, summary.done) == ("one", "prod", ("vm-1",), 1)
    assert summary.workload == "vm-namespace/hello-vm"
