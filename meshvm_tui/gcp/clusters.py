"""A GKE cluster as the container API describes it: which address its control plane has for us, and what it means."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshvm_tui.gcp.gcloud_commands import gcloud
from meshvm_tui.problems import ActionNeeded, TransientError

if TYPE_CHECKING:
    from meshvm_tui.plan import GkeEndpoint

JSON = dict[str, Any]
RUNNING = ("RUNNING", "RECONCILING", "DEGRADED")
"""In all of them the control plane may answer: RECONCILING is work on it, such as an upgrade, and DEGRADED says that
some of its parts do not work (container v1, Cluster.status)."""
STARTING = ("PROVISIONING",)
DNS = "DNS"
_SELF_LINK = re.compile(r"/projects/([^/]+)/")


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
    def project(self) -> str:
        """The project that its own link names; "" for none."""
        found = _SELF_LINK.search(str(self.body.get("selfLink", "")))
        return found[1] if found else ""

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
        """The control plane's DNS endpoint, where it lets users in; else ""."""
        config = self.body.get("controlPlaneEndpointsConfig", {}).get("dnsEndpointConfig", {})
        return str(config.get("endpoint", "")) if config.get("allowExternalTraffic") else ""

    @property
    def private_address(self) -> str:
        """The control plane's address inside the cluster's network; "" for none."""
        older = self.body.get("privateClusterConfig", {}).get("privateEndpoint")
        return str(self._ip.get("privateEndpoint") or older or "")

    @property
    def allows_net_admin(self) -> bool:
        """Whether Pods may add NET_ADMIN: an Autopilot cluster has to allow it (--workload-policies)."""
        policy = self.body.get("autopilot", {}).get("workloadPolicyConfig", {})
        return not self.is_autopilot or bool(policy.get("allowNetAdmin"))

    @property
    def _ip(self) -> JSON:
        found: JSON = self.body.get("controlPlaneEndpointsConfig", {}).get("ipEndpointsConfig", {})
        return found

    @property
    def has_ip_endpoints(self) -> bool:
        """Whether the control plane answers at IP addresses at all. As gcloud reads it, a description that speaks of
        them and does not say that they are enabled says that they are not."""
        told = "ipEndpointsConfig" in self.body.get("controlPlaneEndpointsConfig", {})
        return not told or bool(self._ip.get("enabled"))

    def endpoint(self, wanted: GkeEndpoint) -> Endpoint:
        """The address that `gcloud container clusters get-credentials` would write: the DNS name where the IP addresses
        are off or it is asked for, the private address where that is asked for. ActionNeeded MVM-835 where there is
        none such, or where the DNS name lets no user in."""
        if wanted.value == "dns" or (wanted.value == "auto" and not self.has_ip_endpoints):
            if not self.dns_name:
                raise self._no("a DNS endpoint that lets users in", "--enable-dns-access")
            return Endpoint(f"https://{self.dns_name}", "", DNS)
        if not self.has_ip_endpoints:
            raise self._no("IP endpoints that are switched on", "--enable-ip-access")
        private = wanted.value == "private"
        address = self.private_address if private else self.body.get("endpoint") or self._ip.get("publicEndpoint")
        if not address:
            raise self._no("a private endpoint" if private else "an IP endpoint", "")
        authority = str(self.body.get("masterAuth", {}).get("clusterCaCertificate", ""))
        kind = "private IP" if address == self.private_address else "IP"
        return Endpoint(f"https://{_host(str(address))}", authority, kind)

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
        action = f"Run: {update_command(self, self.project, flag)}" if flag else "Choose another endpoint."
        return ActionNeeded("MVM-835", words, next_action=action)


def context_name(project: str, location: str, name: str) -> str:
    """As `gcloud container clusters get-credentials` calls a context."""
    return f"gke_{project}_{location}_{name}"


def get_credentials(project: str, location: str, name: str) -> str:
    """The command that makes the cluster's context in a kubeconfig."""
    return gcloud("container", "clusters", "get-credentials", name, f"--location={location}", f"--project={project}")


def update_command(view: ClusterView, project: str, *flags: str) -> str:
    """`gcloud container clusters update`."""
    where = [f"--location={view.location}", *([f"--project={project}"] if project else [])]
    return gcloud("container", "clusters", "update", view.name, *where, *flags)


def who_is_let_in(view: ClusterView) -> str:
    """From where the control plane's IP address can be reached, in words; "" where from anywhere."""
    if view.has_private_endpoint_only:
        return "the control plane has a private address only"
    networks = view.authorized_networks
    if networks is None:
        return ""
    return f"the control plane's address is open to {', '.join(networks) or 'no network that is named'} only"


def how_to_reach(view: ClusterView, endpoint: Endpoint, project: str) -> tuple[str, str]:
    """Why a control plane does not answer us, and what to do: words, and the exact command where there is one. Both
    are "" where its description is no reason."""
    if endpoint.kind == DNS or not (words := who_is_let_in(view)):
        return "", ""
    if view.dns_name:
        return words, "Set cluster.gke.endpoint to dns: the DNS endpoint lets users in."
    by_dns = update_command(view, project, "--enable-dns-access")
    if view.has_private_endpoint_only:
        return words, f"Go on inside its network, or run: {by_dns}"
    listed = ",".join([*(view.authorized_networks or ()), "THIS_ADDRESS/32"])
    flags = ["--enable-master-authorized-networks", f"--master-authorized-networks={listed}"]
    return words, f"Run: {update_command(view, project, *flags)} (or open the DNS endpoint: {by_dns})"


def _host(address: str) -> str:
    try:
        return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    except ValueError:
        return address
