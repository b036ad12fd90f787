"""The operator's kubeconfig, merged as kubectl does it.

Which files: the one that is named, else the list in KUBECONFIG (missing ones are skipped), else ~/.kube/config.
The first file that defines a cluster, user or context wins, and so does the first current-context.
Relative paths belong to the folder of the file that they stand in. A damaged file is named with the place.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from meshvm_tui.ports import ContextEntry
from meshvm_tui.problems import ActionNeeded, PermanentError

VARIABLE = "KUBECONFIG"
JSON = dict[str, Any]

# Where each kind of entry holds its body, and which of its fields are paths.
_SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_PATH_FIELDS = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
    "contexts": (),
}


class TokenSource(Protocol):
    """Where bearer tokens come from."""

    def current(self) -> str:
        """The token for the next request; a Problem where there is none."""

    def refused(self) -> bool:
        """The server refused the last one; whether it is worth asking once more with another."""


@dataclass(frozen=True)
class ClusterAccess:
    """Everything that one context says about how to reach its API server.

    `cluster` and `user` are the kubeconfig's own bodies with paths made absolute; they may hold secrets and are
    never shown. `user_file` is the file that the user stands in: exec commands are relative to its folder.
    `token_source` mints bearer tokens in memory, for a cluster that no kubeconfig names.
    """

    context: str
    server: str
    namespace: str
    cluster: JSON = field(repr=False)
    user: JSON = field(repr=False)
    user_file: str = ""
    token_source: TokenSource | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Kubeconfig:
    """The merged kubeconfig. Each entry is (body, file that it came from)."""

    files: tuple[str, ...]
    current_context: str
    clusters: Mapping[str, tuple[JSON, str]] = field(repr=False)
    users: Mapping[str, tuple[JSON, str]] = field(repr=False)
    contexts: Mapping[str, tuple[JSON, str]] = field(repr=False)

    def entries(self) -> tuple[ContextEntry, ...]:
        """Every context, in the order of the files."""
        return tuple(self._entry(name, body) for name, (body, _) in self.contexts.items())

    def _entry(self, name: str, body: JSON) -> ContextEntry:
        cluster = str(body.get("cluster") or "")
        server = self.clusters.get(cluster, ({}, ""))[0].get("server") or ""
        return ContextEntry(
            name=name,
            cluster=cluster,
            server=str(server),
            user=str(body.get("user") or ""),
            namespace=str(body.get("namespace") or "default"),
            current=name == self.current_context,
        )

    def access(self, context: str = "") -> ClusterAccess:
        """What a context says; the current one where none is named. ActionNeeded MVM-102 where it is not there."""
        name = context or self.current_context
        if not name:
            raise ActionNeeded(
                "MVM-102", "no context is named, and the kubeconfig sets no current-context" + self._known()
            )
        if name not in self.contexts:
            raise ActionNeeded("MVM-102", f"no context {name!r} in {', '.join(self.files)}" + self._known())
        body, file = self.contexts[name]
        cluster, _ = self._part("clusters", body.get("cluster"), name, file)
        user, user_file = ({}, file) if not body.get("user") else self._part("users", body["user"], name, file)
        server = cluster.get("server")
        if not isinstance(server, str) or not server:
            raise PermanentError("MVM-112", f"{file}: cluster {body.get('cluster')!r} has no server")
        namespace = str(body.get("namespace") or "default")
        return ClusterAccess(name, server.rstrip("/"), namespace, cluster, user, user_file)

    def _part(self, section: str, name: Any, context: str, file: str) -> tuple[JSON, str]:
        found: Mapping[str, tuple[JSON, str]] = getattr(self, section)
        if name not in found:
            words = f"{file}: context {context!r} names {section[:-1]} {name!r}, which is not there"
            raise PermanentError("MVM-112", words)
        return found[name]

    def _known(self) -> str:
        return f"; there are: {', '.join(self.contexts)}" if self.contexts else "; it has no contexts"


def contexts(kubeconfig: str = "") -> tuple[ContextEntry, ...]:
    """The contexts of the merged kubeconfig; a Problem where there is no kubeconfig or one is damaged."""
    return load(kubeconfig).entries()


def paths(kubeconfig: str = "") -> tuple[Path, ...]:
    """The files to read, most important first, whether or not they exist."""
    if kubeconfig:
        return (Path(kubeconfig).expanduser(),)
    if listed := os.environ.get(VARIABLE):
        return tuple(dict.fromkeys(Path(entry) for entry in listed.split(os.pathsep) if entry))
    return (Path.home() / ".kube" / "config",)


def load(kubeconfig: str = "") -> Kubeconfig:
    """Reads and merges. MVM-101 where no file exists; MVM-112 with file and place where one is damaged."""
    wanted = paths(kubeconfig)
    existing = [path for path in wanted if path.exists()]
    if not existing:
        raise ActionNeeded("MVM-101", "no such file: " + ", ".join(str(path) for path in wanted))
    merged: dict[str, dict[str, tuple[JSON, str]]] = {section: {} for section in _SECTIONS}
    current = ""
    for path in existing:
        document = _read(path)
        current = current or document.current_context
        for section in _SECTIONS:
            for name, body in document.sections[section].items():
                merged[section].setdefault(name, (body, str(path)))
    return Kubeconfig(tuple(str(path) for path in existing), current, **merged)


def inline_or_file(body: Mapping[str, Any], key: str, where: str) -> bytes | None:
    """The content of a `<key>-data` field or of the file that `<key>` names; None where neither is set.

    MVM-112 where the base64 is broken or the file cannot be read.
    """
    if data := body.get(f"{key}-data"):
        try:
            return base64.b64decode(str(data), validate=True)
        except (binascii.Error, ValueError) as error:
            raise PermanentError("MVM-112", f"{where}: {key}-data is no base64: {error}") from None
    if path := body.get(key):
        try:
            return Path(str(path)).read_bytes()
        except OSError as error:
            raise PermanentError("MVM-112", f"{where}: {key}: {path}: {error.strerror}") from None
    return None


@dataclass(frozen=True)
class _Document:
    current_context: str
    sections: Mapping[str, Mapping[str, JSON]] = field(repr=False)


def _read(path: Path) -> _Document:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise PermanentError("MVM-112", f"{path}: {reason}") from None
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return _Document("", {section: {} for section in _SECTIONS})
        document = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise PermanentError("MVM-112", f"{path}{place}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise PermanentError("MVM-112", f"{path}: {error}") from None
    finally:
        loader.dispose()
    if not isinstance(document, dict):
        raise PermanentError("MVM-112", f"{path}, line 1: a mapping is wanted, with clusters, users and contexts")
    current = document.get("current-context") or ""
    if not isinstance(current, str):
        raise _damaged(path, node, "current-context", "must be a name")
    sections = {section: _section(path, node, document, section) for section in _SECTIONS}
    return _Document(current, sections)


def _section(path: Path, root: yaml.Node, document: JSON, section: str) -> dict[str, JSON]:
    listed = document.get(section) or []
    if not isinstance(listed, list):
        raise _damaged(path, root, section, "must be a list")
    found: dict[str, JSON] = {}
    for index, entry in enumerate(listed):
        place = f"{section}[{index}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise _damaged(path, root, section, f"{place} has no name", index)
        body = entry.get(_SECTIONS[section]) or {}
        if not isinstance(body, dict):
            raise _damaged(path, root, section, f"{place}: {_SECTIONS[section]} must be a mapping", index)
        if entry["name"] in found:
            raise _damaged(path, root, section, f"{place}: {entry['name']!r} stands there twice", index)
        found[entry["name"]] = _absolute(body, _PATH_FIELDS[section], path.parent)
    return found


def _absolute(body: JSON, fields: tuple[str, ...], folder: Path) -> JSON:
    set_paths = [key for key in fields if isinstance(body.get(key), str) and body[key]]
    return {**body, **{key: str(folder.absolute() / body[key]) for key in set_paths}}


def _damaged(path: Path, root: yaml.Node, key: str, words: str, index: int | None = None) -> PermanentError:
    """The problem with the line at which the key, or the entry of its list, stands."""
    line = root.start_mark.line
    for name, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if name.value == key:
            items = value.value if index is not None and isinstance(value, yaml.SequenceNode) else []
            line = (items[index] if index is not None and items else name).start_mark.line
    return PermanentError("MVM-112", f"{path}, line {line + 1}: {key}: {words}")
