"""The five bootstrap files of a VM as plain texts, and the words for what is wrong with one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

CLUSTER_ENV = "cluster.env"
MESH_YAML = "mesh.yaml"
ROOT_CERT = "root-cert.pem"
HOSTS = "hosts"
TOKEN = "istio-token"  # noqa: S105 (the name of a file)
FILE_NAMES = (CLUSTER_ENV, MESH_YAML, ROOT_CERT, HOSTS, TOKEN)


@dataclass(frozen=True)
class BootstrapFiles:
    """The files by what is in them. The token is hidden in every representation; "" where none was asked for."""

    cluster_env: str
    mesh_yaml: str
    root_cert: str
    hosts: str
    token: str = field(default="", repr=False)

    def contents(self) -> dict[str, str]:
        """The contents by the files' names, in a fixed order."""
        texts = (self.cluster_env, self.mesh_yaml, self.root_cert, self.hosts, self.token)
        return dict(zip(FILE_NAMES, texts, strict=True))


class Deviation(NamedTuple):
    """What is wrong with a file, or differs in it. `key` is a variable or a dotted path; "" means the whole file."""

    file: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key} {self.what}" if self.key else f"{self.file} {self.what}"


def contents_of(files: BootstrapFiles | Mapping[str, str | None]) -> dict[str, str | None]:
    """The contents by file name; None for a file that is not there."""
    if isinstance(files, BootstrapFiles):
        return dict(files.contents())
    return {name: files.get(name) for name in FILE_NAMES}


def shown(value: object) -> str:
    """A value as it is shown beside another one."""
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
