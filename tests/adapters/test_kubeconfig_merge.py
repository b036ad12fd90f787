"""The kubeconfig is merged as kubectl does it, and a damaged one is named with the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.adapters import kubeconfig
from meshvm_tui.problems import Problem

ONE = """
current-context: ""
clusters:
- name: shared
  cluster: {server: "https://one:6443/", certificate-authority: ca/one.pem}
users:
- name: me
  user: {client-certificate: me.pem, client-key: me.key}
contexts:
- name: first
  context: {cluster: shared, user: me, namespace: team}
"""
TWO = """
current-context: second
clusters:
- name: shared
  cluster: {server: "https://two:6443"}
users: null
contexts:
- name: second
  context: {cluster: shared, user: me}
- name: first
  context: {cluster: nowhere}
"""
THREE = "current-context: third\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("a/one", ONE), ("b/two", TWO), ("c/three", THREE)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    listed = [str(tmp_path / name) for name in ("a/one", "missing", "b/two", "c/three")]
    monkeypatch.setenv("KUBECONFIG", ":".join(["", *listed]))
    return tmp_path


def test_first_definition_and_first_current_context_win(files: Path) -> None:
    merged = kubeconfig.load()
    assert merged.current_context == "second"
    assert [(entry.name, entry.server, entry.namespace, entry.current) for entry in merged.entries()] == [
        ("first", "https://one:6443/", "team", False),
        ("second", "https://one:6443/", "default", True),
    ]


def test_relative_paths_belong_to_their_own_file(files: Path) -> None:
    access = kubeconfig.load().access("second")
    assert access.server == "https://one:6443"
    assert access.cluster["certificate-authority"] == str(files / "a/ca/one.pem")
    assert access.user["client-key"] == str(files / "a/me.key")


def test_named_file_goes_before_the_variable(files: Path) -> None:
    assert [entry.name for entry in kubeconfig.contexts(str(files / "b/two"))] == ["second", "first"]


def test_home_is_read_where_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").write_text(ONE)
    assert kubeconfig.load().files == (str(tmp_path / ".kube/config"),)


def test_current_context_is_used_where_none_is_named(files: Path) -> None:
    assert kubeconfig.load().access().context == "second"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("clusters: [\n  {name: a}\n", "MVM-112", "line 3, column 1"),
        ("a: b\nclusters:\n  x: y\n", "MVM-112", "line 2: clusters: must be a list"),
        ("users:\n- name: a\n- user: {}\n", "MVM-112", "line 3: users: users[1] has no name"),
        ("contexts:\n- name: a\n- name: a\n", "MVM-112", "line 3: contexts: contexts[1]: 'a' stands there twice"),
        ("clusters:\n- name: a\n  cluster: nonsense\n", "MVM-112", "line 2: clusters: clusters[0]"),
        ("just words", "MVM-112", "line 1: a mapping is wanted"),
        ("contexts:\n- name: a\n  context: {cluster: gone}\n", "MVM-112", "names cluster 'gone'"),
        ("contexts:\n- {name: b, context: {}}\n", "MVM-102", "no context 'a'"),
        ("", "MVM-102", "it has no contexts"),
    ],
)
def test_damage_is_named_with_its_place(tmp_path: Path, text: str, code: str, words: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(Problem) as caught:
        kubeconfig.load(str(path)).access("a")
    assert caught.value.code == code
    assert words in caught.value.cause
    assert str(path) in caught.value.cause


def test_no_file_at_all_is_an_action(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        kubeconfig.load(str(tmp_path / "nothing"))
    assert caught.value.code == "MVM-101"


def test_broken_base64_names_file_and_field(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        kubeconfig.inline_or_file({"certificate-authority-data": "%%%"}, "certificate-authority", "cluster c")
    assert "certificate-authority-data" in caught.value.cause


def test_secrets_stay_out_of_representations(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(
        "clusters: [{name: c, cluster: {server: 'https://x'}}]\n"
        "users: [{name: u, user: {token: s3cret}}]\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
    )
    merged = kubeconfig.load(str(path))
    assert "s3cret" not in repr(merged) + repr(merged.access("a"))
