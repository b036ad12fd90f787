"""The plan: the one document that says what the operator wants.

Screens, a resumed session and an unattended run all edit or read it. It never holds a secret.
Field names are those of Istio, Kubernetes and Google; the YAML spells them in camelCase.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from meshvm_tui import plan_patterns as patterns
from meshvm_tui.plan_base import (
    AUTO,
    DnsLabel,
    DnsLabelOrNothing,
    DnsName,
    EnvName,
    Image,
    LabelKey,
    LabelValue,
    Locality,
    MeshName,
    Part,
    Port,
    PortName,
    Version,
    ip_address,
    ip_range,
)
from meshvm_tui.plan_machines import (
    Firewall,
    FirewallTarget,
    GceCreate,
    GceInstance,
    GkeCluster,
    GkeEndpoint,
    Google,
    Machine,
    Ssh,
    Via,
)

__all__ = [
    "AUTO",
    "Firewall",
    "FirewallTarget",
    "GceCreate",
    "GceInstance",
    "GkeCluster",
    "GkeEndpoint",
    "Google",
    "Machine",
    "Plan",
    "Ssh",
    "Via",
]

API_VERSION: Literal["meshvm-tui/v1"] = "meshvm-tui/v1"
KIND: Literal["OnboardingPlan"] = "OnboardingPlan"
OFFICIAL = "official"


class Install(StrEnum):
    """What may be done to the control plane: keep never touches one that runs, install is for a cluster without
    Istio, upgrade brings the one that istioctl made to `mesh.version`."""

    KEEP = "keep"
    INSTALL = "install"
    UPGRADE = "upgrade"


class Cluster(Part):
    """Which cluster: a context of the kubeconfig, merged as kubectl does, or a GKE cluster that is reached with the
    Google login and needs no kubeconfig. Where both are there, the context is used and `gke` tells of its Pods."""

    context: str = ""
    kubeconfig: str = ""
    gke: GkeCluster | None = None


class Mesh(Part):
    """The control plane. `auto` takes a value as the running istiod has it.

    `revision` may be a revision or a revision tag. `version` is that of a new control plane (empty means
    istioctl's) or of an upgraded one, which has to be named. `upgradeCluster` confirms an upgrade: the name of the
    context whose control plane may be upgraded. An upgrade never changes the mesh's IDs, so they are `auto` or what
    the mesh has.
    """

    istio_namespace: DnsLabel = "istio-system"
    revision: DnsLabelOrNothing = AUTO
    install: Install = Install.KEEP
    version: Version = ""
    upgrade_cluster: str = ""
    profile: DnsLabelOrNothing = "default"
    mesh_id: MeshName = Field(AUTO, alias="meshID")
    cluster_id: MeshName = Field(AUTO, alias="clusterID")
    network: LabelValue = AUTO


class GatewayMethod(StrEnum):
    """How the east-west gateway is made."""

    APPLY = "apply"
    ISTIOCTL = "istioctl"


class Exposure(StrEnum):
    """From where the gateway's load balancer can be reached."""

    PUBLIC = "public"
    INTERNAL = "internal"


class Gateway(Part):
    """The east-west gateway through which the VM reaches istiod. One that exists and serves 15012 is taken as it is.

    `namespace` is where it runs; empty means Istio's. `exposure` and `sourceRanges` shape a new Service; an
    existing one is never turned from public to internal or back.
    """

    name: DnsLabel = "istio-eastwestgateway"
    namespace: DnsLabelOrNothing = ""
    method: GatewayMethod = GatewayMethod.APPLY
    address: str = AUTO
    exposure: Exposure = Exposure.PUBLIC
    source_ranges: list[str] = Field(default_factory=list)
    expose_istiod: bool = True
    expose_services: bool = False

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        return value if value == AUTO else ip_address(value)

    @field_validator("source_ranges")
    @classmethod
    def _ranges(cls, value: list[str]) -> list[str]:
        return [ip_range(item) for item in value]


class HttpGet(Part):
    """An HTTP health check of the workload."""

    path: str = "/"
    port: Port
    host: str | None = None
    scheme: Literal["HTTP", "HTTPS"] | None = None


class TcpSocket(Part):
    """A TCP health check of the workload."""

    port: Port
    host: str | None = None


class Exec(Part):
    """A command as a health check; it runs as istio-proxy."""

    command: list[str] = Field(min_length=1)


class Probe(Part):
    """The WorkloadGroup's readiness probe (Istio's ReadinessProbe). Times are in seconds."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    exec: Exec | None = None
    initial_delay_seconds: int | None = Field(None, ge=0)
    period_seconds: int | None = Field(None, ge=1)
    timeout_seconds: int | None = Field(None, ge=1)
    success_threshold: int | None = Field(None, ge=1)
    failure_threshold: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_method(self) -> Self:
        if sum(way is not None for way in (self.http_get, self.tcp_socket, self.exec)) != 1:
            raise ValueError("exactly one of httpGet, tcpSocket, exec is needed")
        return self


class Workload(Part):
    """Who the VM is in the mesh: the WorkloadGroup that its machines share."""

    name: DnsName = "hello-vm"
    namespace: DnsLabel = "vm-namespace"
    service_account: DnsName = "vm-sa"
    labels: dict[LabelKey, LabelValue] = Field(default_factory=lambda: {"app": "hello-vm"})
    annotations: dict[str, str] = Field(default_factory=dict)
    ports: dict[PortName, Port] = Field(default_factory=lambda: {"http": 80})
    network: LabelValue = ""
    locality: Locality = ""
    weight: int = Field(0, ge=0)
    probe: Probe | None = None


class Sidecar(Part):
    """The istio-sidecar package and its settings. `tokenDuration` is in seconds."""

    version: Version = ""
    package: str = OFFICIAL
    sha256: Annotated[str, StringConstraints(pattern=patterns.SHA256)] = ""
    capture_dns: bool = Field(True, alias="captureDNS")
    exclude_inbound_ports: list[Port] = Field(default_factory=list)
    exclude_outbound_ranges: list[str] = Field(default_factory=lambda: ["169.254.169.254/32"])
    extra_env: dict[EnvName, str] = Field(default_factory=dict)
    token_duration: int = Field(3600, ge=600)

    @field_validator("exclude_outbound_ranges")
    @classmethod
    def _ranges(cls, value: list[str]) -> list[str]:
        return [ip_range(item) for item in value]


class HelloWorld(Part):
    """The sample service in the cluster."""

    image: Image = "gcr.io/tetratelabs/hello-world:1.0.0"
    namespace: DnsLabel = "default"


class VmService(Part):
    """The Kubernetes Service that selects the workload."""

    name: DnsLabel = "hello-vm"
    port: Port = 80
    target_port: Port = 80


class HttpServer(Part):
    """The sample HTTP server on the VM."""

    port: Port = 80


class Services(Part):
    """The samples; `null` leaves one out."""

    hello_world: HelloWorld | None = Field(default_factory=HelloWorld)
    vm_service: VmService | None = Field(default_factory=VmService)
    http_server: HttpServer | None = Field(default_factory=HttpServer)


class ProbeFrom(StrEnum):
    """Where a request starts."""

    VM = "vm"
    CLUSTER = "cluster"


class TrafficProbe(Part):
    """One HTTP request that proves a direction. `expect` is the status code wanted."""

    source: ProbeFrom = Field(alias="from")
    url: Annotated[str, StringConstraints(pattern=patterns.PROBE_URL)]
    expect: int = Field(200, ge=100, le=599)


class Probes(Part):
    """The proof: an empty list stands for one request each way between the samples."""

    requests: list[TrafficProbe] = Field(default_factory=list)
    curl_image: Image = "curlimages/curl:8.10.1"


class Plan(Part):
    """What the operator wants, whole."""

    api_version: Literal["meshvm-tui/v1"] = API_VERSION
    kind: Literal["OnboardingPlan"] = KIND
    cluster: Cluster = Field(default_factory=Cluster)
    google: Google = Field(default_factory=Google)
    mesh: Mesh = Field(default_factory=Mesh)
    gateway: Gateway = Field(default_factory=Gateway)
    workload: Workload = Field(default_factory=Workload)
    machines: list[Machine] = Field(default_factory=list)
    firewall: Firewall = Field(default_factory=Firewall)
    sidecar: Sidecar = Field(default_factory=Sidecar)
    services: Services = Field(default_factory=Services)
    probes: Probes = Field(default_factory=Probes)

    @field_validator("machines")
    @classmethod
    def _unique_names(cls, value: list[Machine]) -> list[Machine]:
        names = [machine.name for machine in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two machines are called {twice[0]}; names must differ")
        return value

    def traffic_probes(self) -> tuple[TrafficProbe, ...]:
        """The requests to make: those of the plan, or one each way between the samples that it has."""
        if self.probes.requests:
            return tuple(self.probes.requests)
        found: list[dict[str, Any]] = []
        if self.services.hello_world:
            found.append({"from": "vm", "url": f"http://hello-world.{self.services.hello_world.namespace}"})
        if service := self.services.vm_service:
            port = "" if service.port == 80 else f":{service.port}"
            found.append({"from": "cluster", "url": f"http://{service.name}.{self.workload.namespace}{port}"})
        return tuple(TrafficProbe.model_validate(item) for item in found)

    @property
    def uses_google(self) -> bool:
        """Whether anything of it is on Google Cloud."""
        return self.cluster.gke is not None or any(machine.gce for machine in self.machines)

    @property
    def gateway_namespace(self) -> str:
        """Where the gateway runs."""
        return self.gateway.namespace or self.mesh.istio_namespace

    def machine(self, name: str) -> Machine:
        """The machine of that name; KeyError where the plan has none."""
        for machine in self.machines:
            if machine.name == name:
                return machine
        raise KeyError(name)
