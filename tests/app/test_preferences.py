"""The file of preferences: what it can say, what is said about a wrong one, and that it is never spoilt."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.app_base import Look
from meshvm_tui.key_bindings import all_bindings, judged_keymap
from meshvm_tui.preferences import Preferences, PreferencesFile, Remapped, read_preferences
from meshvm_tui.screens.key_names import shown_key
from tests.app.harness import world

ROWS = all_bindings()


def file_with(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_count(tmp_path: Path) -> None:
    assert read_preferences(tmp_path / "none.yaml") == Preferences()


def test_all_that_it_can_say(tmp_path: Path) -> None:
    path = file_with(
        tmp_path, "# mine\ntheme: light\nascii: yes\nkeymap:\n  wizard.next: ctrl+g\n  run.log: [f4, f5]\n"
    )
    assert read_preferences(path) == Preferences(
        theme="light",
        ascii="yes",
        keymap=(Remapped("wizard.next", ("ctrl+g",), 5), Remapped("run.log", ("f4", "f5"), 6)),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("theme: [dark", "line 2"),
        ("- theme", "line 1: this is no list of settings. Valid are theme, ascii, keymap."),
        ("theme: blue\n", "line 1: theme cannot be 'blue'. Valid are dark, light, ansi, monochrome."),
        ("ascii: yes\ncolour: red\n", "line 2: there is no setting 'colour'. Valid are theme, ascii, keymap."),
        ("theme: dark\ntheme: light\n", "line 2: 'theme' stands here for the second time."),
        ("keymap: f4\n", "line 1: keymap is no list of actions."),
        ("keymap:\n  wizard.next: {a: b}\n", "line 2: wizard.next has no key."),
    ],
)
def test_what_is_not_valid_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = file_with(tmp_path, text)
    (problem,) = read_preferences(path).problems
    assert problem.startswith(f"{path}, ") and words in problem


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"theme: \xff\xfe")
    assert "not UTF-8" in read_preferences(path).problems[0]


@pytest.mark.parametrize(
    ("keymap", "words"),
    [
        ({"wizard.nxt": "f4"}, "there is no action 'wizard.nxt'. `meshvm-tui keys` lists all."),
        ({"wizard.next": "ctrl+enter+x"}, "'ctrl+enter+x' is no key."),
        ({"wizard.next": "g"}, "wizard.next cannot have 'g': it is typed into fields."),
        ({"wizard.next": "f2"}, "'f2' is the key of wizard.panel there."),
        ({"wizard.next": "ctrl+q"}, "'ctrl+q' is the key of app.quit there."),
        ({"wizard.next": "f5", "wizard.log": "f5"}, "'f5' is the key of wizard.next there."),
    ],
)
def test_a_key_that_cannot_be_is_named_and_the_default_stays(keymap: dict[str, str], words: str) -> None:
    wanted = tuple(Remapped(action, (key,), at) for at, (action, key) in enumerate(keymap.items(), 2))
    kept, (problem,) = judged_keymap(Preferences(keymap=wanted), ROWS)
    assert words in problem and len(kept) == len(keymap) - 1


def test_two_actions_can_change_their_keys() -> None:
    wanted = (Remapped("wizard.next", ("ctrl+a",), 2), Remapped("wizard.apply", ("ctrl+n",), 3))
    assert judged_keymap(Preferences(keymap=wanted), ROWS) == (
        {"wizard.next": "ctrl+a", "wizard.apply": "ctrl+n"},
        [],
    )


def test_a_theme_is_kept_and_every_other_line_stays(tmp_path: Path) -> None:
    path = file_with(tmp_path, "# mine\ntheme: dark\nascii: no  # as it is\n")
    assert PreferencesFile(path).keep_theme(lambda: "light") == ""
    assert path.read_text() == "# mine\ntheme: light\nascii: no  # as it is\n"


def test_a_new_file_is_made_for_the_operator_alone(tmp_path: Path) -> None:
    path = tmp_path / "config" / "config.yaml"
    assert PreferencesFile(path).keep_theme(lambda: "ansi") == ""
    assert read_preferences(path).theme == "ansi"
    assert path.stat().st_mode & 0o077 == 0
    assert [item.name for item in path.parent.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("text", ["theme: [dark", "colour: red\n", "{theme: dark}\n"])
def test_a_file_that_is_not_understood_is_never_rewritten(tmp_path: Path, text: str) -> None:
    path = file_with(tmp_path, text)
    assert "not remembered" in PreferencesFile(path).keep_theme(lambda: "light")
    assert path.read_text() == text


async def test_an_own_key_works_and_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Preferences(keymap=(Remapped("wizard.next", ("ctrl+g",), 2),))
    async with world(tmp_path, monkeypatch, look=Look(preferences=own)) as made:
        await made.says("^G Next")
        await made.press("ctrl+n")
        assert made.wizard.stage.value == "Cluster"
        await made.press("ctrl+g")
        await made.until(lambda: made.wizard.stage.value == "Mesh", "the next stage")


async def test_home_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Preferences(keymap=(Remapped("wizard.nxt", ("f4",), 7),), path=tmp_path / "config.yaml")
    async with world(tmp_path, monkeypatch, start="home", look=Look(preferences=own)) as made:
        await made.says("line 7", "no action", "wizard.nxt")


async def test_a_theme_that_is_chosen_stands_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "own" / "config.yaml"
    async with world(tmp_path, monkeypatch, start="home", look=Look(preferences=Preferences(path=path))) as made:
        made.app.action_theme("light")
        await made.until(path.exists, "the file")
        assert read_preferences(path).theme == "light"


def test_every_action_has_a_name_of_its_own_and_words() -> None:
    names = [row.id for row in ROWS]
    assert len(names) == len(set(names))
    assert all(row.words and row.keys for row in ROWS)
    assert {"app.quit", "home.open", "wizard.next", "review.apply", "run.retry", "watch.filter"} <= set(names)


@pytest.mark.parametrize(
    ("key", "shown", "in_ascii"),
    [
        ("ctrl+n", "^N", "^N"),
        ("enter", "⏎", "Enter"),
        ("f1", "F1", "F1"),
        ("slash", "/", "/"),
        ("up", "↑", "Up"),
        ("shift+tab", "Shift+Tab", "Shift+Tab"),
        ("alt+x", "Alt+X", "Alt+X"),
        ("pagedown", "PgDn", "PgDn"),
    ],
)
def test_keys_are_called_the_same_everywhere(key: str, shown: str, in_ascii: str) -> None:
    assert (shown_key(key), shown_key(key, ascii_only=True)) == (shown, in_ascii)


async def test_sentences_name_the_operators_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keymap = (Remapped("wizard.apply", ("ctrl+g",), 2), Remapped("wizard.pick", ("f9",), 3))
    look = Look(preferences=Preferences(keymap=keymap))
    async with world(tmp_path, monkeypatch, look=look) as made:
        await made.says("empty: current; F9", "F9 Pick")
        await made.press("ctrl+n")
        await made.says("1 change up to here", "^G lists it")
        assert "F3" not in made.text()
