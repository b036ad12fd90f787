"""curl over HTTP and TLS, with curl's exit codes and words; names of the mesh go through the VM's sidecar."""

from __future__ import annotations

import socket
import sys
import time
from dataclasses import dataclass, field

from meshvm_tui.lab.guest.tools import ground, metadata_server, users
from meshvm_tui.lab.guest.tools.http_exchange import Answer, Failed, exchange, issuer, tls

SIDECAR_PORT = 15001
VALUED = {"-o": "output", "--output": "output", "-w": "write", "--write-out": "write", "-m": "max_time"}
VALUED |= {"--max-time": "max_time", "--connect-timeout": "connect_timeout", "--cacert": "cacert", "-X": "method"}
VALUED |= {"--request": "method", "-H": "header", "--header": "header", "--resolve": "resolve", "-A": "agent"}
VALUED |= {"--user-agent": "agent", "-d": "data", "--data": "data", "--retry": "", "--retry-delay": "", "--proto": ""}
PLAIN = {"--silent": "s", "--show-error": "S", "--fail": "f", "--location": "L", "--remote-name": "O", "--head": "I"}
PLAIN |= {
    "--insecure": "k",
    "--include": "i",
    "--verbose": "v",
    "--tlsv1.2": "",
    "--retry-connrefused": "",
    "--compressed": "",
}


@dataclass
class Wanted:
    """What the command line asks for."""

    letters: str = ""
    urls: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    headers: list[str] = field(default_factory=list)
    resolve: dict[str, str] = field(default_factory=dict)


@dataclass
class Told:
    """What -w can say."""

    started: float
    http_code: int = 0
    remote_ip: str = ""
    remote_port: int = 0
    size: int = 0
    redirect: str = ""


def main(arguments: list[str]) -> int:
    """curl [-sSfLOIik] [-o FILE] [-w FORMAT] [--max-time N] [--cacert FILE] [--resolve HOST:PORT:ADDRESS] URL..."""
    wanted = _read(arguments)
    if not wanted.urls:
        ground.say("curl: no URL specified!")
        return 2
    code = 0
    for url in wanted.urls:
        told = Told(time.monotonic())
        try:
            code = _fetch(wanted, url, told)
        except Failed as failure:
            code = failure.code
            if "s" not in wanted.letters or "S" in wanted.letters:
                ground.say(f"curl: ({failure.code}) {failure}")
        if "write" in wanted.values:
            sys.stdout.flush()
            sys.stdout.write(_told(wanted.values["write"], told, code))
    return code


def _read(arguments: list[str]) -> Wanted:
    wanted = Wanted()
    words = list(arguments)
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if word in VALUED or (equals and name in VALUED and word.startswith("--")):
            _take(
                wanted,
                VALUED[name if equals and word not in VALUED else word],
                value if equals and word not in VALUED else _next(words),
            )
        elif word.startswith("--"):
            wanted.letters += PLAIN.get(word, "")
        elif word.startswith("-") and word != "-":
            for index, letter in enumerate(word[1:], 1):
                if f"-{letter}" in VALUED:
                    _take(wanted, VALUED[f"-{letter}"], word[index + 1 :] or _next(words))
                    break
                wanted.letters += letter
        else:
            wanted.urls.append(word)
    return wanted


def _next(words: list[str]) -> str:
    return words.pop(0) if words else ""


def _take(wanted: Wanted, name: str, value: str) -> None:
    if name == "header":
        wanted.headers.append(value)
    elif name == "resolve":
        host, port, address = value.split(":", 2)
        wanted.resolve[f"{host}:{port}"] = address.strip("[]")
    elif name:
        wanted.values[name] = value


def _fetch(wanted: Wanted, url: str, told: Told) -> int:
    deadline = time.monotonic() + float(wanted.values.get("max_time", 300))
    for _ in range(20):
        answer = _request(wanted, url, told, deadline)
        told.http_code, told.size = answer.status, len(answer.body)
        place = answer.headers.get("location", "")
        if "L" in wanted.letters and answer.status in (301, 302, 303, 307, 308) and place:
            url = place if "://" in place else url.rsplit("/", 1)[0] + "/" + place.lstrip("/")
            continue
        break
    else:
        raise Failed(47, "Maximum (20) redirects followed")
    if "f" in wanted.letters and answer.status >= 400:
        raise Failed(22, f"The requested URL returned error: {answer.status}")
    head = answer.head if {"i", "I"} & set(wanted.letters) else b""
    _write(wanted, url, head + answer.body)
    return 0


def _request(wanted: Wanted, url: str, told: Told, deadline: float) -> Answer:
    scheme, _, rest = url.partition("://") if "://" in url else ("http", "", url)
    if scheme not in ("http", "https"):
        raise Failed(1, f'Protocol "{scheme}" not supported')
    authority, slash, path = rest.partition("/")
    if "?" in authority:
        authority, _, query = authority.partition("?")
        slash, path = "/", f"?{query}{slash}{path}"
    host, _, port_text = authority.partition(":")
    if not host or (port_text and not port_text.isdigit()):
        raise Failed(3, "URL using bad/illegal format or missing URL")
    port = int(port_text or (443 if scheme == "https" else 80))
    patience = min(float(wanted.values.get("connect_timeout", 300)), max(0.001, deadline - time.monotonic()))
    if scheme == "http" and (said := metadata_server.answer(host, path, wanted.headers)) is not None:
        told.remote_ip, told.remote_port = metadata_server.ADDRESS, port
        return said
    connection = _connect(wanted, host, port, patience, told)
    try:
        if scheme == "https":
            secured = tls(
                connection,
                host,
                cacert=wanted.values.get("cacert", ""),
                insecure="k" in wanted.letters,
                deadline=deadline,
                port=port,
            )
            if "v" in wanted.letters:
                ground.say(f"*  issuer: {issuer(secured)}")
            connection = secured
        method = wanted.values.get("method") or (
            "HEAD" if "I" in wanted.letters else "POST" if "data" in wanted.values else "GET"
        )
        lines = [f"{method} /{path} HTTP/1.1", f"Host: {authority}", "Accept: */*", "Connection: close"]
        lines.append(f"User-Agent: {wanted.values.get('agent', 'curl/7.88.1')}")
        data = wanted.values.get("data", "").encode()
        if data:
            lines.append(f"Content-Length: {len(data)}")
        head = "\r\n".join([*lines, *wanted.headers, "", ""]).encode()
        return exchange(connection, head + data, deadline, told.started, bodiless=method == "HEAD")
    finally:
        connection.close()


def _connect(wanted: Wanted, host: str, port: int, patience: float, told: Told) -> socket.socket:
    pinned = wanted.resolve.get(f"{host}:{port}", "")
    mesh = {} if pinned else users.mesh_names()
    found = pinned or _address(host)
    if not found:
        raise Failed(6, f"Could not resolve host: {host}")
    told.remote_ip, told.remote_port = found, port
    if not pinned and found in mesh.values():
        connection = _open(ground.ADDRESS, SIDECAR_PORT, patience, host, port)
        connection.sendall(f"CONNECT {host}:{port}\n".encode())
        return connection
    return _open(found, port, patience, host, port)


def _address(host: str) -> str:
    found = users.resolve(host)
    address = found[0][0] if found else ""
    return ground.ADDRESS if address in ("127.0.0.1", "::1", "0.0.0.0") else address


def _open(address: str, port: int, patience: float, host: str, named_port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    began = time.monotonic()
    try:
        # From the VM's own address, so that firewalls and logs see the VM and not the computer.
        if address.startswith("127."):
            connection.bind((ground.ADDRESS, 0))
        connection.settimeout(patience)
        connection.connect((address, port))
    except TimeoutError:
        connection.close()
        raise Failed(
            28, f"Failed to connect to {host} port {named_port} after {int(patience * 1000)} ms: Timeout was reached"
        ) from None
    except OSError:
        connection.close()
        took = int((time.monotonic() - began) * 1000)
        raise Failed(
            7, f"Failed to connect to {host} port {named_port} after {took} ms: Couldn't connect to server"
        ) from None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _write(wanted: Wanted, url: str, content: bytes) -> None:
    target = wanted.values.get("output", "")
    if "O" in wanted.letters:
        target = url.split("?", maxsplit=1)[0].rsplit("/", 1)[-1]
    if not target or target == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    if ground.fault("disk-full") is not None and not target.startswith("/dev/"):
        raise Failed(23, "Failure writing output to destination")
    try:
        with open(target, "wb") as out:
            out.write(content)
    except OSError as error:
        ground.say(f"Warning: Failed to open the file {target}: {error.strerror}")
        raise Failed(23, "Failure writing output to destination") from None


def _told(form: str, told: Told, code: int) -> str:
    values = {
        "http_code": f"{told.http_code:03d}",
        "response_code": f"{told.http_code:03d}",
        "time_total": f"{time.monotonic() - told.started:.6f}",
        "remote_ip": told.remote_ip if told.http_code or code not in (6, 7, 28) else "",
        "remote_port": str(told.remote_port),
        "size_download": str(told.size),
        "exitcode": str(code),
    }
    for name, value in values.items():
        form = form.replace(f"%{{{name}}}", value)
    return form.replace("\\n", "\n").replace("\\t", "\t")
