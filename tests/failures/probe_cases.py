"""Cases of the requests that prove both directions."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.failures.bench import JSON, Bench, Change, Run, both, machine
from tests.failures.cases import CASES, Case, Seen, World, case

FLAGS = ("uh", "uf", "uo", "uc", "ur", "lr", "nc", "nr", "ut", "dc")
SERVED = "http://hello-vm.vm-namespace"


@case(World.DONE)
def name_not_resolved(bench: Bench) -> Seen:
    host = f"{bench.word}.vm-namespace"
    return Seen(_asked(bench, "vm", f"http://{host}"), {"host": host})


@case(World.DONE)
def connection_refused(bench: Bench) -> Seen:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        return Seen(_asked(bench, "vm", f"http://127.0.0.2:{port}"), {"place": f"127.0.0.2 port {port}"})


@case(World.DONE)
def connection_reset(bench: Bench) -> Seen:
    with _server(b"") as place:
        return Seen(_asked(bench, "vm", f"http://{place}/{bench.word}"), {"place": place})


@case(World.DONE)
def another_status(bench: Bench) -> Seen:
    words = f"no shelf {bench.word}"
    answer = f"HTTP/1.1 404 Not Found\r\ncontent-length: {len(words)}\r\n\r\n{words}"
    with _server(answer.encode()) as place:
        return Seen(_asked(bench, "vm", f"http://{place}/"), {"words": words})


@case(World.DONE, "firewall-closed")
def firewall_closed(bench: Bench) -> Seen:
    return Seen(_asked(bench, "cluster", f"{SERVED}/{bench.word}"), {"path": f"/{bench.word}"})


@case(World.DONE, "image-pull:{word}")
def curl_image_missing(bench: Bench) -> Seen:
    image = f"registry.example/{bench.word}:1"

    def pulled(plan: JSON) -> None:
        plan["probes"]["curlImage"] = image

    return Seen(_asked(bench, "cluster", SERVED, pulled), {"image": image})


@case(World.DONE, "sidecar-crash:iptables says {word}")
def pod_sidecar_crashing(bench: Bench) -> Seen:
    return Seen(_asked(bench, "cluster", SERVED), {"words": f"iptables says {bench.word}"})


@case(World.DONE, "webhook-unreachable:{word}")
def pod_not_admitted(bench: Bench) -> Seen:
    return Seen(_asked(bench, "cluster", SERVED), {"words": bench.word})


@case(World.DONE, "image-pull:{word}")
def sample_image_missing(bench: Bench) -> Seen:
    image = f"registry.example/{bench.word}:1"

    def sample(plan: JSON) -> None:
        plan["machines"] = []
        plan["services"] = {
            "helloWorld": {"namespace": bench.word, "image": image},
            "vmService": None,
            "httpServer": None,
        }

    try:
        return Seen(bench.apply(sample), {"image": image})
    finally:
        with contextlib.suppress(urllib.error.HTTPError):
            bench.lab.api("DELETE", f"/api/v1/namespaces/{bench.word}")


def _flag(flag: str) -> Callable[[Bench], Seen]:
    """503 (or Envoy's other ways to say no) with one response flag."""

    def make(bench: Bench) -> Seen:
        return Seen(_asked(bench, "cluster", f"{SERVED}/{bench.word}"), {"path": f"/{bench.word}"})

    return make


for _name in FLAGS:
    CASES[f"envoy-{_name}"] = Case(World.DONE, _flag(_name), (f"response-flag:{_name.upper()}",))


def _asked(bench: Bench, source: str, url: str, change: Change | None = None) -> Run:
    """A run with one probe, on the machine where everything is in place."""

    def one_probe(plan: JSON) -> None:
        plan["probes"] = {"requests": [{"from": source, "url": url}]}

    return bench.apply(both(machine("vm-1"), one_probe, *([change] if change else [])), timeout=1)


@contextmanager
def _server(answer: bytes) -> Iterator[str]:
    """A server that takes a request and answers so, or cuts the connection where there is no answer; its place."""
    with socket.create_server(("127.0.0.3", 0)) as listener:
        listener.settimeout(0.2)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = listener.accept()
                    with connection:
                        _answer(connection, answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.3:{listener.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


def _answer(connection: socket.socket, answer: bytes) -> None:
    connection.settimeout(5)
    connection.recv(4096)
    if answer:
        connection.sendall(answer)
    else:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
