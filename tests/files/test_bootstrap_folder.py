"""The folder of the bootstrap files appears whole or not at all, and what is not ours stays."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui import bootstrap_folder
from meshvm_tui.bootstrap_folder import write_folder
from meshvm_tui.problems import PermanentError

OLD = {"a.env": "old a", "b.yaml": "old b"}
NEW = {"a.env": "new a", "b.yaml": "new\r\nb\n"}


def contents(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def wide_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("wide_umask")
def test_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er" / "files"
    assert write_folder(folder, NEW) == ()
    assert contents(folder) == {"a.env": b"new a", "b.yaml": b"new\r\nb\n"}
    assert mode(folder) == 0o700
    assert {mode(entry) for entry in folder.iterdir()} == {0o600}
    assert [entry.name for entry in folder.parent.iterdir()] == ["files"]


@pytest.mark.parametrize("existing", [{}, OLD])
def test_a_folder_of_our_own_is_taken_over(tmp_path: Path, existing: dict[str, str]) -> None:
    folder = tmp_path / "files"
    folder.mkdir(0o755)
    for name, text in existing.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    assert write_folder(folder, NEW) == ()
    assert contents(folder)["a.env"] == b"new a"
    assert sorted(entry.name for entry in folder.iterdir()) == sorted(NEW)
    assert mode(folder) == 0o700
    assert {mode(entry) for entry in folder.iterdir()} == {0o600}


def test_others_files_stay_and_so_does_the_folders_mode(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "sub").mkdir()
    tmp_path.chmod(0o755)
    warnings = write_folder(tmp_path, NEW)
    assert contents(tmp_path) == {"a.env": b"new a", "b.yaml": b"new\r\nb\n", "mine.txt": b"mine"}
    assert mode(tmp_path) == 0o755
    assert mode(tmp_path / "a.env") == 0o600
    assert len(warnings) == 1
    assert "mine.txt" in warnings[0]


def failing_fill(folder: Path, files: dict[str, str]) -> None:
    (folder / "a.env").write_text("half")
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool) -> None:
    folder = tmp_path / "files"
    if existing:
        write_folder(folder, OLD)
    monkeypatch.setattr(bootstrap_folder, "_fill", failing_fill)
    with pytest.raises(PermanentError) as caught:
        write_folder(folder, NEW)
    assert caught.value.code == "MVM-513"
    assert "No space left on device" in caught.value.cause
    assert [entry.name for entry in tmp_path.iterdir()] == (["files"] if existing else [])
    if existing:
        assert contents(folder) == {"a.env": b"old a", "b.yaml": b"old b"}
        assert len(list(folder.iterdir())) == 2


def test_a_failure_between_the_files_puts_the_old_ones_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "files"
    write_folder(folder, {**OLD, "other": "o"})
    rename = Path.rename

    def refuse_the_second(self: Path, target: Path) -> Path:
        if self.name == "b.yaml" and self.parent.name == "new":
            raise OSError(1, "Operation not permitted")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_the_second)
    with pytest.raises(PermanentError, match="Operation not permitted"):
        write_folder(folder, NEW)
    assert contents(folder) == {"a.env": b"old a", "b.yaml": b"old b", "other": b"o"}
    assert len(list(folder.iterdir())) == 3


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("x")
    with pytest.raises(PermanentError, match="is no folder"):
        write_folder(tmp_path / "files", NEW)
    assert (tmp_path / "files").read_text() == "x"


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.env").mkdir()
    with pytest.raises(PermanentError, match="is a folder where a file must stand"):
        write_folder(tmp_path, NEW)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.env"]


def test_a_link_to_a_folder_is_followed_and_a_link_to_a_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / "real" / "a.env").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_folder(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "real")["a.env"] == b"new a"
    assert (tmp_path / "elsewhere").read_text() == "kept"
