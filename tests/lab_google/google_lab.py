"""The lab's Google APIs in a thread of their own, with VMs that are only noted, and the judge at every request.

Each request of a client library that uses `requests`, and each answer to it, is judged by Google's discovery documents.
"""

from __future__ import annotations

import asyncio
import functools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.faults import CATALOG, Faults
from meshvm_tui.lab.google import operations
from meshvm_tui.lab.google.api import GoogleApi
from meshvm_tui.lab.google.catalogue import ACCOUNT, PROJECT
from meshvm_tui.lab.google.credentials import write_service_account_key
from meshvm_tui.lab.google.faults import GOOGLE_FAULTS
from meshvm_tui.lab.google.state import Cloud
from meshvm_tui.lab.google.tokens import CLOUD_PLATFORM, EMAIL_SCOPE, private_pem
from meshvm_tui.lab.google.world import CloudWorld, LabCluster
from tests.google.discovery import judge, judge_answer

JSON = dict[str, Any]
ZONE = "us-central1-a"
POD_RANGE = "10.8.0.0/14"
COMPUTE = f"/compute/v1/projects/{PROJECT}"
INSTANCES = f"{COMPUTE}/zones/{ZONE}/instances"
DEADLINE = 10.0  # seconds


@dataclass
class NotedHost:
    """Notes what is done to VMs. While `free` is not set, no addresses are given, and while `quick` is not, no boot
    ends; `broken` makes a boot fail, `full` that there is no address left."""

    done: list[tuple[str, str]] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    free: threading.Event = field(default_factory=threading.Event)
    quick: threading.Event = field(default_factory=threading.Event)
    broken: str = ""
    full: bool = False

    def __post_init__(self) -> None:
        self.free.set()
        self.quick.set()

    def addresses(self, name: str) -> tuple[str, str]:
        """Two addresses of this name."""
        assert self.free.wait(DEADLINE)
        if self.full:
            raise OSError("no address is left")
        number = sum(name.encode()) % 200 + 2
        return f"127.9.1.{number}", f"127.9.2.{number}"

    def boot(self, name: str, instance: JSON) -> None:
        """Notes it."""
        assert instance["status"] == "RUNNING"
        assert self.quick.wait(DEADLINE)
        self.done.append(("boot", name))
        if self.broken:
            raise OSError(self.broken)
        self.running.add(name)

    def halt(self, name: str) -> None:
        """Notes it."""
        self.done.append(("halt", name))
        self.running.discard(name)

    def delete(self, name: str) -> None:
        """Notes it."""
        self.done.append(("delete", name))
        self.running.discard(name)

    def host_keys(self, name: str) -> Mapping[str, str]:
        """One, while it runs."""
        return {"ssh-ed25519": "QUFBQQ=="} if name in self.running else {}

    def serial(self, name: str) -> str:
        """A line."""
        return f"{name} login: \n"


class GoogleLab:
    """A running API. `said` is everything that Google's documents have against requests and answers."""

    def __init__(self, state: Path, seed: int = 0) -> None:
        CATALOG.update(GOOGLE_FAULTS)
        self.state = state
        self.host = NotedHost()
        self.clock = Clock(state / "clock")
        self.faults = Faults(state / "faults")
        self.cloud = Cloud(state, self.clock, self.faults, seed)
        self.said: list[str] = []
        cluster = LabCluster("127.9.0.2:6443", "-----BEGIN CERTIFICATE-----\n", POD_RANGE)
        self._world = CloudWorld(self.host, cluster)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._api: GoogleApi | None = None
        self.url = ""

    def start(self) -> None:
        """Listens."""
        self._thread.start()
        (self.state / "google" / "service-account-key.pem").write_text(one_key(), encoding="ascii")
        self._api = self._call(self._make())
        self.url = self._call(self._api.start("127.0.0.1"))

    def stop(self) -> None:
        """Ends it, with its thread."""
        assert self._api is not None
        self._call(self._api.stop())
        self._call(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)
        self._loop.close()
        self.cloud.close()

    def key_file(self) -> Path:
        """A service account key for the token endpoint here."""
        return write_service_account_key(self.state, self.cloud.tokens, self.url)

    def token(self, email: str = ACCOUNT) -> str:
        """An access token for everything."""
        return self.cloud.tokens.mint(email, [CLOUD_PLATFORM, EMAIL_SCOPE])

    def ask(self, method: str, path: str, body: JSON | None = None, **query: str) -> tuple[int, JSON]:
        """One request with a good token: the status and the JSON."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        with requests.Session() as session:
            answer = session.request(method, self.url + path, params=query, json=body, headers=headers, timeout=10)
            return answer.status_code, answer.json()

    def finish(self, operation: JSON) -> JSON:
        """Waits for an operation as a client does; gives it when it is done, however it ended."""
        path = "/compute/v1/" + operation["selfLink"].partition("/compute/v1/")[2]
        for _ in range(100):
            status, operation = self.ask("POST", f"{path}/wait")
            assert status == 200, operation
            if operation["status"] == "DONE":
                return operation
        raise AssertionError(f"{operation['name']} is not done")

    def log(self) -> list[JSON]:
        """The requests so far."""
        lines = (self.state / "google-requests.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    async def _make(self) -> GoogleApi:
        return GoogleApi(self.cloud, self._world)

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE)


@functools.cache
def one_key() -> str:
    """A service account's private key for all tests: making one takes long."""
    return private_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


@contextmanager
def google_lab(state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleLab]:
    """A lab, with the judge behind `requests`; at the end nothing may have been said against anything."""
    monkeypatch.setattr(operations, "LONGEST", operations.SHORTEST)
    lab = GoogleLab(state)
    lab.start()
    monkeypatch.setattr(requests.Session, "send", _judged(lab, requests.Session.send))
    try:
        yield lab
    finally:
        lab.stop()
    assert lab.said == []


def api_of(path: str) -> str:
    """Which API a path is of, by the documents."""
    if path.startswith("/compute/"):
        return "compute"
    parts = {"/clusters": "container", "/services": "serviceusage", "/users/": "oslogin"}
    for part, api in parts.items():
        if part in path:
            return api
    return "iamcredentials" if "/serviceAccounts/" in path else "cloudresourcemanager"


def wrong_requests(log: list[JSON]) -> list[str]:
    """What Google's documents have against logged requests that were answered."""
    said = []
    for line in log:
        if line["api"] not in ("oauth2", "iap") and line["status"] in (0, 200):
            wrong = judge(line["api"], line["method"], line["path"], line["query"], line["body"])
            said += [f"{line['method']} {line['path']}: {words}" for words in wrong]
    return said


def _judged(lab: GoogleLab, send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    def judging(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        answer = send(session, request, **more)
        parts = urlsplit(str(request.url))
        path = unquote(parts.path)
        if path not in ("/token", "/batch/compute/v1") and answer.status_code == 200:
            api, method = api_of(path), str(request.method)
            body = json.loads(request.body) if request.body else None
            said = judge(api, method, path, parse_qs(parts.query), body) + judge_answer(
                api, method, path, answer.json()
            )
            lab.said += [f"{method} {path}: {words}" for words in said]
        return answer

    return judging


def instance_body(name: str = "my-mesh-vm", **more: Any) -> JSON:
    """What gcloud sends for an instance."""
    return {
        "name": name,
        "machineType": f"zones/{ZONE}/machineTypes/n1-standard-2",
        "disks": [
            {
                "boot": True,
                "autoDelete": True,
                "initializeParams": {"sourceImage": "projects/debian-cloud/global/images/family/debian-12"},
            }
        ],
        "networkInterfaces": [
            {
                "network": "global/networks/default",
                "accessConfigs": [{"name": "external-nat", "type": "ONE_TO_ONE_NAT"}],
            }
        ],
        "tags": {"items": ["mesh-vm"]},
        **more,
    }


def until(holds: Callable[[], bool]) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def make(lab: GoogleLab, **more: Any) -> JSON:
    """An instance that runs."""
    status, operation = lab.ask("POST", INSTANCES, instance_body(**more))
    assert status == 200, operation
    done = lab.finish(operation)
    assert "error" not in done
    return lab.ask("GET", f"{INSTANCES}/{more.get('name', 'my-mesh-vm')}")[1]


def metadata(**items: str) -> JSON:
    """A metadata body; _ stands for -."""
    return {"items": [{"key": key.replace("_", "-"), "value": value} for key, value in items.items()]}
