"""What a step may ask of the world. Adapters fulfil these; tests may fake them; nothing else crosses.

Each port has a reading half and a mutating one. Observing and planning are never given the mutating half.
Every call has a timeout of its own and raises `problems.Problem`, never a library's exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from meshvm_tui.compute_ports import Compute, ComputeReader, InstanceAccess, InstanceAccessReader
    from meshvm_tui.plan import Machine, Plan

JSON = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """A kind of object as the API server serves it; `group` is "" for the core."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As it stands in an object's `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The URL path of a collection, or of one object where a name is given. A name stays one part of the path."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{_one_part(namespace)}" if self.namespaced and namespace else ""
        return f"{root}{scope}/{self.plural}" + (f"/{_one_part(name)}" if name else "")


def _one_part(name: str) -> str:
    """A name as one part of a path, so that it cannot lead to another object. The transport quotes the rest.

    What is replaced here makes the API server refuse the name: none may hold a `%`.
    """
    return name.replace(".", "%2E") if name in (".", "..") else name.replace("/", "%2F")


NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICES = Resource("", "v1", "services", "Service")
PODS = Resource("", "v1", "pods", "Pod")
EVENTS = Resource("", "v1", "events", "Event")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
HORIZONTAL_POD_AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
RESOURCE_QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
MUTATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    False,
)
VALIDATING_WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    False,
)
GATEWAYS = Resource("networking.istio.io", "v1", "gateways", "Gateway")
VIRTUAL_SERVICES = Resource("networking.istio.io", "v1", "virtualservices", "VirtualService")
WORKLOAD_GROUPS = Resource("networking.istio.io", "v1", "workloadgroups", "WorkloadGroup")
WORKLOAD_ENTRIES = Resource("networking.istio.io", "v1", "workloadentries", "WorkloadEntry")
PEER_AUTHENTICATIONS = Resource("security.istio.io", "v1", "peerauthentications", "PeerAuthentication")


@dataclass(frozen=True)
class Access:
    """One question to the API server: may we do this? (SelfSubjectAccessReview)"""

    verb: str
    resource: Resource
    namespace: str = ""
    subresource: str = ""


@dataclass(frozen=True)
class WatchEvent:
    """A change that a watch told: SYNCED after a (re)list with all `objects`, or ADDED, MODIFIED, DELETED.

    STALE says that the connection is lost and since when tried again, with the reason in `message`."""

    type: str
    object: JSON = field(default_factory=dict)
    objects: tuple[JSON, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class Token:
    """A ServiceAccount token; `expires` is RFC 3339. The value is hidden in every representation."""

    value: str = field(repr=False)
    expires: str = ""


class ClusterReader(Protocol):
    """The reading half of a cluster: GET, list, watch and self-reviews only."""

    @property
    def context(self) -> str:
        """The context's name."""

    @property
    def server(self) -> str:
        """The API server's URL."""

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> JSON | None:
        """One object without managedFields stripped, or None where there is none."""

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[JSON]:
        """All objects, paged; all namespaces where none is named. Empty where the kind is not served."""

    def first(self, resource: Resource, count: int) -> Sequence[JSON]:
        """At most so many objects of all namespaces, in one page; empty where the kind is not served."""

    def watch(self, resource: Resource, namespace: str | None, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """List, then watch for ever: survives 410, cuts and expired credentials; ends when `stop` says so."""

    def version(self) -> str:
        """The server's gitVersion."""

    def server_time(self) -> float | None:
        """The server's clock by its last Date header, as seconds since the epoch."""

    def serves(self, resource: Resource) -> bool:
        """Whether the kind is served (discovery)."""

    def user(self) -> str:
        """Who we are (SelfSubjectReview); "" where the server cannot say."""

    def allowed(self, questions: Sequence[Access]) -> tuple[bool, ...]:
        """The answers, in the questions' order (SelfSubjectAccessReview, in parallel)."""

    def pod_log(self, namespace: str, name: str, container: str, *, tail_lines: int = 200) -> str:
        """The end of a container's log."""

    def close(self) -> None:
        """Ends every call and watch under way."""


class Cluster(ClusterReader, Protocol):
    """A cluster that may be changed."""

    def apply(self, obj: JSON, *, dry_run: bool = False) -> JSON:
        """Server-side apply with our field manager, never forced. A conflict is MVM-110 with the manager's name."""

    def create(self, obj: JSON) -> JSON:
        """Creates one object; its metadata may say generateName."""

    def delete(self, resource: Resource, name: str, namespace: str | None, *, uid: str = "") -> None:
        """Deletes one object, only if it still has that uid; done as well where it is already gone."""

    def create_token(self, namespace: str, service_account: str, *, audience: str, seconds: int) -> Token:
        """A bound token (TokenRequest)."""


class SecretKind(StrEnum):
    """What an operator may be asked for that is never kept on a disk."""

    SUDO = "sudo"
    """The password that sudo wants; `subject` is user@host:port."""
    PASSPHRASE = "passphrase"  # noqa: S105  the name of a kind
    """What opens an encrypted private key; `subject` is the key's path."""


class Secrets(Protocol):
    """The way to ask the operator for a secret. It lives in memory for the run; nothing of it is stored or told."""

    def ask(self, kind: SecretKind, subject: str, cancelled: Callable[[], bool]) -> str | None:
        """The secret, from what was given before or by asking now; None where nobody can be asked, or answers."""

    def reject(self, kind: SecretKind, subject: str) -> None:
        """What was given is wrong: it is forgotten, and not given again."""


@dataclass(frozen=True)
class GuestQuery:
    """What an observation of a guest must know: plain values that become shell variables by quoting."""

    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GuestFacts:
    """What `guest.sh observe` reported, by topic. `clock_skew` is in seconds (VM minus here)."""

    values: Mapping[str, Any]
    host_key: str = ""
    clock_skew: float = 0.0


@dataclass(frozen=True)
class GuestReport:
    """One JSON line of `guest.sh`: which step, what state (started, ok, changed, failed, info), what else."""

    step: str
    state: str
    message: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GuestOrder:
    """One execution on a VM: a mode of guest.sh, plain values, and files that are sent with it.

    Files are sent by content or, where large, by a local path; nothing of them is ever in an argument list."""

    mode: str
    values: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    paths: Mapping[str, Path] = field(default_factory=dict)


class GuestReader(Protocol):
    """The reading half of a VM's inside."""

    def observe(self, query: GuestQuery) -> GuestFacts:
        """Runs `guest.sh observe` on standard input to a shell; writes nothing on the VM."""

    def close(self) -> None:
        """Ends the connection."""


class Guest(GuestReader, Protocol):
    """A VM's inside that may be changed."""

    def execute(self, order: GuestOrder, cancelled: Callable[[], bool]) -> Iterator[GuestReport]:
        """Sends one order and gives its reports as they come; ends after the script's own `end` line.

        A cut connection is a TransientError; a script that ends without its `end` line is a failure."""

    def prove_new_connection(self) -> None:
        """Opens a second connection beside the first and runs `true` over it, or raises."""


class IstioctlReader(Protocol):
    """istioctl where it only looks."""

    def version(self) -> str:
        """The client's version, or a Problem where there is no istioctl."""

    def precheck(self, *, istio_namespace: str) -> str:
        """`istioctl x precheck`: its words where it found nothing; ActionNeeded with them where it did."""

    def manifest(self, operator_yaml: str, *, revision: str) -> str:
        """`istioctl manifest generate` for the plan's cluster: the objects as YAML. Nothing is applied."""


class Istioctl(IstioctlReader, Protocol):
    """istioctl as a child process."""

    def install(
        self, operator_yaml: str, *, revision: str, log: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> None:
        """`istioctl install -y -f -` on the plan's cluster."""


@dataclass(frozen=True)
class ContextEntry:
    """A context of the merged kubeconfig."""

    name: str
    cluster: str
    server: str
    user: str
    namespace: str
    current: bool


class Connections(Protocol):
    """Opens ports for a plan. Ports that were opened are kept and given again until closed."""

    def contexts(self, kubeconfig: str) -> tuple[ContextEntry, ...]:
        """The contexts of the merged kubeconfig; a Problem where there is none."""

    def cluster_reader(self, plan: Plan) -> ClusterReader:
        """The plan's cluster through a transport that lets nothing but reads and self-reviews out."""

    def cluster(self, plan: Plan) -> Cluster:
        """The plan's cluster."""

    def guest_reader(self, plan: Plan, machine: Machine) -> GuestReader:
        """A machine's inside, for looking."""

    def guest(self, plan: Plan, machine: Machine) -> Guest:
        """A machine's inside."""

    def istioctl(self, plan: Plan) -> Istioctl:
        """istioctl against the plan's cluster."""

    def compute_reader(self, plan: Plan) -> ComputeReader:
        """Google Cloud with the plan's login, for looking; nothing of it is loaded before it is asked."""

    def compute(self, plan: Plan) -> Compute:
        """Google Cloud with the plan's login."""

    def access_reader(self, plan: Plan, machine: Machine) -> InstanceAccessReader:
        """The way into a machine on Compute Engine, for looking."""

    def access(self, plan: Plan, machine: Machine) -> InstanceAccess:
        """The way into a machine on Compute Engine; its guest goes the same way."""

    def close(self) -> None:
        """Closes every port."""


@dataclass(frozen=True)
class ReadPorts:
    """What observing and planning get. `guest` is None for steps that belong to no machine, `compute` where the plan
    has nothing on Google Cloud, `access` where the machine is not on Compute Engine."""

    cluster: ClusterReader
    istioctl: IstioctlReader
    guest: GuestReader | None = None
    compute: ComputeReader | None = None
    access: InstanceAccessReader | None = None


@dataclass(frozen=True)
class Ports:
    """What applying gets."""

    cluster: Cluster
    istioctl: Istioctl
    guest: Guest | None = None
    compute: Compute | None = None
    access: InstanceAccess | None = None

    def reading(self) -> ReadPorts:
        """The same, for a step's observation."""
        return ReadPorts(self.cluster, self.istioctl, self.guest, self.compute, self.access)
