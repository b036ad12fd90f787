"""OS Login: SSH keys that belong to a Google account instead of an instance (oslogin.googleapis.com v1)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from meshvm_tui.lab.google.catalogue import ACCOUNTS, PROJECT
from meshvm_tui.lab.google.errors import GoogleError, denied
from meshvm_tui.lab.google.routes import Call, Route
from meshvm_tui.lab.google.ssh_keys import AuthorizedKey

if TYPE_CHECKING:
    from meshvm_tui.lab.google.state import Cloud

JSON = dict[str, Any]
_KEY = re.compile(r"(?:ssh-(?:rsa|ed25519)|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/]+={0,2}(?: .*)?")
_MICRO = 1_000_000


def profile_keys(profiles: dict[str, dict[str, JSON]], now: float) -> tuple[AuthorizedKey, ...]:
    """The keys of every account's profile that have not expired."""
    found = []
    for email, keys in profiles.items():
        for key in keys.values():
            ends = int(key["expirationTimeUsec"]) / _MICRO if key.get("expirationTimeUsec") else None
            if ends is None or ends > now:
                found.append((username(email), " ".join(key["key"].split()[:2]), ends))
    return tuple(found)


def username(email: str) -> str:
    """The POSIX name of an account; a service account's holds its number."""
    if email in ACCOUNTS:
        return f"sa_{ACCOUNTS[email]}"
    return re.sub(r"[^a-z0-9]", "_", email.lower())


class OsLogin:
    """The API."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def routes(self) -> list[Route]:
        """Its methods."""
        user = "v1/users/{user}"
        return [
            Route("oslogin", "POST", f"{user}:importSshPublicKey", "users.importSshPublicKey", self._import),
            Route("oslogin", "GET", f"{user}/loginProfile", "users.getLoginProfile", self._get),
            Route("oslogin", "GET", f"{user}/sshPublicKeys/{{key}}", "users.sshPublicKeys.get", self._get_key),
            Route("oslogin", "DELETE", f"{user}/sshPublicKeys/{{key}}", "users.sshPublicKeys.delete", self._delete),
        ]

    def _import(self, call: Call) -> JSON:
        keys = self._keys(call)
        text = str(call.body.get("key", "")).strip()
        if not _KEY.fullmatch(text):
            raise GoogleError(400, "Invalid SSH public key.")
        unknown = set(call.body) - {"key", "expirationTimeUsec", "fingerprint", "name"}
        if unknown:
            raise GoogleError(400, f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot find field.')
        ends = str(call.body.get("expirationTimeUsec", ""))
        if ends and (not ends.isdigit() or int(ends) <= self._cloud.clock.now() * _MICRO):
            raise GoogleError(400, "The expiration time of the key lies in the past.")
        mark = hashlib.sha256(text.encode()).hexdigest()
        made = {"key": text, "fingerprint": mark, "name": f"users/{call.values['user']}/sshPublicKeys/{mark}"}
        keys[mark] = made | ({"expirationTimeUsec": ends} if ends else {})
        self._cloud.save()
        return {"loginProfile": self._profile(call)}

    def _get(self, call: Call) -> JSON:
        self._keys(call)
        return self._profile(call)

    def _get_key(self, call: Call) -> JSON:
        found = self._keys(call).get(call.values["key"])
        if found is None:
            raise GoogleError(404, "The SSH public key was not found.")
        return found

    def _delete(self, call: Call) -> JSON:
        if self._keys(call).pop(call.values["key"], None) is None:
            raise GoogleError(404, "The SSH public key was not found.")
        self._cloud.save()
        return {}

    def _keys(self, call: Call) -> dict[str, JSON]:
        """The caller's keys: nobody else's profile is open to them."""
        user = call.values["user"]
        if user != call.email:
            raise denied("oslogin.users.get", f"users/{user}")
        found: dict[str, JSON] = self._cloud.data["osLogin"].setdefault(user, {})
        return found

    def _profile(self, call: Call) -> JSON:
        user = call.values["user"]
        name = username(user)
        account = {
            "primary": True,
            "username": name,
            "uid": "1234567",
            "gid": "1234567",
            "homeDirectory": f"/home/{name}",
            "shell": "/bin/bash",
            "operatingSystemType": "LINUX",
            "accountId": call.query.get("projectId", PROJECT),
            "name": f"users/{user}/projects/{call.query.get('projectId', PROJECT)}",
        }
        keys = self._cloud.data["osLogin"][user]
        return {"name": ACCOUNTS.get(user, user), "posixAccounts": [account], "sshPublicKeys": keys}
