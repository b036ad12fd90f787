"""cluster.env is sourced by root's shell: what goes in comes out, and nothing is ever run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshvm_tui.istio import cluster_env
from meshvm_tui.problems import PermanentError

NAMES = st.from_regex(r"V_[A-Za-z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TRICKY = st.text(alphabet="'\"\\$`(){};&|<>#* \n\t=aw", max_size=20)


def sourced(text: str, folder: Path) -> dict[str, str]:
    """What /bin/sh has in its variables after sourcing the text; a value ends with a NUL."""
    file = folder / "cluster.env"
    file.write_bytes(text.encode())
    script = 'set -a; . "$1"; exec env -0'
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", script, "sh", str(file)],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    pairs = (line.partition("=") for line in done.stdout.decode().split("\0") if line)
    return {name: value for name, _, value in pairs if name.startswith("V_")}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, st.one_of(VALUES, TRICKY), min_size=1, max_size=6))
def test_the_shell_and_our_own_reading_give_the_values_back(tmp_path: Path, values: dict[str, str]) -> None:
    text = cluster_env.render(values)
    assert sourced(text, tmp_path) == values
    assert cluster_env.parse(text) == (values, ())


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("latest", "'latest'"),
        ("22,15090", "'22,15090'"),
        ("", "''"),
        ("*", "'*'"),
        ("it's", "'it'\"'\"'s'"),
        ("www", "www"),
        ("-", "-"),
        (".", "."),
        ("w@%+=:,./-", "w@%+=:,./-"),
        ("a_b", "'a_b'"),
        ("$(touch owned)", "'$(touch owned)'"),
        # istioctl leaves this bare, and the shell would lose the backslash.
        ("w\\w", "'w\\w'"),
        ("one\ntwo", "'one\ntwo'"),
    ],
)
def test_quoting(value: str, quoted: str) -> None:
    assert cluster_env.quoted(value) == quoted


def test_nothing_is_run(tmp_path: Path) -> None:
    values = {"V_A": "$(touch owned)", "V_B": "`touch owned`", "V_C": "x\ntouch owned\n", "V_D": "'; touch owned; '"}
    assert sourced(cluster_env.render(values), tmp_path) == values
    assert [entry.name for entry in tmp_path.iterdir()] == ["cluster.env"]


@pytest.mark.parametrize("name", ["a.b", "a b", "$(touch owned)", "1A", "", "A-B", "A\n"])
def test_a_name_that_no_shell_can_set_is_refused(name: str) -> None:
    with pytest.raises(PermanentError) as caught:
        cluster_env.render({name: "x"})
    assert caught.value.code == "MVM-512"
    assert repr(name) in caught.value.cause


def test_a_nul_is_refused() -> None:
    with pytest.raises(PermanentError, match="MVM-512"):
        cluster_env.render({"A": "a\0b"})


def test_lines_are_in_byte_order() -> None:
    text = cluster_env.render({"ISTIO_META_A": "w", "ISTIO_METAJSON_L": "w", "A": "w"})
    assert text == "A=w\nISTIO_METAJSON_L=w\nISTIO_META_A=w\n"


@pytest.mark.parametrize(
    "text",
    [
        "V_A=x\nexport V_B='y z'\n# V_C=no\n",
        'V_A="a \\"b\\" \\$c"\n',
        "V_A=a\\ b; V_B=2\n",
        "V_A=1 V_B=2\n",
        "V_A=a#b # a comment\n",
        "  V_A='x'\"'\"'y'\n\nV_A=last\n",
        "V_A='two\nlines'\nV_B=\n",
        "V_A=\n",
    ],
)
def test_a_file_edited_by_hand_is_read_as_the_shell_does(text: str, tmp_path: Path) -> None:
    values, unreadable = cluster_env.parse(text)
    assert not unreadable
    assert values == sourced(text, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "V_A=$HOME\n",
        "V_A=$(id)\n",
        "V_A=`id`\n",
        'V_A="$HOME"\n',
        "touch x\n",
        "V_A=x touch y\n",
        "V_A='open\n",
        "if true\n",
    ],
)
def test_what_the_shell_would_compute_is_said(text: str) -> None:
    values, unreadable = cluster_env.parse(text)
    assert values == {}
    assert [part.text for part in unreadable] == [text.strip()]


def test_lists_grow_without_doubles() -> None:
    assert cluster_env.with_more("22,15090", ["22", "2222", "2222"]) == "22,15090,2222"
    assert cluster_env.with_more("", ["169.254.169.254/32"]) == "169.254.169.254/32"
