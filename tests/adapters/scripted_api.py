"""A tiny HTTPS server that answers as scripted and records every request: the wire on which adapters are judged."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from meshvm_tui.adapters.kubernetes_api import KubernetesCluster
from meshvm_tui.problems import Problem

JSON = dict[str, Any]


@dataclass
class Seen:
    """One request as it arrived. `headers` keeps repeated names."""

    method: str
    path: str
    query: dict[str, str]
    headers: list[tuple[str, str]]
    body: Any

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Answer:
    """What to send back. An iterator as body is sent chunk by chunk and the connection is closed after it."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Seen], Answer]
Opener = Callable[..., "tuple[ScriptedApi, KubernetesCluster]"]


def always(answer: Answer) -> Script:
    """The same answer to everything."""
    return lambda seen: answer


def problem_of(call: Callable[[], object]) -> Problem:
    """The problem that a call must raise."""
    with pytest.raises(Problem) as caught:
        call()
    return caught.value


def status(code: int, reason: str, message: str, **details: Any) -> Answer:
    """A Status answer as kube-apiserver words it."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }
    return Answer(code, {**body, "details": details})


class ScriptedApi:
    """Use as a context manager. `seen` grows with each request."""

    def __init__(self, folder: Path, script: Script, *, names: tuple[str, ...] = ("localhost",)) -> None:
        self.seen: list[Seen] = []
        self.script = script
        self.ended = threading.Event()
        self.authority, chain = certificate(folder, names)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        # The handshake belongs in the connection's own thread, or one bad client would stop the rest.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> ScriptedApi:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def kubeconfig(self, folder: Path, *, user: JSON | None = None, cluster: JSON | None = None) -> str:
        """Writes a kubeconfig with one context, `scripted`, and gives its path."""
        authority = base64.b64encode(self.authority).decode()
        reached = {"server": self.url, "certificate-authority-data": authority}
        document = {
            "current-context": "scripted",
            "contexts": [{"name": "scripted", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {**reached, **(cluster or {})}}],
            "users": [{"name": "u", "user": {"token": "t0ken"} if user is None else user}],
        }
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return str(path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def answer(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length) if length else b""
                body = json.loads(raw) if raw else None
                seen = Seen(self.command, parts.path, dict(parse_qsl(parts.query)), list(self.headers.items()), body)
                api.seen.append(seen)
                reply = api.script(seen)
                if isinstance(reply.body, Iterator):
                    self.stream(reply)
                else:
                    self.whole(reply)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer  # noqa: N815  http.server's names

            def whole(self, reply: Answer) -> None:
                payload = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def stream(self, reply: Answer) -> None:
                self.send_response(reply.status)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for item in reply.body:
                    if item is None:  # cut without an orderly end
                        self.close_connection = True
                        return
                    line = json.dumps(item).encode() + b"\n"
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def certificate(folder: Path, names: tuple[str, ...]) -> tuple[bytes, Path]:
    """A self-signed certificate for 127.0.0.1 and the names: (PEM, file with key and certificate)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "scripted")])
    now = datetime.datetime.now(datetime.UTC)
    alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    alternatives += [x509.DNSName(value) for value in names]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = folder / "chain.pem"
    chain.write_bytes(private + pem)
    return pem, chain
