"""Who we are to the API server and how the way to it is secured, as the kubeconfig says."""

from __future__ import annotations

import base64
import json
import socket
import threading
from pathlib import Path

import pytest

from meshvm_tui import ports
from meshvm_tui.adapters.kubernetes_api import KubernetesReader, connect
from meshvm_tui.problems import TransientError

from .scripted_api import Answer, Opener, Seen, always, certificate, problem_of, status


def test_401_runs_the_plugin_once_more(opened: Opener, tmp_path: Path) -> None:
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    path = tmp_path / "plugin"
    line = json.dumps({**answer, "status": {"token": "tN"}})
    path.write_text(
        f"#!/bin/sh\necho >> {tmp_path}/runs\nn=$(wc -l < {tmp_path}/runs)\necho '{line}' | sed s/tN/t$n/\n"
    )
    path.chmod(0o755)
    user = {"exec": {"apiVersion": answer["apiVersion"], "command": str(path), "interactiveMode": "Never"}}

    def script(seen: Seen) -> Answer:
        return (
            Answer(body={}) if seen.header("Authorization") == ["Bearer t2"] else status(401, "Unauthorized", "expired")
        )

    api, cluster = opened(script, user=user)
    assert cluster.get(ports.PODS, "p", "n") == {}
    assert [seen.header("Authorization") for seen in api.seen] == [["Bearer t1"], ["Bearer t2"]]


def test_token_file_is_read_again_after_401(opened: Opener, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")

    def script(seen: Seen) -> Answer:
        token.write_text("new\n")
        return (
            Answer(body={})
            if seen.header("Authorization") == ["Bearer new"]
            else status(401, "Unauthorized", "expired")
        )

    api, cluster = opened(script, user={"tokenFile": str(token)})
    cluster.get(ports.PODS, "p", "n")
    assert len(api.seen) == 2


def test_basic_and_impersonation_headers(opened: Opener) -> None:
    user = {"username": "u", "password": "p", "as": "bob", "as-groups": ["g1", "g2"], "as-user-extra": {"why": ["x"]}}
    api, cluster = opened(always(Answer(body={})), user=user)
    cluster.get(ports.PODS, "p", "n")
    seen = api.seen[0]
    assert seen.header("Authorization") == ["Basic " + base64.b64encode(b"u:p").decode()]
    assert (seen.header("Impersonate-User"), seen.header("Impersonate-Group")) == (["bob"], ["g1", "g2"])
    assert seen.header("Impersonate-Extra-why") == ["x"]


def test_untrusted_certificate(opened: Opener, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    foreign, _ = certificate(other, ("localhost",))
    cluster = {"certificate-authority-data": base64.b64encode(foreign).decode()}
    _, found = opened(always(Answer()), cluster=cluster)
    assert problem_of(found.version).code == "MVM-104"


def test_tls_server_name_and_its_mismatch(opened: Opener) -> None:
    _, good = opened(always(Answer(body={"gitVersion": "v1"})), cluster={"tls-server-name": "localhost"})
    assert good.version() == "v1"
    _, bad = opened(always(Answer()), cluster={"tls-server-name": "elsewhere"})
    assert problem_of(bad.version).code == "MVM-104"


def test_insecure_skips_verification(opened: Opener) -> None:
    cluster = {"certificate-authority-data": "", "insecure-skip-tls-verify": True}
    _, found = opened(always(Answer(body={"gitVersion": "v1"})), cluster=cluster)
    assert found.version() == "v1"


def test_client_certificates_lie_in_a_folder_of_ours_until_closed(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    stale = tmp_path / "tmp" / "meshvm-tui-4194999-gone"
    stale.mkdir()
    api, _ = opened(always(Answer(body={"gitVersion": "v1"})))
    chain = base64.b64encode((tmp_path / "chain.pem").read_bytes()).decode()
    user = {"client-certificate-data": chain, "client-key-data": chain}
    cluster = KubernetesReader(connect(api.kubeconfig(tmp_path, user=user)))
    assert cluster.version() == "v1"
    (folder,) = (tmp_path / "tmp").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    cluster.close()
    assert not list((tmp_path / "tmp").iterdir())


def test_proxy_url_is_used(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()
        said: list[bytes] = []

        def refuse() -> None:
            connection, _ = proxy.accept()
            with connection:
                said.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 No\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        api, cluster = opened(always(Answer()), cluster={"proxy-url": f"http://127.0.0.1:{proxy.getsockname()[1]}"})
        problem = problem_of(cluster.version)
        thread.join()
    assert said[0].startswith(f"CONNECT 127.0.0.1:{api.port}".encode())
    assert (problem.code, "proxy" in problem.cause) == ("MVM-103", True)


@pytest.mark.parametrize("server", ["https://127.0.0.1:1", "https://no-such-host.invalid:6443"])
def test_unreachable_is_transient_with_its_words(opened: Opener, server: str) -> None:
    _, cluster = opened(always(Answer()), cluster={"server": server})
    problem = problem_of(cluster.version)
    assert (type(problem), problem.code) == (TransientError, "MVM-103")
    assert server in problem.cause
    assert "object at 0x" not in problem.cause


def test_plain_http_behind_https_is_told(opened: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        _, cluster = opened(always(Answer()), cluster={"server": f"https://127.0.0.1:{plain.getsockname()[1]}"})

        def answer() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert problem_of(cluster.version).code == "MVM-103"
        thread.join()
