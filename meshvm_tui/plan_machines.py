"""The parts of the plan that say where things are: Google Cloud, the VMs, the way into them and the firewall."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from meshvm_tui import plan_patterns as patterns
from meshvm_tui.plan_base import (
    AUTO,
    DnsLabel,
    Part,
    Port,
    Project,
    Resource,
    SshHost,
    SshUser,
    Zone,
    ip_address,
    ip_range,
)


class Google(Part):
    """The Google login. `auto` is as gcloud has it: CLOUDSDK_* variables, then the active configuration."""

    impersonate_service_account: str = AUTO
    quota_project: str = AUTO


class GkeEndpoint(StrEnum):
    """Which address of a GKE control plane is used."""

    AUTO = "auto"
    """As gcloud chooses: the DNS name where the IP addresses are switched off, else the IP address."""
    DNS = "dns"
    IP = "ip"
    PRIVATE = "private"


class GkeCluster(Part):
    """A cluster that was found through Google. An empty project is gcloud's own."""

    project: Project = ""
    location: Zone
    name: DnsLabel
    endpoint: GkeEndpoint = GkeEndpoint.AUTO


class Via(StrEnum):
    """The way SSH goes to a machine."""

    EXTERNAL = "external"
    INTERNAL = "internal"
    IAP = "iap"
    JUMP = "jump"


class Ssh(Part):
    """How to log in to a machine. What is left out is as ssh's own configuration says of the host (`ssh -G`), so that
    an alias of ssh_config is enough; 22 counts as left out. `key` is then the only key that is tried. `jump` is
    user@host:port, or several with commas between them, for `via: jump`. `knownHost` pins the machine's own host key:
    `SHA256:…` or `<type> <base64>`. A password for sudo or a key's passphrase never stands here: it is asked for.

    On Compute Engine a machine without `key` is entered with a key that lives in memory for the run only."""

    user: SshUser | None = None
    port: Port = 22
    key: str = ""
    via: Via = Via.EXTERNAL
    jump: Annotated[str, StringConstraints(pattern=patterns.JUMP_OR_NOTHING)] = ""
    known_host: Annotated[str, StringConstraints(pattern=patterns.HOST_KEY_OR_NOTHING)] = ""


class GceCreate(Part):
    """What to create where the instance does not exist, as `gcloud compute instances create` does.

    `network` and `subnet` are names, or paths as projects/HOST/global/networks/NAME for a Shared VPC.
    `serviceAccount` is empty for the project's default one, or `none`."""

    machine_type: Resource = "n1-standard-2"
    image_family: Resource = "debian-12"
    image_project: Project = "debian-cloud"
    tags: list[DnsLabel] = Field(default_factory=lambda: ["mesh-vm"])
    network: Resource = "default"
    subnet: Resource = ""
    service_account: Annotated[str, StringConstraints(pattern=patterns.ACCOUNT_OR_NOTHING)] = ""
    external_address: bool = True


class GceInstance(Part):
    """A Compute Engine instance. An empty project or zone is gcloud's own. Without `create` it has to exist."""

    project: Project = ""
    zone: Zone = ""
    create: GceCreate | None = None


class Machine(Part):
    """One VM. `address` is the IP that Pods can reach; empty means the address that SSH uses, or on Compute Engine
    the instance's internal one."""

    name: DnsLabel
    gce: GceInstance | None = None
    host: SshHost | None = None
    ssh: Ssh = Field(default_factory=Ssh)
    address: str = ""

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        return ip_address(value) if value else value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.gce and self.host:
            raise ValueError("only one of gce, host may be given")
        return self


class FirewallTarget(StrEnum):
    """How a rule names the VMs that it is for."""

    TAG = "tag"
    SERVICE_ACCOUNT = "serviceAccount"


class Firewall(Part):
    """The rule that lets Pods reach the machines' ports, for machines on Compute Engine.

    `manage: false` leaves it to somebody else: it is only looked at. `sources` auto is every Pod range of the cluster.
    `target` names the VMs by their network tags, or by their service account."""

    name: DnsLabel = "cluster-pods-to-vm"
    manage: bool = True
    ports: list[Port] = Field(default_factory=lambda: [80])
    sources: Literal["auto"] | list[Annotated[str, StringConstraints(pattern=patterns.IP_RANGE)]] = AUTO  # type: ignore[assignment]
    target: FirewallTarget = FirewallTarget.TAG

    @field_validator("sources")
    @classmethod
    def _ranges(cls, value: str | list[str]) -> str | list[str]:
        return value if isinstance(value, str) else [ip_range(item) for item in value]
