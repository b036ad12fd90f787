"""One HTTP request to the API server and its answer.

The official client's REST layer carries the requests, configured from our own merged kubeconfig: no retries and
no redirects of its own, explicit timeouts, and every open socket known, so that closing ends calls under way.
A 401 is answered once by a fresh credential.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from meshvm_tui import __version__
from meshvm_tui.adapters.kubeconfig import ClusterAccess, inline_or_file
from meshvm_tui.adapters.kubernetes_credentials import CertificateFolder, Credential, Credentials
from meshvm_tui.adapters.kubernetes_errors import connection_problem, status_problem
from meshvm_tui.adapters.open_connections import OpenConnections, shut_down
from meshvm_tui.problems import PermanentError, TransientError

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
_CHUNK = 1 << 16
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
Query = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """One request. `path` is unquoted; `read_seconds` is how long the server may be silent."""

    method: str
    path: str
    query: Query = ()
    body: Any = field(default=None, repr=False)
    content_type: str = "application/json"
    accept: str = "application/json"
    read_seconds: float = READ_SECONDS

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Reply:
    """A successful answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON; a Problem where it is none (a proxy that answers with a page of its own)."""
        try:
            return json.loads(self.body)
        except ValueError:
            words = self.body[:200].decode(errors="replace")
            raise PermanentError("MVM-119", f"the answer is no JSON, so not of a Kubernetes API: {words}") from None


class Stream(Protocol):
    """An answer that goes on."""

    def lines(self) -> Iterator[bytes]:
        """Complete lines as they come; a Problem where the connection breaks."""

    def close(self) -> None:
        """Ends it, from any thread."""


class Transport(Protocol):
    """What carries requests. Anything but a success is raised as a Problem."""

    @property
    def access(self) -> ClusterAccess:
        """What the kubeconfig says about the cluster."""

    def send(self, request: Request) -> Reply:
        """One request and its whole answer."""

    def stream(self, request: Request) -> Stream:
        """One request whose answer is read line by line."""

    def server_time(self) -> float | None:
        """The server's clock now, by the last Date header; seconds since the epoch."""

    def close(self) -> None:
        """Ends everything under way."""


class HttpTransport:
    """Requests over TLS as one context of the kubeconfig says. Threads may share it."""

    def __init__(self, access: ClusterAccess) -> None:
        self._access = access
        self._folder = CertificateFolder()
        self._credentials = Credentials(access, self._folder)
        self._lock = threading.Lock()
        self._rest: tuple[tuple[str, str], Any] | None = None
        self._connections = OpenConnections()
        self._clock: tuple[float, float] | None = None

    @property
    def access(self) -> ClusterAccess:
        """What the kubeconfig says about the cluster."""
        return self._access

    def send(self, request: Request) -> Reply:
        """One request and its whole answer; anything but 2xx is raised."""
        response = self._ask(request)
        try:
            body = response.read()
        except Exception as error:  # noqa: BLE001  the library has many roots; all of them mean "no answer"
            raise self._failed(error, request) from None
        return Reply(response.status, response.headers, body)

    def stream(self, request: Request) -> Stream:
        """One request whose answer is read line by line; anything but 2xx is raised at once."""
        return _HttpStream(self, request, self._ask(request).response)

    def server_time(self) -> float | None:
        """The server's clock now, by the last Date header; seconds since the epoch."""
        if self._clock is None:
            return None
        date, seen = self._clock
        return date + time.monotonic() - seen

    def close(self) -> None:
        """Ends everything under way and removes our certificate files."""
        self._connections.close()
        self._credentials.close()
        if self._rest:
            self._rest[1].close()
        self._folder.close()

    def _ask(self, request: Request) -> Any:
        response = self._once(request)
        if response.status == 401 and self._credentials.refused():
            self._drain(response)
            response = self._once(request)
        if 200 <= response.status < 300:
            return response
        body = self._drain(response)
        raise status_problem(response.status, body, asked=str(request), headers=response.headers)

    def _once(self, request: Request) -> Any:
        if self._connections.closed:
            raise TransientError("MVM-103", f"{request}: the connection to the cluster was closed here")
        credential = self._credentials.current()
        client = self._client(credential)
        try:
            response = client.request(
                request.method,
                self._url(request),
                headers=self._headers(request, credential),
                body=request.body,
                _request_timeout=(CONNECT_SECONDS, request.read_seconds),
            )
        except Exception as error:  # noqa: BLE001  see above
            raise self._failed(error, request) from None
        self._note_clock(response.headers.get("Date"))
        return response

    def _failed(self, error: Exception, request: Request) -> Exception:
        return connection_problem(error, server=self._access.server, asked=str(request))

    @staticmethod
    def _drain(response: Any) -> bytes:
        with contextlib.suppress(Exception):
            return bytes(response.read())
        return b""

    def _url(self, request: Request) -> str:
        query = f"?{urlencode(list(request.query))}" if request.query else ""
        return self._access.server + quote(request.path, safe="/") + query

    def _headers(self, request: Request, credential: Credential) -> Any:
        from urllib3 import HTTPHeaderDict

        headers = HTTPHeaderDict({"Accept": request.accept, "User-Agent": f"meshvm-tui/{__version__}"})
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        for name, value in credential.headers:
            headers.add(name, value)
        return headers

    def _note_clock(self, date: str | None) -> None:
        with contextlib.suppress(TypeError, ValueError):
            self._clock = (parsedate_to_datetime(date or "").timestamp(), time.monotonic())

    def _client(self, credential: Credential) -> Any:
        """The REST client for this client certificate; a plugin may hand out another one later."""
        key = (credential.certificate, credential.key)
        with self._lock:
            if self._rest is None or self._rest[0] != key:
                client = self._new_client(credential)
                if self._rest:
                    self._rest[1].close()
                self._rest = (key, client)
            return self._rest[1]

    def _new_client(self, credential: Credential) -> Any:
        from kubernetes.client.configuration import Configuration
        from kubernetes.client.rest import RESTClientObject

        cluster = self._access.cluster
        configuration = Configuration(host=self._access.server)
        configuration.retries = False
        configuration.keep_alive = True
        configuration.verify_ssl = not cluster.get("insecure-skip-tls-verify")
        authority = inline_or_file(cluster, "certificate-authority", f"cluster of context {self._access.context!r}")
        configuration.ssl_ca_cert = None
        configuration.ca_cert_data = _certificates(authority, self._access.context) if authority else None
        configuration.tls_server_name = cluster.get("tls-server-name")
        configuration.cert_file = credential.certificate or None
        configuration.key_file = credential.key or None
        if proxy := cluster.get("proxy-url"):
            configuration.proxy, configuration.no_proxy = proxy, ""
        elif _is_loopback(self._access.server):
            configuration.proxy = None  # as Go does it: a proxy of the environment never stands before loopback
        if not configuration.verify_ssl:
            _accept_unverified()
        try:
            client = RESTClientObject(configuration)
        except Exception as error:  # noqa: BLE001  a proxy-url of a kind that is not installed, or no URL at all
            raise PermanentError("MVM-112", f"proxy-url of context {self._access.context!r}: {error}") from None
        self._connections.watch(client.pool_manager)
        return client


class _HttpStream:
    def __init__(self, transport: HttpTransport, request: Request, response: Any) -> None:
        self._transport = transport
        self._request = request
        self._response = response
        self._connection = response.connection or response._original_response

    def lines(self) -> Iterator[bytes]:
        """Complete lines as they come. A cut in the middle is a Problem, an orderly end is not."""
        rest = b""
        try:
            for chunk in self._chunks():
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line for line in lines if line.strip())
        except GeneratorExit:
            raise
        except Exception as error:  # noqa: BLE001  see above
            raise self._transport._failed(error, self._request) from None
        finally:
            self._response.close()
        if rest.strip():
            yield rest

    def _chunks(self) -> Iterator[bytes]:
        if self._response.chunked:
            yield from self._response.stream(_CHUNK)
            return
        while chunk := self._response.read1(_CHUNK):
            yield chunk

    def close(self) -> None:
        """Ends it, from any thread: a reader that waits wakes up with an error or the end."""
        shut_down(self._connection)


def _certificates(authority: bytes, context: str) -> str:
    """The PEM blocks alone: the TLS library wants ASCII, and comments between them may be anything."""
    blocks = _PEM.findall(authority)
    if not blocks:
        raise PermanentError("MVM-112", f"certificate-authority of context {context!r} holds no PEM certificate")
    return b"\n".join(blocks).decode("ascii", errors="replace") + "\n"


def _is_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _accept_unverified() -> None:
    """The kubeconfig itself says that the certificate is not to be verified; the library would warn each time."""
    import urllib3

    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
