"""Gathers from the cluster what the bootstrap files are made of, all at once: it costs about its slowest call.

Everything is read before anything is written, and what is missing is named in the order in which an operator
would mend it: the group, its namespace, its ServiceAccount, istiod's configuration, the gateway's address.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from meshvm_tui.bootstrap_answers import cluster_name, data, part, service_address
from meshvm_tui.istio import hosts, mesh_config, pem, token
from meshvm_tui.istio.bootstrap import Additions, BootstrapInput, notes
from meshvm_tui.istio.names import DEFAULT_REVISION, default_tag_webhook, revisioned
from meshvm_tui.istio.workload_group import WorkloadGroup, parse_object
from meshvm_tui.ports import (
    CONFIG_MAPS,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    SERVICE_ACCOUNTS,
    SERVICES,
    WORKLOAD_GROUPS,
    Resource,
    Token,
)
from meshvm_tui.problems import ActionNeeded, Problem

if TYPE_CHECKING:
    from meshvm_tui.ports import ClusterReader

JSON = dict[str, Any]
T = TypeVar("T")

DEFAULT_GATEWAY = "istio-eastwestgateway"
ROOT_CERT_CONFIG_MAP, ROOT_CERT_KEY = "istio-ca-root-cert", "root-cert.pem"
_REVISION_LABEL = "istio.io/rev"
_FORBIDDEN, _NOT_KNOWN = "MVM-107", "MVM-115"
_CALLS_AT_ONCE = 8

CreateToken = Callable[[str, str], Token]
"""(namespace, ServiceAccount) to a token."""


@dataclass(frozen=True)
class SourceRequest:
    """What is asked for. A group is given, or named to be read from the API server.

    `revision` None looks up the default one (as istioctl does since 1.28); `cluster_id` None takes it from the
    injector's values; `ingress_ip` is used where it is an IP, else the Service's address is.
    """

    group: WorkloadGroup | None = None
    name: str = ""
    namespace: str = ""
    istio_namespace: str = "istio-system"
    revision: str | None = None
    cluster_id: str | None = None
    ingress_service: str = DEFAULT_GATEWAY
    ingress_ip: str = ""
    internal_ip: str = ""
    external_ip: str = ""
    capture_dns: bool = True
    auto_register: bool = False
    extra: Additions = field(default_factory=Additions)


@dataclass(frozen=True)
class Gathered:
    """The input of the files, what an operator should know about it, and when the token ends (RFC 3339)."""

    given: BootstrapInput
    warnings: tuple[str, ...] = ()
    token_expires: str = ""


def gather(cluster: ClusterReader, request: SourceRequest, *, create_token: CreateToken | None = None) -> Gathered:
    """Reads everything at once; a token is made only where `create_token` is given.

    Raises Problems MVM-501 to MVM-511 and MVM-514 for what is missing or unreadable, and those of the API.
    """
    pool = ThreadPoolExecutor(_CALLS_AT_ONCE, "bootstrap-source")
    try:
        return _Reads(cluster, request, pool, create_token).gathered()
    finally:
        # What is still under way after a failure is not waited for; closing the cluster ends it.
        pool.shutdown(wait=False, cancel_futures=True)


class _Reads:
    """The calls under way. The constructor starts all that can be started; `gathered` waits for them in order."""

    def __init__(
        self, cluster: ClusterReader, request: SourceRequest, pool: ThreadPoolExecutor, create_token: CreateToken | None
    ) -> None:
        self._cluster, self._request, self._pool, self._create_token = cluster, request, pool, create_token
        self._warnings: list[str] = []
        self._namespace_name = request.group.namespace if request.group else request.namespace
        self._token: Future[Token] | None = None
        self._account: Future[JSON | None] | None = None
        if request.group:
            self._start_identity(request.group)
        else:
            self._group = self._get(WORKLOAD_GROUPS, request.name, request.namespace)
        self._namespace = self._get(NAMESPACES, self._namespace_name)
        self._root_cert = self._get(CONFIG_MAPS, ROOT_CERT_CONFIG_MAP, self._namespace_name)
        self._webhook = (
            self._get(MUTATING_WEBHOOKS, default_tag_webhook(request.istio_namespace))
            if request.revision is None
            else None
        )
        # Until the default revision is known, the unrevisioned names are the best guess.
        self._istiod = self._start_istiod(request.revision or DEFAULT_REVISION)
        self._service = None if hosts.is_ip(request.ingress_ip) else self._start_service()

    def gathered(self) -> Gathered:
        """Waits for the calls; raises the most telling of their failures."""
        request = self._request
        group = request.group or self._read_group()
        self._check_namespace()
        self._check_account(group)
        revision = self._revision()
        mesh = self._mesh(revision)
        cluster_id = self._cluster_id(revision)
        given = BootstrapInput(
            group=group,
            mesh=mesh,
            root_cert=self._root(),
            gateway_address=self._gateway_address(),
            istio_namespace=request.istio_namespace,
            revision=revision,
            cluster_id=cluster_id,
            internal_ip=request.internal_ip,
            external_ip=request.external_ip,
            capture_dns=request.capture_dns,
            auto_register=request.auto_register,
            extra=request.extra,
        )
        made = self._made_token(group)
        complete = BootstrapInput(**{**vars(given), "token": made.value}) if made else given
        return Gathered(complete, (*notes(complete), *self._warnings), made.expires if made else "")

    def _get(self, resource: Resource, name: str, namespace: str | None = None) -> Future[JSON | None]:
        return self._pool.submit(self._cluster.get, resource, name, namespace)

    def _start_identity(self, group: WorkloadGroup) -> None:
        self._account = self._get(SERVICE_ACCOUNTS, group.service_account, group.namespace)
        if self._create_token:
            self._token = self._pool.submit(self._create_token, group.namespace, group.service_account)

    def _start_istiod(self, revision: str) -> tuple[str, Future[JSON | None], Future[JSON | None] | None]:
        namespace = self._request.istio_namespace
        mesh = self._get(CONFIG_MAPS, revisioned("istio", revision), namespace)
        if self._request.cluster_id is not None:
            return revision, mesh, None
        return revision, mesh, self._get(CONFIG_MAPS, revisioned("istio-sidecar-injector", revision), namespace)

    def _start_service(self) -> Future[JSON | None]:
        if not all(self._service_place()):
            cause = f"{self._request.ingress_service!r} names no Service: <service> or <service>.<namespace> is needed"
            raise ActionNeeded("MVM-508", cause, next_action="Name the Service, or the address with --ingressIP.")
        if self._request.ingress_ip:
            self._warnings.append(f"{self._request.ingress_ip!r} is no IP address, so the gateway's Service is asked")
        return self._get(SERVICES, *self._service_place())

    def _service_place(self) -> tuple[str, str]:
        name, dot, namespace = self._request.ingress_service.partition(".")
        if dot and "." not in namespace:
            return name, namespace
        return self._request.ingress_service, self._request.istio_namespace

    def _read_group(self) -> WorkloadGroup:
        request = self._request
        found = self._group.result()
        if found is None:
            self._check_namespace()
            cause = f"workloadgroup {request.name} not found in namespace {request.namespace}"
            raise ActionNeeded("MVM-502", cause)
        group = parse_object(found, f"WorkloadGroup {request.namespace}/{request.name}")
        self._start_identity(group)
        return group

    def _check_namespace(self) -> None:
        name = self._namespace_name
        try:
            found = self._namespace.result()
        except Problem as problem:
            if problem.code != _FORBIDDEN:
                raise
            # Whoever may make a token in a namespace need not be allowed to read the namespace itself.
            return
        if found is None:
            raise ActionNeeded(
                "MVM-503", f'namespaces "{name}" not found', next_action=f"Run: kubectl create namespace {name}"
            )

    def _check_account(self, group: WorkloadGroup) -> None:
        if self._account is None:
            return
        try:
            if self._account.result() is None:
                raise _no_account(group, f'serviceaccounts "{group.service_account}" not found')
        except Problem as problem:
            if problem.code != _FORBIDDEN:
                raise

    def _revision(self) -> str:
        if self._webhook is None:
            return self._request.revision or DEFAULT_REVISION
        try:
            found = self._webhook.result() or {}
        except Problem as problem:
            if problem.code != _FORBIDDEN:
                raise
            self._warnings.append("the default revision could not be read (name one with -r): default is taken")
            return DEFAULT_REVISION
        return str(part(found, "metadata", "labels").get(_REVISION_LABEL) or DEFAULT_REVISION)

    def _istiod_of(self, revision: str) -> tuple[Future[JSON | None], Future[JSON | None] | None]:
        if revisioned("", revision) != revisioned("", self._istiod[0]):
            self._istiod = self._start_istiod(revision)
        return self._istiod[1:]

    def _mesh(self, revision: str) -> mesh_config.MeshConfig:
        name, namespace = revisioned("istio", revision), self._request.istio_namespace
        found = self._istiod_of(revision)[0].result()
        if found is None:
            raise ActionNeeded("MVM-505", f"configmap {name} was not found in namespace {namespace}")
        return mesh_config.parse(data(found, "mesh"), f"ConfigMap {namespace}/{name}")

    def _cluster_id(self, revision: str) -> str:
        if self._request.cluster_id is not None:
            return self._request.cluster_id
        name, namespace = revisioned("istio-sidecar-injector", revision), self._request.istio_namespace
        reading = self._istiod_of(revision)[1]
        found = reading.result() if reading else None
        if found is None:
            raise ActionNeeded("MVM-507", f"configmap {name} was not found in namespace {namespace}")
        cluster_id = cluster_name(data(found, "values"), f"ConfigMap {namespace}/{name}")
        if not cluster_id:
            self._warnings.append(
                f"ConfigMap {namespace}/{name} names no cluster, so ISTIO_META_CLUSTER_ID is empty;"
                " istiod then calls its own cluster Kubernetes: --clusterID Kubernetes says so"
            )
        return cluster_id

    def _root(self) -> str:
        name = self._namespace_name
        found = self._root_cert.result()
        if found is None:
            raise ActionNeeded("MVM-510", f"configmap {ROOT_CERT_CONFIG_MAP} was not found in namespace {name}")
        text = data(found, ROOT_CERT_KEY)
        if fault := pem.pem_fault(text):
            self._warnings.append(f"root-cert.pem {fault}: the VM will trust no istiod with it")
        return text

    def _gateway_address(self) -> str:
        if self._service is None:
            return self._request.ingress_ip
        name, namespace = self._service_place()
        return service_address(self._service.result(), f"Service {namespace}/{name}")

    def _made_token(self, group: WorkloadGroup) -> Token | None:
        if self._token is None:
            return None
        try:
            return self._token.result()
        except Problem as problem:
            if problem.code == _NOT_KNOWN:
                raise _no_account(group, problem.cause) from problem
            raise


def _no_account(group: WorkloadGroup, words: str) -> ActionNeeded:
    name, namespace = group.service_account, group.namespace
    return ActionNeeded(
        "MVM-504",
        f"{words} (namespace {namespace})",
        next_action=f"Run: kubectl create serviceaccount {name} -n {namespace}",
    )


def token_maker(cluster: Any, seconds: int) -> CreateToken:
    """`create_token` of a cluster for istiod, with the wanted life in seconds."""

    def create(namespace: str, service_account: str) -> Token:
        made: Token = cluster.create_token(namespace, service_account, audience=token.AUDIENCE, seconds=seconds)
        return made

    return create
