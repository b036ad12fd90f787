"""Credential plugins of a kubeconfig (`exec`), run by us: the client library swallows their failures.

A plugin never gets the terminal: standard input is empty, both outputs are captured, and it is ended after a
timeout. Its credential is kept until its expirationTimestamp, or for ever where it names none.
The protocol: client.authentication.k8s.io/v1 and v1beta1.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meshvm_tui.adapters.kubeconfig import ClusterAccess, inline_or_file
from meshvm_tui.problems import ActionNeeded, PermanentError

TIMEOUT = 60.0
INFO_VARIABLE = "KUBERNETES_EXEC_INFO"
_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_WORDS_LIMIT = 1500
# What looks like a JWT or a Google access token in a plugin's words is never repeated.
_TOKEN = re.compile(r"\b(eyJ[\w-]+\.[\w.-]+|ya29\.[\w.-]+)")


@dataclass(frozen=True)
class ExecCredential:
    """What a plugin gave. `expires` is in seconds since the epoch, or None."""

    token: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    expires: float | None = None


class ExecPlugin:
    """One `exec` stanza. One lock: however many threads ask, one process runs."""

    def __init__(self, access: ClusterAccess, *, timeout: float = TIMEOUT) -> None:
        self._access = access
        self._stanza: Mapping[str, Any] = access.user["exec"]
        self._timeout = timeout
        self._lock = threading.Lock()
        self._credential: ExecCredential | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._words = b""
        self._version = str(self._stanza.get("apiVersion") or "")
        where = f"{access.user_file}: exec of the user"
        if self._version not in _VERSIONS:
            raise PermanentError("MVM-112", f"{where}: apiVersion {self._version!r}; valid: {', '.join(_VERSIONS)}")
        if not isinstance(self._stanza.get("command"), str) or not self._stanza["command"]:
            raise PermanentError("MVM-112", f"{where} names no command")

    def credential(self) -> ExecCredential:
        """The kept credential while it is valid, else a fresh one. ActionNeeded says what went wrong."""
        with self._lock:
            kept = self._credential
            if kept and (kept.expires is None or kept.expires > datetime.now(UTC).timestamp()):
                return kept
            out, self._words = self._run()
            self._credential = self._read(out)
            return self._credential

    def refused(self, credential: ExecCredential) -> None:
        """The API server did not accept it: the next question runs the plugin again."""
        with self._lock:
            if self._credential is credential:
                self._credential = None

    def close(self) -> None:
        """Ends a plugin that is running."""
        self._closed = True
        if process := self._process:
            _end(process)

    @property
    def _name(self) -> str:
        return str(self._stanza["command"])

    def _command(self) -> list[str]:
        command = self._name
        if os.sep in command and not Path(command).is_absolute():
            command = str(Path(self._access.user_file).absolute().parent / command)
        return [command, *(str(argument) for argument in self._stanza.get("args") or ())]

    def _environment(self) -> dict[str, str]:
        added = {str(item["name"]): str(item.get("value", "")) for item in self._stanza.get("env") or ()}
        spec: dict[str, Any] = {"interactive": False}
        if self._stanza.get("provideClusterInfo"):
            spec["cluster"] = self._cluster_info()
        info = {"apiVersion": self._version, "kind": "ExecCredential", "spec": spec}
        return {**os.environ, **added, INFO_VARIABLE: json.dumps(info)}

    def _cluster_info(self) -> dict[str, Any]:
        cluster = self._access.cluster
        info: dict[str, Any] = {"server": self._access.server}
        for key in ("tls-server-name", "insecure-skip-tls-verify", "proxy-url"):
            if cluster.get(key):
                info[key] = cluster[key]
        authority = inline_or_file(cluster, "certificate-authority", f"cluster of {self._access.context}")
        if authority:
            info["certificate-authority-data"] = base64.b64encode(authority).decode()
        for extension in cluster.get("extensions") or ():
            if extension.get("name") == f"{_GROUP}/exec":
                info["config"] = extension.get("extension")
        return info

    def _run(self) -> tuple[bytes, bytes]:
        """Standard output, which may hold a credential, and standard error."""
        if self._stanza.get("interactiveMode") == "Always":
            raise ActionNeeded(
                "MVM-105",
                f"{self._name} wants to ask at a terminal (interactiveMode: Always), which is not possible here",
                next_action="Use a user of the kubeconfig that needs no questions.",
            )
        try:
            process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise self._not_started(error) from None
        self._process = process
        with process:
            try:
                if self._closed:
                    _end(process)
                out, err = process.communicate(timeout=self._timeout)
            except subprocess.TimeoutExpired:
                _end(process)
                _, err = process.communicate()
                words = f"{self._name} gave no answer within {self._timeout:g} s"
                raise ActionNeeded("MVM-105", words + _said(err)) from None
            finally:
                self._process = None
        if process.returncode != 0:
            raise ActionNeeded("MVM-105", f"{self._name} ended with exit code {process.returncode}" + _said(err))
        return out, err

    def _not_started(self, error: OSError) -> ActionNeeded:
        hint = " ".join(str(self._stanza.get("installHint") or "").split())
        if isinstance(error, FileNotFoundError):
            words = f"{self._name} is not there" if os.sep in self._name else f"{self._name} is not on PATH"
            return ActionNeeded("MVM-113", words, next_action=hint)
        return ActionNeeded("MVM-113", f"{self._name} cannot be started: {error.strerror}", next_action=hint)

    def _read(self, out: bytes) -> ExecCredential:
        """Standard output is never repeated: it may hold the credential itself."""
        try:
            document = json.loads(out)
        except ValueError:
            raise self._garbage(f"its standard output is no JSON ({len(out)} bytes)") from None
        if not isinstance(document, dict) or document.get("kind") != "ExecCredential":
            raise self._garbage("its answer is no ExecCredential")
        if document.get("apiVersion") != self._version:
            raise self._garbage(f"its answer is of {document.get('apiVersion')!r}, {self._version} was asked for")
        status = document.get("status")
        if not isinstance(status, dict):
            raise self._garbage("its answer has no status")
        token = str(status.get("token") or "").strip()
        certificate = str(status.get("clientCertificateData") or "").encode()
        key = str(status.get("clientKeyData") or "").encode()
        if not token and not (certificate and key):
            raise self._garbage("its answer holds neither a token nor a client certificate with its key")
        expires = self._expiry(status.get("expirationTimestamp"))
        if expires is not None and expires <= datetime.now(UTC).timestamp():
            expires = None  # out of date on arrival (or our clock is wrong): kept until the server refuses it
        return ExecCredential(token, certificate, key, expires)

    def _expiry(self, stamp: Any) -> float | None:
        if not stamp:
            return None
        try:
            return datetime.fromisoformat(str(stamp)).timestamp()
        except ValueError:
            raise self._garbage(f"expirationTimestamp {str(stamp)[:40]!r} is no RFC 3339 time") from None

    def _garbage(self, words: str) -> ActionNeeded:
        return ActionNeeded("MVM-114", f"{self._name}: {words}" + (_said(self._words) if self._words.strip() else ""))


def _said(err: bytes) -> str:
    words = _TOKEN.sub("[hidden]", err.decode(errors="replace")).strip()
    return f": {words[-_WORDS_LIMIT:]}" if words else ", without a word"


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
