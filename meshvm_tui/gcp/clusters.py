"""A GKE cluster as the container API describes it: which address its control plane has for us, and what it means."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshvm_tui.gcp.gcloud_commands import gcloud
from meshvm_tui.problems import ActionNeeded, TransientError

if TYPE_CHECKING:
    from meshvm_tui.plan import GkeEndpoint

JSON = dict[str, Any]
RUNNING = ("RUNNING", "RECONCILING")
"""In both the control plane answers; the latter is an upgrade of its own."""
STARTING = ("PROVISIONING",)


@dataclass(frozen=True)
class Endpoint:
    """Where the control plane is, and the authority of its certificate: "" for a public one."""

    server: str
    authority: str
    kind: str


@dataclass(frozen=True)
class ClusterView:
    """Typed access to a cluster."""

    body: JSON

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body.get("name", ""))

    @property
    def location(self) -> str:
        """Its zone or region."""
        return str(self.body.get("location", ""))

    @property
    def status(self) -> str:
        """RUNNING, PROVISIONING, ... as the API has it."""
        return str(self.body.get("status", ""))

    @property
    def is_autopilot(self) -> bool:
        """Whether Google looks after its nodes."""
        return bool(self.body.get("autopilot", {}).get("enabled"))

    @property
    def has_private_nodes(self) -> bool:
        """Whether its nodes have no external addresses."""
        config = self.body.get("networkConfig", {}).get("defaultEnablePrivateNodes")
        return bool(config or self.body.get("privateClusterConfig", {}).get("enablePrivateNodes"))

    @property
    def has_private_endpoint_only(self) -> bool:
        """Whether the control plane has no public address."""
        addresses = self._ip.get("enablePublicEndpoint")
        if addresses is not None:
            return not addresses
        return bool(self.body.get("privateClusterConfig", {}).get("enablePrivateEndpoint"))

    @property
    def version(self) -> str:
        """The control plane's."""
        return str(self.body.get("currentMasterVersion", ""))

    @property
    def channel(self) -> str:
        """The release channel; "" for none."""
        return str(self.body.get("releaseChannel", {}).get("channel", "")).lower()

    @property
    def authorized_networks(self) -> tuple[str, ...] | None:
        """From where the control plane's IP address may be reached; None where from anywhere."""
        config = self._ip.get("authorizedNetworksConfig") or self.body.get("masterAuthorizedNetworksConfig") or {}
        if not config.get("enabled"):
            return None
        return tuple(str(block.get("cidrBlock", "")) for block in config.get("cidrBlocks", []))

    @property
    def dns_name(self) -> str:
        """The control plane's DNS endpoint, where traffic from outside the network is let in; else ""."""
        config = self.body.get("controlPlaneEndpointsConfig", {}).get("dnsEndpointConfig", {})
        return str(config.get("endpoint", "")) if config.get("allowExternalTraffic") else ""

    @property
    def _ip(self) -> JSON:
        found: JSON = self.body.get("controlPlaneEndpointsConfig", {}).get("ipEndpointsConfig", {})
        return found

    @property
    def has_ip_endpoints(self) -> bool:
        """Whether the control plane answers at IP addresses at all."""
        return self._ip.get("enabled") is not False

    def endpoint(self, wanted: GkeEndpoint) -> Endpoint:
        """The address that gcloud would write into a kubeconfig: the DNS name where the IP addresses are off or it is
        asked for, the private address where that is asked for. ActionNeeded MVM-835 where there is none such."""
        if wanted.value == "dns" or (wanted.value == "auto" and not self.has_ip_endpoints):
            if not self.dns_name:
                raise self._no("a DNS endpoint that lets in traffic from outside", "--enable-dns-access")
            return Endpoint(f"https://{self.dns_name}", "", "DNS")
        authority = str(self.body.get("masterAuth", {}).get("clusterCaCertificate", ""))
        if wanted.value == "private":
            address = self._ip.get("privateEndpoint") or self.body.get("privateClusterConfig", {}).get(
                "privateEndpoint"
            )
            if not address:
                raise self._no("a private endpoint", "")
            return Endpoint(f"https://{_host(str(address))}", authority, "private IP")
        address = self.body.get("endpoint") or self._ip.get("publicEndpoint")
        if not address:
            raise self._no("an IP endpoint", "")
        return Endpoint(f"https://{_host(str(address))}", authority, "IP")

    def check_running(self) -> None:
        """Raises MVM-836 where the control plane does not serve; transient while it is being made."""
        if self.status in RUNNING or not self.status:
            return
        words = f"{self.name} in {self.location} is {self.status}"
        if message := self.body.get("statusMessage"):
            words += f": {message}"
        raise (TransientError if self.status in STARTING else ActionNeeded)("MVM-836", words)

    def _no(self, what: str, flag: str) -> ActionNeeded:
        words = f"{self.name} in {self.location} has no such address: {what}"
        update = gcloud("container", "clusters", "update", self.name, f"--location={self.location}", flag)
        return ActionNeeded("MVM-835", words, next_action=f"Run: {update}" if flag else "Choose another endpoint.")


def context_name(project: str, location: str, name: str) -> str:
    """As `gcloud container clusters get-credentials` calls a context."""
    return f"gke_{project}_{location}_{name}"


def get_credentials(project: str, location: str, name: str) -> str:
    """The command that makes a context of the cluster by hand."""
    return gcloud("container", "clusters", "get-credentials", name, f"--location={location}", f"--project={project}")


def how_to_reach(view: ClusterView, project: str) -> tuple[str, str]:
    """Why a control plane does not answer us, and what to do: words, and the exact command where there is one."""
    where = [f"--location={view.location}", f"--project={project}"]
    if view.dns_name:
        return "its DNS endpoint is open to this computer", "Set cluster.gke.endpoint: dns"
    if view.has_private_endpoint_only:
        command = gcloud("container", "clusters", "update", view.name, *where, "--enable-dns-access")
        return "its control plane has a private address only", f"Run from inside the network, or: {command}"
    networks = view.authorized_networks
    if networks is None:
        return "", ""
    listed = ",".join([*networks, "THIS_ADDRESS/32"])
    flags = ["--enable-master-authorized-networks", f"--master-authorized-networks={listed}"]
    words = f"its control plane is open to {', '.join(networks) or 'nobody outside its network'} only"
    return words, f"Run: {gcloud('container', 'clusters', 'update', view.name, *where, *flags)}"


def _host(address: str) -> str:
    try:
        return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    except ValueError:
        return address
