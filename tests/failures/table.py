"""The failure table: what goes wrong, what is said of it, and how a test makes it happen.

Titles and next actions are the catalogue's. `cause` is what the other system says, word for word; a name in braces
is a value that the test makes up and finds again there, and " … " stands for words that do not matter.
"""

from __future__ import annotations

from tests.failures.row import Chapter, Row, fault
from tests.failures.table_google import GOOGLE_LOGIN, GOOGLE_MACHINE
from tests.failures.table_vm import INSTALL, MACHINE, REGISTRATION

__all__ = ["CHAPTERS", "Chapter", "Row", "fault", "rows"]

CLUSTER = Chapter(
    "The cluster and its credentials",
    (
        Row("no-kubeconfig", "MVM-101", 3, "no such file: {path}", "a path where no file is"),
        Row(
            "unknown-context", "MVM-102", 3, "no context '{context}' … there are: {known}", "a context of another file"
        ),
        Row(
            "kubeconfig-damaged",
            "MVM-112",
            1,
            "{path}, line 2 … found undefined alias '{alias}'",
            "a kubeconfig that is no YAML",
        ),
        Row("api-unreachable", "MVM-103", 1, "{server} … Connection refused", "a server where nobody listens"),
        Row(
            "api-unknown-name",
            "MVM-103",
            1,
            "{host} … Name or service not known",
            "a server's name that no resolver knows",
        ),
        Row(
            "api-untrusted", "MVM-104", 3, "{server} … certificate verify failed", "another authority in the kubeconfig"
        ),
        Row(
            "api-other-name",
            "MVM-104",
            3,
            "certificate is not valid for '{name}'",
            "another `tls-server-name` in the kubeconfig",
        ),
        Row("plugin-missing", "MVM-113", 3, "{plugin} is not on PATH … {hint}", "an exec plugin that is not installed"),
        Row("plugin-failing", "MVM-105", 3, "{plugin} … {words}", "an exec plugin that ends with an error"),
        Row("plugin-empty", "MVM-114", 3, "{plugin} … no JSON … {words}", "an exec plugin that prints no credential"),
        Row("api-unauthorized", "MVM-106", 3, "{words}", fault("api-401:WORDS")),
        Row(
            "api-forbidden",
            "MVM-107",
            3,
            'workloadgroups.networking.istio.io "{group}" is forbidden: User "lab-admin" cannot patch resource',
            fault("api-403:patch:workloadgroups"),
        ),
        Row("api-overloaded", "MVM-108", 1, "{words}", fault("api-429:WORDS")),
        Row("api-failing", "MVM-119", 1, "Internal error occurred: {words}", fault("api-500:WORDS")),
    ),
)

MESH = Chapter(
    "Mesh, gateway and the workload's objects",
    (
        Row(
            "istio-absent",
            "MVM-201",
            3,
            "no istiod runs in namespace {namespace}",
            "a cluster without Istio, `mesh.install: keep`",
        ),
        Row("istioctl-failing", "MVM-209", 1, "Error: {words}", "an istioctl that ends with an error"),
        Row(
            "revision-unknown",
            "MVM-204",
            3,
            "revision {revision} does not run in istio-system; there is default",
            "another `mesh.revision`",
        ),
        Row("mesh-of-other-ids", "MVM-205", 3, "mesh.meshID is '{id}', the mesh has 'mesh1'", "another `mesh.meshID`"),
        Row(
            "auto-registration-off",
            "MVM-203",
            3,
            "Deployment istiod sets PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION={value}",
            "the variable in istiod's Deployment",
        ),
        Row(
            "webhook-unreachable",
            "MVM-231",
            1,
            'Internal error occurred: failed calling webhook "object.sidecar-injector.istio.io" … {words}',
            fault("webhook-unreachable:WORDS"),
        ),
        Row(
            "gateway-not-injected",
            "MVM-231",
            1,
            'Pod {gateway}- … ErrImagePull Failed to pull image "auto"',
            fault("webhook-unreachable") + " and `failurePolicy: Ignore` in the webhook",
        ),
        Row(
            "gateway-pending",
            "MVM-212",
            3,
            "Service {gateway} … SyncLoadBalancerFailed: {words}",
            fault("gateway-pending:WORDS"),
        ),
        Row(
            "gateway-quota",
            "MVM-212",
            3,
            "SyncLoadBalancerFailed: Quota '{quota}' exceeded",
            fault("gateway-pending:WORDS"),
        ),
        Row("gateway-host-name", "MVM-214", 3, "{host} to be resolved", fault("gateway-hostname:HOST")),
        Row(
            "gateway-without-istiod",
            "MVM-211",
            3,
            "istio-system/{gateway} … lacks port 15012",
            "a Service of another hand without the port",
        ),
        Row(
            "gateway-of-wrong-type",
            "MVM-213",
            3,
            "Service {gateway} is of type ClusterIP",
            "a Service of type ClusterIP",
        ),
        Row(
            "namespace-terminating",
            "MVM-117",
            1,
            "{namespace} … {finalizer}",
            "a namespace that a finalizer holds while it is deleted",
        ),
        Row(
            "field-conflict",
            "MVM-110",
            3,
            "{manager} owns .spec.template.serviceAccount … 'their-sa' by {manager}",
            "another manager applied the field",
        ),
        Row("quota-exceeded", "MVM-118", 3, "is forbidden: exceeded quota: {quota}", fault("quota-exceeded:QUOTA")),
        Row(
            "admission-refused",
            "MVM-121",
            3,
            'admission webhook "validation.gatekeeper.sh" denied the request: [{policy}]',
            fault("admission-refused:POLICY"),
        ),
        Row(
            "group-missing",
            "MVM-502",
            3,
            "workloadgroup {group} not found in namespace vm-namespace",
            "`files --name GROUP`",
        ),
        Row(
            "service-account-missing",
            "MVM-504",
            3,
            'serviceaccounts "{account}" not found',
            "`files -f` with another ServiceAccount",
        ),
    ),
)


def _flagged(flag: str, code: str, words: str, status: int = 503) -> Row:
    """A row of a response flag: it and the request stand in the access log of the client's Envoy."""
    logged = f'"GET {{path}}?id= … HTTP/1.1" {status} {flag} {words}'
    return Row(
        f"envoy-{flag.partition(',')[0].lower()}", code, 1, logged, fault(f"response-flag:{flag.partition(',')[0]}")
    )


PROBES = Chapter(
    "The requests that prove it",
    (
        Row(
            "name-not-resolved", "MVM-611", 1, "curl: (6) Could not resolve host: {host}", "a name that no Service has"
        ),
        Row(
            "connection-refused",
            "MVM-612",
            1,
            "curl: (7) Failed to connect to {place}",
            "an address where nobody listens",
        ),
        Row(
            "connection-reset",
            "MVM-616",
            1,
            "{place} … curl: (56) Recv failure: Connection reset by peer",
            "a server that cuts the connection",
        ),
        Row(
            "another-status",
            "MVM-617",
            1,
            "HTTP 404, expected 200; it says: {words}",
            "a server that says no",
        ),
        Row(
            "firewall-closed",
            "MVM-615",
            1,
            '"GET {path}?id= … 503 UF,URX … outbound|80||hello-vm.vm-namespace.svc.cluster.local',
            fault("firewall-closed"),
        ),
        _flagged("UH", "MVM-614", "no_healthy_upstream"),
        _flagged("UF,URX", "MVM-615", "upstream_reset_before_response_started{{connection_timeout}}"),
        _flagged("UO", "MVM-624", "upstream_reset_before_response_started{{overflow}}"),
        _flagged("UC", "MVM-616", "upstream_reset_before_response_started{{connection_termination}}"),
        _flagged("UR", "MVM-616", "upstream_reset_before_response_started{{remote_reset}}"),
        _flagged("LR", "MVM-616", "upstream_reset_before_response_started{{local_reset}}"),
        _flagged("NC", "MVM-625", "cluster_not_found"),
        _flagged("NR", "MVM-625", "route_not_found", 404),
        _flagged("UT", "MVM-613", "response_timeout", 504),
        _flagged("DC", "MVM-613", "downstream_remote_disconnect", 0),
        Row(
            "curl-image-missing", "MVM-621", 1, 'ErrImagePull: Failed to pull image "{image}"', fault("image-pull:PART")
        ),
        Row(
            "pod-sidecar-crashing",
            "MVM-627",
            1,
            "container istio-init: CrashLoopBackOff … ended with 1: {words}",
            fault("sidecar-crash:WORDS"),
        ),
        Row(
            "pod-not-admitted",
            "MVM-122",
            1,
            'failed calling webhook "object.sidecar-injector.istio.io" … {words}',
            fault("webhook-unreachable:WORDS"),
        ),
        Row(
            "sample-image-missing",
            "MVM-601",
            1,
            'ErrImagePull Failed to pull image "{image}"',
            fault("image-pull:PART"),
        ),
    ),
)

CHAPTERS = (CLUSTER, GOOGLE_LOGIN, MESH, GOOGLE_MACHINE, MACHINE, INSTALL, REGISTRATION, PROBES)


def rows() -> tuple[Row, ...]:
    """All rows."""
    return tuple(row for chapter in CHAPTERS for row in chapter.rows)
