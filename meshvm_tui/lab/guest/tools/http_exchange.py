"""One HTTP/1.1 request over an open connection, and TLS over one, failing with curl's codes and words."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshvm_tui.lab.guest.tools import ground

if TYPE_CHECKING:
    import ssl


class Failed(Exception):
    """What curl says and exits with."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass
class Answer:
    """A response; header names are in lower case."""

    status: int
    head: bytes
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def exchange(connection: socket.socket, request: bytes, deadline: float, began: float, bodiless: bool) -> Answer:
    """Sends a request and reads its answer. Raises Failed."""
    try:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        connection.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            part = _receive(connection, deadline)
            if not part:
                raise (
                    Failed(52, "Empty reply from server")
                    if not data
                    else Failed(56, "Recv failure: Connection was cut")
                )
            data += part
            if len(data) >= 5 and not data.startswith(b"HTTP/"):
                raise Failed(1, "Received HTTP/0.9 when not allowed")
        head, _, rest = data.partition(b"\r\n\r\n")
        answer = _parsed(head)
        if not bodiless and answer.status not in (204, 304):
            answer.body = _body(connection, answer, rest, deadline)
        return answer
    except TimeoutError:
        took = int((time.monotonic() - began) * 1000)
        raise Failed(28, f"Operation timed out after {took} milliseconds with 0 bytes received") from None
    except ConnectionResetError:
        raise Failed(56, "Recv failure: Connection reset by peer") from None
    except OSError as error:
        raise Failed(56, f"Recv failure: {error.strerror or error}") from None


def _receive(connection: socket.socket, deadline: float) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(65536)


def _parsed(head: bytes) -> Answer:
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split()
    answer = Answer(int(words[1]) if len(words) > 1 and words[1].isdigit() else 0, head + b"\r\n\r\n")
    for line in lines[1:]:
        name, _, value = line.partition(":")
        answer.headers[name.strip().lower()] = value.strip()
    return answer


def _body(connection: socket.socket, answer: Answer, rest: bytes, deadline: float) -> bytes:
    if answer.headers.get("transfer-encoding", "").lower() == "chunked":
        while not (rest == b"0\r\n\r\n" or rest.endswith(b"\r\n0\r\n\r\n")):
            part = _receive(connection, deadline)
            if not part:
                raise Failed(18, "transfer closed with outstanding read data remaining")
            rest += part
        return _joined(rest)
    length = answer.headers.get("content-length", "")
    while not length or len(rest) < int(length):
        part = _receive(connection, deadline)
        if not part:
            break
        rest += part
    if length and len(rest) < int(length):
        raise Failed(18, f"transfer closed with {int(length) - len(rest)} bytes remaining to read")
    return rest[: int(length)] if length else rest


def _joined(chunks: bytes) -> bytes:
    body = b""
    while chunks:
        size_text, _, chunks = chunks.partition(b"\r\n")
        size = int(size_text.split(b";")[0], 16)
        body += chunks[:size]
        chunks = chunks[size + 2 :] if size else b""
    return body


def tls(
    connection: socket.socket, host: str, *, cacert: str, insecure: bool, deadline: float, port: int
) -> ssl.SSLSocket:
    """A TLS connection to `host` over an open one. Raises Failed; the plain connection is then closed."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif cacert:
        try:
            with open(cacert, encoding="utf-8") as source:
                context.load_verify_locations(cadata=source.read())
        except (OSError, ssl.SSLError, ValueError):
            connection.close()
            raise Failed(77, f"error setting certificate file: {cacert}") from None
    else:
        context.load_default_certs()
    try:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        secured = context.wrap_socket(connection, server_hostname=host)
        if not insecure:
            _in_time(secured)
    except ssl.SSLCertVerificationError as error:
        connection.close()
        raise Failed(60, _certificate_words(error, host)) from None
    except TimeoutError:
        connection.close()
        raise Failed(28, "SSL connection timeout") from None
    except OSError as error:
        connection.close()
        words = "Connection reset by peer" if isinstance(error, ConnectionResetError) else "SSL_ERROR_SYSCALL"
        raise Failed(35, f"OpenSSL SSL_connect: {words} in connection to {host}:{port}") from None
    return secured


def issuer(secured: ssl.SSLSocket) -> str:
    """Who issued the certificate of the other side, as `curl -v` prints it."""
    import ssl
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
        pem.write(ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True) or b""))
        pem.flush()
        # Only this function reads a certificate that was not verified, without a library beyond Python's own.
        decoded = ssl._ssl._test_decode_cert(pem.name)  # type: ignore[attr-defined]
    short = {"organizationName": "O", "commonName": "CN", "countryName": "C", "organizationalUnitName": "OU"}
    return "; ".join(f"{short.get(kind, kind)}={value}" for part in decoded["issuer"] for kind, value in part)


def _in_time(secured: ssl.SSLSocket) -> None:
    import ssl

    certificate = secured.getpeercert() or {}
    moment = ground.now()
    for name, early in (("notBefore", True), ("notAfter", False)):
        limit = ssl.cert_time_to_seconds(str(certificate.get(name, "")))
        if (moment < limit) if early else (moment > limit):
            secured.close()
            words = "certificate is not yet valid" if early else "certificate has expired"
            raise Failed(60, f"SSL certificate problem: {words}")


def _certificate_words(error: ssl.SSLCertVerificationError, host: str) -> str:
    if "ostname mismatch" in error.verify_message or "IP address mismatch" in error.verify_message:
        return f"SSL: no alternative certificate subject name matches target host name '{host}'"
    return f"SSL certificate problem: {error.verify_message}"
