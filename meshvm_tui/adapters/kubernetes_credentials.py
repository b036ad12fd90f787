"""What a request to the API server carries to say who we are, and where client certificates lie meanwhile.

A static token goes before a plugin, as kubectl does it; a tokenFile is read again every minute.
Inline client certificates, which the TLS library wants as files, are written 0600 into a folder of our own (0700)
that is removed at the end; leftovers of processes that died are swept at the next start.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshvm_tui.adapters.exec_plugin import ExecCredential, ExecPlugin
from meshvm_tui.adapters.kubeconfig import ClusterAccess, inline_or_file
from meshvm_tui.problems import PermanentError

TOKEN_FILE_SECONDS = 60.0
_FOLDER_PREFIX = "meshvm-tui-"
_IMPERSONATION = {"as": "Impersonate-User", "as-uid": "Impersonate-Uid"}


@dataclass(frozen=True)
class Credential:
    """What one request carries: headers (a name may stand twice) and paths of a client certificate and its key."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    certificate: str = ""
    key: str = ""


class CertificateFolder:
    """A folder of our own for client certificates and for what child processes are given to read. Named after this
    process, so leftovers can be told."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or Path(tempfile.gettempdir())
        self._lock = threading.Lock()
        self._path: Path | None = None

    def keep(self, content: bytes) -> str:
        """Writes the content once and gives its path."""
        with self._lock:
            if self._path is None:
                self._sweep()
                self._path = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-", dir=self._root))
            path = self._path / hashlib.sha256(content).hexdigest()[:24]
            if not path.exists():
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
            return str(path)

    def close(self) -> None:
        """Removes the folder."""
        with self._lock:
            if self._path:
                shutil.rmtree(self._path, ignore_errors=True)
                self._path = None

    def _sweep(self) -> None:
        for folder in self._root.glob(f"{_FOLDER_PREFIX}[0-9]*-*"):
            with contextlib.suppress(ValueError, OSError):
                process = int(folder.name.removeprefix(_FOLDER_PREFIX).split("-")[0])
                if folder.stat().st_uid == os.getuid() and not _runs(process):
                    shutil.rmtree(folder, ignore_errors=True)


class Credentials:
    """The user of one context. `current()` may run a plugin; every failure of it is a Problem."""

    def __init__(self, access: ClusterAccess, folder: CertificateFolder) -> None:
        self._access = access
        self._user: Mapping[str, Any] = access.user
        self._folder = folder
        self._where = f"{access.user_file}: user of context {access.context!r}"
        self._plugin: ExecPlugin | None = None
        self._plugin_credential: ExecCredential | None = None
        self._token_file = _TokenFile(str(self._user["tokenFile"])) if self._user.get("tokenFile") else None
        if self._user.get("exec") and not self._static_authorization():
            self._plugin = ExecPlugin(access)
        if self._user.get("auth-provider"):
            name = self._user["auth-provider"].get("name", "")
            raise PermanentError(
                "MVM-112",
                f"{self._where}: auth-provider {name!r} was removed from kubectl 1.26 too; an exec plugin replaces it",
            )
        self._impersonation = tuple(_impersonation(self._user))

    def current(self) -> Credential:
        """What the next request carries."""
        certificate, key = self._certificate()
        authorization = self._static_authorization()
        if self._access.token_source:
            authorization = f"Bearer {self._access.token_source.current()}"
        if self._plugin:
            found = self._plugin_credential = self._plugin.credential()
            authorization = f"Bearer {found.token}" if found.token else ""
            if found.certificate and found.key:
                certificate, key = self._folder.keep(found.certificate), self._folder.keep(found.key)
        headers = (("Authorization", authorization),) if authorization else ()
        return Credential(headers + self._impersonation, certificate, key)

    def refused(self) -> bool:
        """The server answered 401. Whether it is worth asking once more with a new credential."""
        if self._access.token_source:
            return self._access.token_source.refused()
        if self._plugin and self._plugin_credential:
            self._plugin.refused(self._plugin_credential)
            return True
        return self._token_file.changed() if self._token_file else False

    def close(self) -> None:
        """Ends a plugin that is running."""
        if self._plugin:
            self._plugin.close()

    def _static_authorization(self) -> str:
        token = (self._token_file.read() if self._token_file else "") or self._user.get("token")
        if token:
            return f"Bearer {token}"
        if self._user.get("username"):
            pair = f"{self._user['username']}:{self._user.get('password') or ''}"
            return "Basic " + base64.b64encode(pair.encode()).decode()
        return ""

    def _certificate(self) -> tuple[str, str]:
        certificate = self._path("client-certificate")
        key = self._path("client-key")
        if bool(certificate) != bool(key):
            raise PermanentError("MVM-112", f"{self._where}: client-certificate and client-key belong together")
        return certificate, key

    def _path(self, name: str) -> str:
        if not self._user.get(f"{name}-data"):
            return str(self._user.get(name) or "")
        return self._folder.keep(inline_or_file(self._user, name, self._where) or b"")


class _TokenFile:
    """A file whose token is replaced from time to time. An unreadable file leaves the last token in use."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._token = ""
        self._read_at = float("-inf")

    def read(self) -> str:
        if time.monotonic() - self._read_at > TOKEN_FILE_SECONDS:
            self.changed()
        return self._token

    def changed(self) -> bool:
        """Reads it again; whether there is another token now."""
        self._read_at = time.monotonic()
        before = self._token
        with contextlib.suppress(OSError, UnicodeDecodeError):
            self._token = self._path.read_text(encoding="utf-8").strip() or before
        return self._token != before


def _impersonation(user: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = [(header, str(user[key])) for key, header in _IMPERSONATION.items() if user.get(key)]
    headers += [("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"Impersonate-Extra-{key}", str(value)) for value in values]
    return headers


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
