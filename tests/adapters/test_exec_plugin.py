"""Credential plugins are run by us: captured, cached, ended in time, and each failure is told apart."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.adapters.exec_plugin import ExecPlugin
from meshvm_tui.adapters.kubeconfig import ClusterAccess
from meshvm_tui.problems import ActionNeeded, Problem

V1 = "client.authentication.k8s.io/v1"


def plugin(tmp_path: Path, script: str, *, timeout: float = 20.0, **stanza: Any) -> ExecPlugin:
    path = tmp_path / "plugin"
    path.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\n{script}\n")
    path.chmod(0o755)
    body = {"apiVersion": V1, "command": str(path), "interactiveMode": "IfAvailable", **stanza}
    cluster = {"certificate-authority-data": "Q0E=", "tls-server-name": "api"}
    access = ClusterAccess("ctx", "https://api:1", "default", cluster, {"exec": body}, str(tmp_path / "config"))
    return ExecPlugin(access, timeout=timeout)


def says(status: dict[str, Any], api_version: str = V1) -> str:
    return f"echo '{json.dumps({'apiVersion': api_version, 'kind': 'ExecCredential', 'status': status})}'"


def runs(tmp_path: Path) -> int:
    return (tmp_path / "runs").read_text().count("run")


def refusal(found: ExecPlugin) -> Problem:
    with pytest.raises(ActionNeeded) as caught:
        found.credential()
    return caught.value


def test_kept_until_refused(tmp_path: Path) -> None:
    found = plugin(tmp_path, says({"token": "abc"}))
    first = found.credential()
    assert (first.token, found.credential().token, runs(tmp_path)) == ("abc", "abc", 1)
    found.refused(first)
    found.credential()
    assert runs(tmp_path) == 2
    found.refused(first)  # an old one: the credential of now stays
    found.credential()
    assert runs(tmp_path) == 2


@pytest.mark.parametrize(("stamp", "expected"), [("2099-01-01T00:00:00Z", 1), ("2000-01-01T00:00:00Z", 1)])
def test_expiry_is_honoured_and_one_out_of_date_on_arrival_is_kept(tmp_path: Path, stamp: str, expected: int) -> None:
    found = plugin(tmp_path, says({"token": "abc", "expirationTimestamp": stamp}))
    found.credential()
    found.credential()
    assert runs(tmp_path) == expected


def test_many_threads_run_it_once(tmp_path: Path) -> None:
    found = plugin(tmp_path, says({"token": "abc"}))
    threads = [threading.Thread(target=found.credential) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs(tmp_path) == 1


def test_it_gets_cluster_info_its_environment_and_no_terminal(tmp_path: Path) -> None:
    script = f'printf %s "$KUBERNETES_EXEC_INFO" > {tmp_path}/info; echo "$HELLO" > {tmp_path}/env; cat; '
    found = plugin(
        tmp_path, script + says({"token": "abc"}), provideClusterInfo=True, env=[{"name": "HELLO", "value": "x"}]
    )
    found.credential()
    assert json.loads((tmp_path / "info").read_text()) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {"server": "https://api:1", "tls-server-name": "api", "certificate-authority-data": "Q0E="},
        },
    }
    assert (tmp_path / "env").read_text() == "x\n"


def test_relative_command_belongs_to_the_kubeconfig_folder(tmp_path: Path) -> None:
    assert plugin(tmp_path, says({"token": "abc"}), command="./plugin").credential().token == "abc"


@pytest.mark.parametrize(
    ("script", "stanza", "code", "words"),
    [
        ("echo 'login expired' >&2; exit 3", {}, "MVM-105", "exit code 3: login expired"),
        ("exit 1", {}, "MVM-105", "without a word"),
        ("echo hello", {}, "MVM-114", "no JSON (6 bytes)"),
        ("echo '{}'", {}, "MVM-114", "no ExecCredential"),
        (says({}), {}, "MVM-114", "neither a token nor a client certificate"),
        (says({"token": "a"}, "client.authentication.k8s.io/v1beta1"), {}, "MVM-114", "v1 was asked for"),
        (says({"token": "a", "expirationTimestamp": "soon"}), {}, "MVM-114", "'soon' is no RFC 3339 time"),
        ("", {"command": "no-such-plugin"}, "MVM-113", "no-such-plugin is not on PATH"),
        ("", {"command": "/no/such"}, "MVM-113", "/no/such is not there"),
        ("", {"interactiveMode": "Always"}, "MVM-105", "interactiveMode: Always"),
    ],
)
def test_failures_are_told_apart(tmp_path: Path, script: str, stanza: dict[str, Any], code: str, words: str) -> None:
    problem = refusal(plugin(tmp_path, script, **stanza))
    assert problem.code == code
    assert words in problem.cause


def test_install_hint_is_the_next_action(tmp_path: Path) -> None:
    problem = refusal(plugin(tmp_path, "", command="no-such-plugin", installHint="Install it\nlike this."))
    assert problem.next_action == "Install it like this."


def test_a_hanging_plugin_is_ended_with_its_children(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    script = f"echo waiting >&2; (echo begun; exec sleep 60) > {alive} & wait"
    problem = refusal(plugin(tmp_path, script, timeout=0.5))
    assert "no answer within 0.5 s: waiting" in problem.cause
    os.set_blocking(reader, True)
    with os.fdopen(reader) as words:
        assert words.read() == "begun\n", "the pipe ends only when the child is gone"


def test_close_ends_a_running_plugin(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "started")
    found = plugin(tmp_path, f"echo > {tmp_path}/started; sleep 60")
    raised: list[Problem] = []
    thread = threading.Thread(target=lambda: raised.append(refusal(found)))
    thread.start()
    (tmp_path / "started").read_text()
    found.close()
    thread.join(timeout=10)
    assert [problem.code for problem in raised] == ["MVM-105"]


def test_tokens_in_its_words_are_hidden(tmp_path: Path) -> None:
    problem = refusal(plugin(tmp_path, "echo 'bad eyJhbGciOi.eyJpc3M.sig' >&2; exit 1"))
    assert "eyJ" not in str(problem)
    assert "bad [hidden]" in problem.cause


def test_unknown_version_is_damage_of_the_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        plugin(tmp_path, "", apiVersion="client.authentication.k8s.io/v1alpha1")
    assert caught.value.code == "MVM-112"
