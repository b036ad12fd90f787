"""The lab's Google world: what exists, who may come in, and what the firewall lets through. It lasts on disk."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import random
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.faults import Faults
from meshvm_tui.lab.google import catalogue, firewalls, ssh_keys
from meshvm_tui.lab.google.os_login import profile_keys
from meshvm_tui.lab.google.request_log import GoogleRequestLog
from meshvm_tui.lab.google.ssh_keys import AuthorizedKey
from meshvm_tui.lab.google.tokens import EMAIL_SCOPE, GoogleTokens

JSON = dict[str, Any]
_SERVICES = ("compute", "container", "oslogin", "serviceusage", "cloudresourcemanager", "iamcredentials", "iap")


class Cloud:
    """The world in `state`/google, and the log in `state`/google-requests.jsonl. Threads may share it.

    `data` is the world as JSON, for the APIs: whoever reads or changes it holds `lock`, and calls `save` after a
    change."""

    def __init__(self, state: Path, clock: Clock, faults: Faults, seed: int = 0) -> None:
        folder = state / "google"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clock = clock
        self.faults = faults
        self.seed = seed
        self.tokens = GoogleTokens(folder, clock)
        self.lock = threading.RLock()
        self._file = folder / "world.json"
        self._log = GoogleRequestLog(state / "google-requests.jsonl", clock)
        self.data = self._read()

    def close(self) -> None:
        """Closes the log; the world is on disk already."""
        self._log.close()

    def instance(self, name: str) -> JSON | None:
        """A copy of the instance of that name, in whatever zone."""
        with self.lock:
            return copy.deepcopy(self.find(name))

    def add_running(self, name: str, addresses: tuple[str, str], zone: str = "us-central1-a") -> None:
        """An instance that runs already, with its internal and external address: a VM that the lab made by itself.

        Where it is known already only its addresses are set."""
        with self.lock:
            known = self.find(name)
            if known is None:
                known = _existing(name, zone, self.fresh_id(), self.timestamp())
                self.instances[name] = known
            nic = known["networkInterfaces"][0]
            nic["networkIP"], nic["accessConfigs"][0]["natIP"] = addresses
            self.save()

    def keys_for(self, name: str) -> tuple[AuthorizedKey, ...]:
        """The keys that open an instance now: of its metadata and the project's, or of OS Login where that is on.

        Each is (user, "type base64", when it ends in seconds since the epoch or None). Expired ones are left out;
        google-no-agent leaves out those of metadata."""
        now = self.clock.now()
        with self.lock:
            found = self.find(name)
            if found is None:
                return ()
            own, shared = ssh_keys.items(found["metadata"]), ssh_keys.items(self.project_metadata())
            own_word = ssh_keys.is_true(own, "enable-oslogin")
            if ssh_keys.is_true(shared, "enable-oslogin") if own_word is None else own_word:
                return profile_keys(self.data["osLogin"], now)
            return () if self.faults.active("google-no-agent") else ssh_keys.metadata_keys(own, shared, now)

    def allows(self, source: str, name: str, port: int, *, ssh_port: int = 2222) -> bool:
        """Whether the firewall lets TCP from an address to a port of an instance. Rules for port 22 count for
        `ssh_port`, where the lab's VMs have their SSH server. No rule means no, an unknown instance too."""
        ports = (port, firewalls.SSH) if port == ssh_port else (port,)
        with self.lock:
            found = self.find(name)
            if found is None:
                return False
            return firewalls.allows(self.firewalls.values(), self.instances.values(), found, source, ports)

    def token_email(self, token: str) -> str | None:
        """Whose access token this is; None where it is not of this lab, or has expired.

        Without the scope userinfo.email Google tells nobody the email: a service account is a number then."""
        bearer = None if self.faults.active("google-login-expired") else self.tokens.bearer(token)
        if bearer is None:
            return None
        return bearer.email if EMAIL_SCOPE in bearer.scopes else catalogue.ACCOUNTS.get(bearer.email, "1")

    def log(
        self, *, api: str, method: str, path: str, query: Mapping[str, str | Sequence[str]], body: Any, status: int
    ) -> None:
        """One line in google-requests.jsonl; for parts of Google that are not behind `GoogleApi` (api "iap")."""
        self._log.write(api=api, method=method, path=path, query=query, body=body, status=status)

    @property
    def instances(self) -> dict[str, JSON]:
        """The instances by name: the lab has no two of one name in different zones."""
        found: dict[str, JSON] = self.data["instances"]
        return found

    @property
    def firewalls(self) -> dict[str, JSON]:
        """The firewall rules by name."""
        found: dict[str, JSON] = self.data["firewalls"]
        return found

    def find(self, name: str) -> JSON | None:
        """The instance itself."""
        return self.instances.get(name)

    def project_metadata(self) -> JSON:
        """commonInstanceMetadata, as the fault google-oslogin leaves it."""
        metadata: JSON = copy.deepcopy(self.data["projectMetadata"])
        if self.faults.active("google-oslogin"):
            kept = [item for item in metadata.get("items", []) if item["key"] != "enable-oslogin"]
            metadata["items"] = [*kept, {"key": "enable-oslogin", "value": "TRUE"}]
        return metadata

    def fresh_id(self) -> str:
        """An id that nothing has had."""
        self.data["count"] += 1
        return str(random.Random(f"{self.seed}/{self.data['count']}").randint(10**18, 9 * 10**18))

    def timestamp(self) -> str:
        """Now, as Compute Engine writes it."""
        return self.clock.timestamp().replace("Z", ".000+00:00")

    def save(self) -> None:
        """Writes the world, whole or not at all."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self.data, indent=1), encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(self._file)

    def _read(self) -> JSON:
        try:
            found: JSON = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return _new_world()
        return found


def fingerprint(content: object, salt: str = "") -> str:
    """A fingerprint as Google's look: eight bytes in base64, in the form that is safe in URLs."""
    text = json.dumps(content, sort_keys=True) + salt
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def _new_world() -> JSON:
    return {
        "count": 0,
        "instances": {},
        "firewalls": {rule["name"]: rule for rule in catalogue.default_firewalls()},
        "operations": {},
        "guests": {},
        "requests": {},
        "osLogin": {},
        "projectMetadata": {"kind": "compute#metadata", "fingerprint": fingerprint([]), "items": []},
        "services": [f"{name}.googleapis.com" for name in _SERVICES],
    }


def _existing(name: str, zone: str, number: str, made: str) -> JSON:
    """An instance with nothing special about it."""
    path = f"projects/{catalogue.PROJECT}/zones/{zone}"
    nic = {
        "kind": "compute#networkInterface",
        "name": "nic0",
        "network": catalogue.link(f"projects/{catalogue.PROJECT}/global/networks/default"),
        "subnetwork": catalogue.link(
            f"projects/{catalogue.PROJECT}/regions/{catalogue.ZONES[zone]}/subnetworks/default"
        ),
        "fingerprint": fingerprint(name),
        "stackType": "IPV4_ONLY",
        "accessConfigs": [{"kind": "compute#accessConfig", "type": "ONE_TO_ONE_NAT", "name": "external-nat"}],
    }
    disk = {"kind": "compute#attachedDisk", "type": "PERSISTENT", "mode": "READ_WRITE", "boot": True, "index": 0}
    return {
        "kind": "compute#instance",
        "id": number,
        "creationTimestamp": made,
        "name": name,
        "status": "RUNNING",
        "zone": catalogue.link(path),
        "selfLink": catalogue.link(f"{path}/instances/{name}"),
        "machineType": catalogue.link(f"{path}/machineTypes/e2-small"),
        "networkInterfaces": [nic],
        "disks": [{**disk, "deviceName": name, "autoDelete": True, "diskSizeGb": "10"}],
        "metadata": {"kind": "compute#metadata", "fingerprint": fingerprint([])},
        "tags": {"fingerprint": fingerprint(["backend"], "tags"), "items": ["backend"]},
        "labelFingerprint": fingerprint({}, "labels"),
        "canIpForward": False,
        "deletionProtection": False,
        "lastStartTimestamp": made,
    }
