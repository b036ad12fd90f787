"""The lab's istio-sidecar package: a true .deb, the same bytes at every build, and the server that gives it out."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import platform
import tarfile
import threading
from collections.abc import Mapping
from importlib.resources import files
from typing import Protocol

NAME = "istio-sidecar"
BUILT = 1_767_225_600  # every file's time, in seconds since the epoch
CONFFILES = ("/var/lib/istio/envoy/sidecar.env", "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json")
PLACES: Mapping[str, tuple[str, int]] = {
    "lib/systemd/system/istio.service": ("istio.service", 0o644),
    "usr/local/bin/envoy": ("envoy", 0o2755),
    "usr/local/bin/istio-start.sh": ("istio-start.sh", 0o755),
    "usr/local/bin/pilot-agent": ("pilot-agent", 0o2755),
    "var/lib/istio/envoy/envoy_bootstrap_tmpl.json": ("envoy_bootstrap_tmpl.json", 0o644),
    "var/lib/istio/envoy/sidecar.env": ("sidecar.env", 0o644),
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PACKAGE_404 = "package-404"
PACKAGE_HTML, PACKAGE_ARCHITECTURE = "package-html", "package-architecture"
PACKAGE_FAULTS = {
    PACKAGE_404: "The server of the sidecar package answers 404.",
    PACKAGE_HTML: "A proxy's login page comes instead of the sidecar package; a value is its title.",
    PACKAGE_ARCHITECTURE: "The sidecar package is built for another architecture: s390x, or the value.",
}


class FaultsLike(Protocol):
    """What the server needs of the lab's faults."""

    def active(self, name: str) -> bool:
        """Whether the fault is on."""

    def value(self, name: str) -> str:
        """What stands behind its colon."""


def build(version: str, architecture: str = "", others: Mapping[str, tuple[bytes, int]] | None = None) -> bytes:
    """The package of a version, for this computer's architecture where none is named.

    `others` are files by place, with mode, beside the usual ones or instead of them."""
    wanted = architecture or ARCHITECTURES.get(platform.machine(), platform.machine())
    contents = {place: (_file(name), mode) for place, (name, mode) in PLACES.items()} | dict(others or {})
    sums = "".join(
        f"{hashlib.md5(text, usedforsecurity=False).hexdigest()}  {place}\n"
        for place, (text, _) in contents.items()
        if f"/{place}" not in CONFFILES
    )
    size = sum(len(text) for text, _ in contents.values()) // 1024 + 1
    control = (
        f"Package: {NAME}\nVersion: {version}\nArchitecture: {wanted}\nMaintainer: meshvm-tui lab\n"
        f"Installed-Size: {size}\nDepends: iproute2, iptables, sudo, hostname\nSection: net\nPriority: optional\n"
        "Description: Istio sidecar of the meshvm-tui lab\n"
        " A stand-in that reads the same files in the same places.\n"
    )
    scripts = {
        "conffiles": ("".join(f"{place}\n" for place in CONFFILES).encode(), 0o644),
        "control": (control.encode(), 0o644),
        "md5sums": (sums.encode(), 0o644),
        "postinst": (_file("postinst"), 0o755),
    }
    members = {"debian-binary": b"2.0\n", "control.tar.gz": _tar(scripts), "data.tar.gz": _tar(contents)}
    return b"!<arch>\n" + b"".join(_member(name, content) for name, content in members.items())


def _file(name: str) -> bytes:
    return files("meshvm_tui.lab.guest").joinpath("package_files", name).read_bytes()


def _tar(contents: Mapping[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for folder in _folders(contents):
            archive.addfile(_info(f"./{folder}".rstrip("/") + "/", 0o755, tarfile.DIRTYPE))
        for place, (content, mode) in sorted(contents.items()):
            info = _info(f"./{place}", mode, tarfile.REGTYPE)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


def _folders(contents: Mapping[str, object]) -> list[str]:
    found = {""}
    for place in contents:
        parts = place.split("/")[:-1]
        found |= {"/".join(parts[: count + 1]) for count in range(len(parts))}
    return sorted(found)


def _info(name: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode, info.type, info.mtime = mode, kind, BUILT
    info.uname = info.gname = "root"
    return info


def _member(name: str, content: bytes) -> bytes:
    header = f"{name:<16}{BUILT:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
    return header + content + b"\n" * (len(content) % 2)


class PackageServer:
    """Serves the package of one version over HTTP, as the release bucket does."""

    def __init__(self, address: str, port: int, version: str, faults: FaultsLike) -> None:
        content = build(version)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._path = f"/releases/{version}/deb/istio-sidecar.deb"
        arm = self._path.replace(".deb", "-arm64.deb")
        self._faults, self._version = faults, version
        sum_line = f"{self.sha256} istio-sidecar.deb\n".encode()
        self._files = {self._path: content, f"{self._path}.sha256": sum_line, arm: build(version, "arm64")}
        self._server = http.server.ThreadingHTTPServer((address, port), self._handler(), bind_and_activate=False)
        self._server.daemon_threads = True
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the package is; known once started where port 0 was asked for."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}{self._path}"

    def start(self) -> None:
        """Opens the port; raises OSError where it is taken."""
        self._server.server_bind()
        self._server.server_activate()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="packages", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Closes the port."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        found, faults, version = self._files, self._faults, self._version

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = _tampered(found.get(self.path), version, faults)
                self.send_response(200 if content else 404)
                body = content or b"<Error><Code>NoSuchKey</Code></Error>\n"
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Says nothing: standard error is the lab's."""

        return Handler


def _tampered(content: bytes | None, version: str, faults: FaultsLike) -> bytes | None:
    """What is sent instead of a file while a fault is on; None for no such file."""
    if content is None or faults.active(PACKAGE_404):
        return None
    if faults.active(PACKAGE_HTML):
        title = faults.value(PACKAGE_HTML) or "Please log in"
        return f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body></body></html>\n".encode()
    if faults.active(PACKAGE_ARCHITECTURE):
        return build(version, faults.value(PACKAGE_ARCHITECTURE) or "s390x")
    return content
