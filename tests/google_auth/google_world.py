"""A token endpoint and APIs on loopback, service account keys made for the test, and gcloud's folder in a temp place.

The endpoint checks a signed assertion with the key's public half, as Google does, so a test that gets a token has
proven the whole way of it.
"""

from __future__ import annotations

import base64
import functools
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from meshvm_tui.adapters.google_credentials import GoogleLogin
from meshvm_tui.adapters.google_settings import GcloudSettings, read_settings

JSON = dict[str, Any]
ACCOUNT = "wizard@lab-project-1.iam.gserviceaccount.com"
TARGET = "target@lab-project-1.iam.gserviceaccount.com"


@functools.cache
def private_key() -> rsa.RSAPrivateKey:
    """One key for all tests, and a short one: making and loading it takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def pem_of(key: rsa.RSAPrivateKey) -> str:
    """A key as a service account's file has it."""
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode()


@dataclass
class Asked:
    """One request that arrived; names of headers are in small letters."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True)
class Answer:
    """What is answered: JSON or bytes as they are."""

    status: int
    body: JSON | bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Asked], Answer]


class _Quiet(ThreadingHTTPServer):
    """Clients that go away are part of the tests."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing on stderr."""


class GoogleServer:
    """Routes by (method, path); what has none is a 404 as Google's front end gives it."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.routes: dict[tuple[str, str], Route] = {("POST", "/token"): self.give_token}
        self.released = threading.Event()
        self.connections = 0
        self._tokens = 0
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._server.block_on_close = True
        if tls:
            # Each handshake is its own thread's work.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Ends it and waits for its threads."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, *answers: Answer) -> None:
        """Answers a path with these, one after another, and the last one for good."""
        left = list(answers)

        def route(asked: Asked) -> Answer:
            return left.pop(0) if len(left) > 1 else left[0]

        self.routes[method, path] = route

    def paths(self) -> list[str]:
        """The paths that were asked, in order."""
        return [asked.path for asked in self.asked]

    def give_token(self, asked: Asked) -> Answer:
        """A token of OAuth: for a refresh token, or for an assertion that the key of `private_key` signed."""
        form = asked.form
        if form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            check_assertion(form["assertion"])
        self._tokens += 1
        return Answer(200, {"access_token": f"ya29.token-{self._tokens}", "expires_in": 3599, "token_type": "Bearer"})

    def hold(self, asked: Asked) -> Answer:
        """Never answers, until the server is closed."""
        self.released.wait(30)
        return Answer(200, {})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ours = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10
            wbufsize = -1  # head and body in one packet: no waiting for an acknowledgement between them

            def setup(self) -> None:
                ours.connections += 1
                super().setup()

            def handle_any(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = Asked(
                    self.command,
                    parts.path,
                    parse_qs(parts.query),
                    {name.lower(): value for name, value in self.headers.items()},
                    body,
                )
                ours.asked.append(asked)
                missing: Route = lambda _: Answer(404, b"<html><title>Error 404 (Not Found)!!1</title></html>")  # noqa: E731
                answer = ours.routes.get((self.command, parts.path), missing)(asked)
                content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing on stderr."""

        return Handler


def self_signed(path: Path) -> ssl.SSLContext:
    """A TLS server's context whose certificate nobody trusts, as a proxy's that opens TLS; `path` then holds it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A proxy that opens TLS")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + pem_of(key).encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def check_assertion(assertion: str) -> JSON:
    """The claims of a signed assertion (RFC 7523); raises where the key did not sign it."""
    header, claims, signature = assertion.split(".")
    signed = f"{header}.{claims}".encode()
    private_key().public_key().verify(_decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    found: JSON = json.loads(_decoded(claims))
    return found


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@contextmanager
def google_server(tls: ssl.SSLContext | None = None) -> Iterator[GoogleServer]:
    """A server for one test."""
    server = GoogleServer(tls)
    try:
        yield server
    finally:
        server.close()


@dataclass
class World:
    """gcloud's folder, an environment and a server. `login` reads all of it anew."""

    folder: Path
    server: GoogleServer
    environ: dict[str, str]
    _logins: list[GoogleLogin] = field(default_factory=list)

    def service_account(self, **changed: Any) -> JSON:
        """A service account's key file."""
        return {
            "type": "service_account",
            "project_id": "lab-project-1",
            "private_key_id": "0123",
            "private_key": pem_of(private_key()),
            "client_email": ACCOUNT,
            "token_uri": f"{self.server.url}/token",
        } | changed

    def user(self, **changed: Any) -> JSON:
        """What gcloud auth application-default login writes."""
        return {
            "type": "authorized_user",
            "client_id": "764086051850-x.apps.googleusercontent.com",
            "client_secret": "secret-of-the-client",
            "refresh_token": "1//refresh-token",
        } | changed

    def adc(self, info: JSON | str) -> Path:
        """Writes gcloud's ADC file."""
        return self._write(self.folder / "application_default_credentials.json", info)

    def key_file(self, info: JSON | str) -> Path:
        """Writes a file that GOOGLE_APPLICATION_CREDENTIALS names."""
        path = self._write(self.folder.parent / "key.json", info)
        self.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(path)
        return path

    def configuration(self, text: str, name: str = "default") -> Path:
        """Writes a configuration of gcloud."""
        return self._write(self.folder / "configurations" / f"config_{name}", text)

    def settings(self) -> GcloudSettings:
        """What gcloud's settings say now."""
        return read_settings(self.environ)

    def login(self, impersonate: str = "auto", quota_project: str = "auto") -> GoogleLogin:
        """A login, closed when the test ends."""
        login = GoogleLogin(self.settings(), impersonate, quota_project)
        self._logins.append(login)
        return login

    def close(self) -> None:
        """Closes the logins."""
        for login in self._logins:
            login.close()

    @staticmethod
    def _write(path: Path, content: JSON | str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path
