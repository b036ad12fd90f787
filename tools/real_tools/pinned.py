"""The programs of `versions.toml`, and where each one lies in the cache."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

VERSIONS = Path(__file__).with_name("versions.toml")
_ISTIO_VERSION = "istio.io/istio/pkg/version"
STAGING = (
    *("api", "apiextensions-apiserver", "apimachinery", "apiserver", "cli-runtime", "client-go", "cloud-provider"),
    *("cluster-bootstrap", "code-generator", "component-base", "component-helpers", "controller-manager", "cri-api"),
    *("cri-client", "csi-translation-lib", "dynamic-resource-allocation", "endpointslice", "externaljwt", "kms"),
    *("kube-aggregator", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet", "metrics"),
    *("mount-utils", "pod-security-admission", "sample-apiserver", "sample-cli-plugin", "sample-controller"),
    "streaming",
)


@dataclass(frozen=True)
class Tool:
    """One program at one version, as `versions.toml` describes it."""

    name: str
    version: str
    folder: str
    module: str
    package: str
    staging: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    requires: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The program in the cache, whether it is there or not."""
        return cache() / self.folder / self.name

    @property
    def module_note(self) -> Path:
        """The file that says where Go keeps the module: tests read Istio's own charts and samples there."""
        return cache() / self.folder / "module.path"

    @property
    def go_mod(self) -> str:
        """The module file of which the program is built."""
        name, _, version = self.module.partition("@")
        wanted = {name: version, **self.requires}
        lines = ["module built", "go 1.23.0", *(f"require {one} {at}" for one, at in wanted.items())]
        if self.staging:
            lines += [f"replace k8s.io/{one} => k8s.io/{one} {self.staging}" for one in STAGING]
        return "\n".join(lines) + "\n"

    @property
    def linker_flags(self) -> str:
        """What the linker is told. Istio's tools say `unknown` for images and packages without their version."""
        known = dict(self.variables)
        if self.name == "istioctl":
            known = {
                f"{_ISTIO_VERSION}.buildVersion": self.version,
                f"{_ISTIO_VERSION}.buildTag": self.version,
                f"{_ISTIO_VERSION}.buildHub": "docker.io/istio",
                f"{_ISTIO_VERSION}.buildStatus": "Clean",
            }
        return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in known.items())])


def cache() -> Path:
    """The folder of the programs: outside the tree, kept between runs."""
    root = os.environ.get("MESHVM_TUI_REAL_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "meshvm-tui" / "real-tools"


def pinned() -> tuple[Tool, ...]:
    """Every program, in the order of the file."""
    return tuple(Tool(**described) for described in tomllib.loads(VERSIONS.read_text(encoding="utf-8"))["tool"])
