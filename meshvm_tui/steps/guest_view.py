"""What `guest.sh observe` reported, as typed values; it judges nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshvm_tui.ports import GuestFacts

TOKEN = "istio-token"  # noqa: S105 (a file's name)
PLACES: Mapping[str, str] = {
    "cluster.env": "/var/lib/istio/envoy/cluster.env",
    "mesh.yaml": "/etc/istio/config/mesh",
    "root-cert.pem": "/etc/certs/root-cert.pem",
    TOKEN: "/var/run/secrets/tokens/istio-token",
    "hosts": "/etc/hosts",
}
"""Where each of the five files lies on a VM."""

OWNED = (
    "/etc/certs",
    "/var/lib/istio",
    "/var/lib/istio/envoy",
    "/var/run/secrets",
    "/etc/istio/config",
    "/etc/istio/proxy",
)
"""The folders that must belong to istio-proxy."""

PROXY_USER = "istio-proxy"


@dataclass(frozen=True)
class Place:
    """Owner and mode of a file or folder."""

    owner: str
    mode: str


@dataclass(frozen=True)
class GuestView:
    """Typed access to the topics of an observation."""

    facts: GuestFacts

    def topic(self, name: str) -> Mapping[str, Any]:
        """One topic, empty where the script had nothing to say."""
        found = self.facts.values.get(name)
        return found if isinstance(found, Mapping) else {}

    def text(self, topic: str, name: str) -> str:
        """One value."""
        return str(self.topic(topic).get(name) or "")

    @property
    def now(self) -> float:
        """The VM's clock, seconds since the epoch."""
        return float(self.text("time", "now") or 0)

    @cached_property
    def files(self) -> Mapping[str, str]:
        """The content of cluster.env, mesh.yaml, root-cert.pem and hosts (its marked block); "" where it is not."""
        names = ("cluster.env", "mesh.yaml", "root-cert.pem")
        found = {name: _text(self.text("files", name)) for name in names}
        found["hosts"] = _text(self.text("hosts", "block"))
        return found

    @property
    def certificate_chain(self) -> bytes:
        """The workload certificate and what comes with it; empty where there is none."""
        return _bytes(self.text("files", "cert-chain.pem"))

    @property
    def other_istiod_lines(self) -> tuple[str, ...]:
        """Lines of /etc/hosts outside our block that name istiod."""
        return tuple(self.text("hosts", "others").splitlines())

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Owner and mode by path, without the lab's or a test's root in front."""
        prefix = self.text("places", "root")
        found = {}
        for line in self.text("places", "stat").splitlines():
            path, owner, mode, _kind = ([*line.split("|"), "", "", ""])[:4]
            found[path.removeprefix(prefix)] = Place(owner, mode)
        return found

    @cached_property
    def package(self) -> tuple[str, str, str]:
        """dpkg's status, the version and the architecture of istio-sidecar; empty where it is not known."""
        status, version, arch = ([*self.text("package", "dpkg").split("|"), "", ""])[:3]
        return status, version, arch

    @property
    def package_version(self) -> str:
        """The installed version, "" where the package is not installed whole."""
        status, version, _ = self.package
        return version if status == "install ok installed" else ""

    @cached_property
    def unit(self) -> Mapping[str, str]:
        """systemd's properties of istio.service."""
        return _properties(self.text("unit", "show"))

    @property
    def is_running(self) -> bool:
        """Whether istio.service is active."""
        return self.unit.get("ActiveState") == "active"

    @property
    def is_ready(self) -> bool:
        """Whether the agent's own readiness answers 200."""
        return self.text("unit", "ready") == "200"

    @property
    def is_enabled(self) -> bool:
        """Whether istio.service starts at boot."""
        return self.unit.get("UnitFileState") == "enabled"

    @property
    def is_unconfirmed(self) -> bool:
        """Whether the timer is set that stops the sidecar again."""
        return self.text("unit", "timer") == "active"

    @property
    def wants_restart(self) -> bool:
        """Whether files were written after the sidecar's last start."""
        return self.text("unit", "restart_wanted") == "yes"

    @property
    def has_died(self) -> bool:
        """Whether systemd waits to start the agent again, or has given up."""
        return self.unit.get("ActiveState") in ("activating", "failed") or self.unit.get("SubState") == "auto-restart"

    @property
    def agent_log(self) -> str:
        """The end of the agent's log; with its last words, where it has died (its error log has no times)."""
        errors = self.text("log", "errors") if self.has_died else ""
        return f"{self.text('log', 'agent')}\n{errors}"

    @property
    def has_token(self) -> bool:
        """Whether there is a token, readable or not."""
        return PLACES[TOKEN] in self.places

    @property
    def token_was_altered(self) -> bool:
        """Whether the token is another one than the one that was sent."""
        return self.text("token", "as_sent") == "no"

    @cached_property
    def token_claims(self) -> Mapping[str, Any]:
        """The claims of the token on the VM; empty where it has none that can be read."""
        return claims_of(self.text("token", "claims"))

    @property
    def addresses(self) -> tuple[str, ...]:
        """The VM's own addresses, as `hostname -I` gives them."""
        return tuple(self.text("network", "addresses").split())


def claims_of(segment: str) -> Mapping[str, Any]:
    """The claims of a JWT from its middle part; empty where that is none."""
    try:
        decoded = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _properties(text: str) -> Mapping[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in text.splitlines())}


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value)
    except binascii.Error:
        return b""


def _text(value: str) -> str:
    return _bytes(value).decode(errors="replace")
