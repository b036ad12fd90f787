"""Cases of the way to the VM, and of what the VM must be."""

from __future__ import annotations

import base64
import hashlib
import socket
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.failures.bench import JSON, Bench, Change, Run, both, machine, wait_until, without_samples
from tests.failures.cases import Seen, World, case

VM = "vm-2"
"""The machine on which nothing was ever installed."""


@case(World.DONE)
def host_unknown(bench: Bench) -> Seen:
    host = f"{bench.word}.invalid"
    return Seen(_apply(bench, host=host), {"host": host})


@case(World.DONE, f"ssh-refused:{VM}")
def ssh_refused(bench: Bench) -> Seen:
    place = _place(bench)

    def refused() -> bool:
        with socket.socket() as client:
            return client.connect_ex(place) != 0

    wait_until(refused, "the port is closed")
    return Seen(_apply(bench, user=bench.word), {"user": bench.word, "address": place[0]})


@case(World.DONE, f"ssh-silent:{VM}")
def ssh_silent(bench: Bench) -> Seen:
    return Seen(_apply(bench, user=bench.word), {"user": bench.word})


@case(World.DONE)
def host_key_unknown(bench: Bench) -> Seen:
    return Seen(_apply(bench, knownHost=""), {"fingerprint": _fingerprint(bench, VM)})


@case(World.DONE)
def host_key_changed(bench: Bench) -> Seen:
    address, port = _place(bench)
    other = ed25519.Ed25519PrivateKey.generate()
    known = bench.home / ".ssh" / "known_hosts"
    known.parent.mkdir(mode=0o700)
    known.write_text(f"[{address}]:{port} {_public(other)}\n", encoding="ascii")
    run = _apply(bench, knownHost="")
    return Seen(run, {"fingerprint": _fingerprint(bench, VM), "file": str(known), "known": _digest(other)})


@case(World.DONE)
def wrong_machine(bench: Bench) -> Seen:
    pinned = _fingerprint(bench, "vm-1")
    return Seen(_apply(bench, knownHost=pinned), {"pinned": pinned, "fingerprint": _fingerprint(bench, VM)})


@case(World.DONE)
def key_refused(bench: Bench) -> Seen:
    key = ed25519.Ed25519PrivateKey.generate()
    path = _key(bench.folder / "id", key)
    return Seen(_apply(bench, key=str(path), user=bench.word), {"user": bench.word, "key": _digest(key)})


@case(World.DONE)
def key_encrypted(bench: Bench) -> Seen:
    key = _key(bench.folder / bench.word, ed25519.Ed25519PrivateKey.generate(), b"passphrase")
    return Seen(_apply(bench, key=str(key)), {"path": str(key)})


@case(World.DONE, f"ssh-max-tries:{VM}")
def too_many_keys(bench: Bench) -> Seen:
    folder = bench.home / ".ssh"
    folder.mkdir(mode=0o700)
    _key(folder / "id_ed25519", ed25519.Ed25519PrivateKey.generate())
    _key(folder / "id_ecdsa", ec.generate_private_key(ec.SECP256R1()))
    return Seen(_apply(bench, key="", user=bench.word), {"user": bench.word})


@case(World.DONE, f"sudo-password:{VM}")
def sudo_password(bench: Bench) -> Seen:
    return Seen(_apply(bench, user=bench.word), {"user": bench.word})


@case(World.DONE, f"clock-off:{VM}=54325")
def clock_wrong(bench: Bench) -> Seen:
    return Seen(_apply(bench), {"seconds": "5432"})


@case(World.DONE)
def gateway_refused(bench: Bench) -> Seen:
    address = _made_up_address(bench)
    return Seen(_apply(bench, _gateway_at(address)), {"address": address})


@case(World.DONE)
def gateway_silent(bench: Bench) -> Seen:
    """A listener whose queue is full: further connections are not even refused."""
    address = _made_up_address(bench)
    with socket.create_server((address, 15012), backlog=0) as listener, ExitStack() as stack:
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        return Seen(_apply(bench, _gateway_at(address)), {"address": address})


@case(World.DONE)
def istiod_not_exposed(bench: Bench) -> Seen:
    path = "/apis/networking.istio.io/v1/namespaces/istio-system/virtualservices"
    found = bench.lab.api("GET", f"{path}/istiod-vs")
    bench.lab.api("DELETE", f"{path}/istiod-vs")

    def as_it_is(plan: JSON) -> None:
        plan["gateway"]["exposeIstiod"] = False

    try:
        run = _apply(bench, as_it_is)
    finally:
        kept = {"name": "istiod-vs", "namespace": "istio-system"}
        body = {"apiVersion": found["apiVersion"], "kind": "VirtualService", "metadata": kept, "spec": found["spec"]}
        bench.lab.api("PATCH", f"{path}/istiod-vs?fieldManager=meshvm-tui", body, "application/apply-patch+yaml")
    return Seen(run, {"address": _gateway(bench)})


@case(World.DONE, "wrong-certificate:{word}.example")
def certificate_of_another(bench: Bench) -> Seen:
    return Seen(_apply(bench), {"name": f"{bench.word}.example"})


@case(World.DONE, "package-404")
def package_missing(bench: Bench) -> Seen:
    url = f"{_package(bench).rpartition('/')[0]}/{bench.word}.deb"
    return Seen(_apply(bench, _sidecar(package=f"{url}?signature=secret")), {"url": url})


@case(World.DONE, "package-html:{word}")
def package_is_html(bench: Bench) -> Seen:
    return Seen(_apply(bench), {"title": bench.word})


@case(World.DONE)
def package_altered(bench: Bench) -> Seen:
    wanted = hashlib.sha256(bench.word.encode()).hexdigest()
    with urllib.request.urlopen(_package(bench), timeout=10) as answer:
        found = hashlib.sha256(answer.read()).hexdigest()
    return Seen(_apply(bench, _sidecar(sha256=wanted)), {"found": found, "wanted": wanted})


@case(World.DONE, "package-architecture:{word}")
def package_of_another_architecture(bench: Bench) -> Seen:
    return Seen(_apply(bench, _sidecar(sha256="")), {"architecture": bench.word})


@case(World.DONE, f"disk-full:{VM}=/opt/{{word}}")
def disk_full(bench: Bench) -> Seen:
    package = bench.folder / "istio-sidecar.deb"
    with urllib.request.urlopen(_package(bench), timeout=10) as answer:
        package.write_bytes(answer.read())
    return Seen(_apply(bench, _sidecar(package=str(package))), {"file": f"/opt/{bench.word}"})


@case(World.DONE)
def package_not_here(bench: Bench) -> Seen:
    path = bench.folder / f"{bench.word}.deb"
    return Seen(_apply(bench, _sidecar(package=str(path))), {"path": str(path)})


@case(World.DONE)
def port_taken(bench: Bench) -> Seen:
    """A server of another hand on the sample's port: its answers must never pass for ours."""
    port = 20000 + int(bench.word[1:5], 16) % 10000
    address, _ = _place(bench, "vm-1")
    bench.lab.inside(f"nohup python3 -m http.server {port} --bind {address} >/dev/null 2>&1 & echo $! >/tmp/other")
    wait_until(lambda: _listens(address, port), "the other server listens")

    def on_that_port(plan: JSON) -> None:
        plan["services"].update({"helloWorld": None, "vmService": None, "httpServer": {"port": port}})

    try:
        run = bench.apply(both(machine("vm-1"), on_that_port))
    finally:
        bench.lab.inside("kill $(cat /tmp/other)")
        wait_until(lambda: not _listens(address, port), "the other server is gone")
    return Seen(run, {"port": str(port)})


def _made_up_address(bench: Bench) -> str:
    digest = hashlib.sha256(bench.word.encode()).digest()
    return f"127.{digest[0] % 100 + 100}.{digest[1]}.{digest[2] % 200 + 1}"


def _gateway_at(address: str) -> Change:
    def change(plan: JSON) -> None:
        plan["gateway"]["address"] = address

    return change


def _listens(address: str, port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((address, port)) == 0


def _apply(bench: Bench, change: Change | None = None, *, host: str = "", **ssh: str) -> Run:
    """A run up to the sidecar of the fresh machine, with other words about the way to it."""

    def way(plan: JSON) -> None:
        plan["machines"][0]["ssh"].update(ssh)
        if host:
            plan["machines"][0]["host"] = host

    changes = [machine(VM), without_samples, way, *([change] if change else [])]
    return bench.apply(both(*changes))


def _sidecar(**changed: str) -> Change:
    def change(plan: JSON) -> None:
        plan["sidecar"].update(changed)

    return change


def _package(bench: Bench) -> str:
    return str(bench.offered()["sidecar"]["package"])


def _gateway(bench: Bench) -> str:
    path = "/api/v1/namespaces/istio-system/services/istio-eastwestgateway"
    return str(bench.lab.api("GET", path)["status"]["loadBalancer"]["ingress"][0]["ip"])


def _place(bench: Bench, name: str = VM) -> tuple[str, int]:
    found = next(item for item in bench.offered()["machines"] if item["name"] == name)
    return found["host"], found["ssh"]["port"]


def _fingerprint(bench: Bench, name: str) -> str:
    """As ssh-keygen prints it, from the key that the VM itself holds."""
    text = (bench.lab.state / "vms" / name / "ssh_host_ed25519_key").read_bytes()
    key = serialization.load_ssh_private_key(text, None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return _digest(key)


def _digest(key: ed25519.Ed25519PrivateKey) -> str:
    digest = hashlib.sha256(base64.b64decode(_public(key).split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _public(key: ed25519.Ed25519PrivateKey) -> str:
    form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return key.public_key().public_bytes(*form).decode()


def _key(path: Path, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, passphrase: bytes = b"") -> Path:
    protection = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, protection)
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return path
