"""Which istio-sidecar package a machine needs, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.plan import OFFICIAL
from meshvm_tui.problems import PermanentError
from meshvm_tui.steps.machine_checks import architecture
from meshvm_tui.steps.mesh_facts import mesh_facts

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.guest_view import GuestView
    from meshvm_tui.steps.step import Scope

RELEASES = "https://storage.googleapis.com/istio-release/releases"
SENT_NAME = "istio-sidecar.deb"


@dataclass(frozen=True)
class PackageSource:
    """The wanted version ("" for any), and the package's URL or its path on this computer."""

    version: str
    url: str
    path: str
    sha256: str

    def is_installed(self, view: GuestView) -> bool:
        """Whether dpkg has it: that version, or that version with a build's suffix."""
        installed = view.package_version
        if not installed or not self.version:
            return bool(installed)
        return installed == self.version or installed.startswith((f"{self.version}-", f"{self.version}+"))


def package_source(ports: ReadPorts, scope: Scope, view: GuestView) -> PackageSource | None:
    """The package for this machine; None while the mesh's version is not known."""
    sidecar = scope.plan.sidecar
    version = sidecar.version
    if not version and sidecar.package == OFFICIAL:
        mesh = mesh_facts(ports, scope)
        version = mesh.version
        if not version and not mesh.installed:
            return None
        if not version:
            raise PermanentError("MVM-533", f"istiod {mesh.deployment} does not say its version")
    if sidecar.package == OFFICIAL:
        suffix = "" if architecture(view) == "amd64" else f"-{architecture(view)}"
        return PackageSource(version, f"{RELEASES}/{version}/deb/istio-sidecar{suffix}.deb", "", sidecar.sha256)
    if sidecar.package.startswith(("http://", "https://")):
        return PackageSource(version, sidecar.package, "", sidecar.sha256)
    return PackageSource(version, "", str(Path(sidecar.package).expanduser()), sidecar.sha256)
