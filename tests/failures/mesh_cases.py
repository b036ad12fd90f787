"""Cases of the mesh, the gateway and the workload's objects."""

from __future__ import annotations

import contextlib
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager

from tests.failures.bench import JSON, Bench, Change, Run, both, cluster_only
from tests.failures.cases import Seen, World, case

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
ISTIO = "/api/v1/namespaces/istio-system"
GROUPS = "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadgroups"
ISTIOD = "/apis/apps/v1/namespaces/istio-system/deployments/istiod"
SWITCH = "PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION"


@case(World.BARE)
def istio_absent(bench: Bench) -> Seen:
    return Seen(bench.apply(_of_mesh(install="keep", istioNamespace=bench.word)), {"namespace": bench.word})


@case(World.BARE)
def istioctl_failing(bench: Bench) -> Seen:
    words = f"the hub of {bench.word} is closed"
    folder = bench.folder / "bin"
    folder.mkdir()
    script = folder / "istioctl"
    lab_own = bench.lab.state / "bin" / "istioctl"
    script.write_text(
        f'#!/bin/sh\ncase " $* " in *" install "*) echo "Error: {words}" >&2; exit 1;; esac\nexec {lab_own} "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o700)
    path = f"{folder}:{bench.lab.environment['PATH']}"
    return Seen(bench.apply(cluster_only, environment={"PATH": path}), {"words": words})


@case(World.DONE)
def revision_unknown(bench: Bench) -> Seen:
    return Seen(bench.apply(_of_mesh(revision=bench.word)), {"revision": bench.word})


@case(World.DONE)
def mesh_of_other_ids(bench: Bench) -> Seen:
    return Seen(bench.apply(_of_mesh(meshID=bench.word)), {"id": bench.word})


@case(World.MESH)
def auto_registration_off(bench: Bench) -> Seen:
    container = bench.lab.api("GET", ISTIOD)["spec"]["template"]["spec"]["containers"][0]
    said = "f"  # one of the words that Go's strconv.ParseBool takes for false
    with _patched(
        bench, ISTIOD, _containers({**container, "env": [*container["env"], {"name": SWITCH, "value": said}]})
    ):
        return Seen(bench.apply(cluster_only), {"value": said})


@case(World.MESH, "webhook-unreachable:dial tcp 10.99.7.3:15017: i/o timeout ({word})")
def webhook_unreachable(bench: Bench) -> Seen:
    with _own_gateway(bench) as named:
        run = bench.apply(both(cluster_only, named))
    return Seen(run, {"words": f"dial tcp 10.99.7.3:15017: i/o timeout ({bench.word})"})


@case(World.MESH, "webhook-unreachable")
def gateway_not_injected(bench: Bench) -> Seen:
    with _own_gateway(bench) as named, _webhooks_ignored(bench):
        run = bench.apply(both(cluster_only, named))
    return Seen(run, {"gateway": bench.word})


@case(World.MESH, "gateway-pending:still looking for {word}")
def gateway_pending(bench: Bench) -> Seen:
    with _own_gateway(bench) as named:
        run = bench.apply(both(cluster_only, named))
    return Seen(run, {"gateway": bench.word, "words": f"still looking for {bench.word}"})


@case(World.MESH, "gateway-pending:Quota '{word}' exceeded. Limit: 8.0 in region lab.")
def gateway_quota(bench: Bench) -> Seen:
    with _own_gateway(bench) as named:
        run = bench.apply(both(cluster_only, named))
    return Seen(run, {"quota": bench.word})


@case(World.MESH, "gateway-hostname:{word}.invalid")
def gateway_host_name(bench: Bench) -> Seen:
    with _own_gateway(bench) as named:
        run = bench.apply(both(cluster_only, named))
    return Seen(run, {"host": f"{bench.word}.invalid"})


@case(World.MESH)
def gateway_without_istiod(bench: Bench) -> Seen:
    with _service(bench, "LoadBalancer", 443) as named:
        return Seen(bench.apply(both(cluster_only, named)), {"gateway": bench.word})


@case(World.DONE)
def gateway_of_wrong_type(bench: Bench) -> Seen:
    selector = bench.lab.api("GET", f"{ISTIO}/services/istio-eastwestgateway")["spec"]["selector"]
    with _service(bench, "ClusterIP", 15012, selector) as named:
        return Seen(bench.apply(both(cluster_only, named)), {"gateway": bench.word})


@case(World.DONE)
def namespace_terminating(bench: Bench) -> Seen:
    namespace, finalizer = f"/api/v1/namespaces/{bench.word}", f"{bench.word}.example/hold"
    body = {"metadata": {"name": bench.word, "finalizers": [finalizer]}}
    bench.lab.api("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", **body})
    bench.lab.api("DELETE", namespace)
    try:
        run = bench.apply(both(cluster_only, _of_workload(namespace=bench.word)))
    finally:
        bench.lab.api("PATCH", namespace, {"metadata": {"finalizers": None}}, MERGE)
    return Seen(run, {"namespace": bench.word, "finalizer": finalizer})


@case(World.DONE)
def field_conflict(bench: Bench) -> Seen:
    manager = f"{bench.word}-team"
    theirs = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": {"name": bench.word, "namespace": "vm-namespace"},
        "spec": {"template": {"serviceAccount": "their-sa"}},
    }
    bench.lab.api("PATCH", f"{GROUPS}/{bench.word}?fieldManager={manager}", theirs, APPLY)
    try:
        run = bench.apply(both(cluster_only, _of_workload(name=bench.word)))
    finally:
        bench.lab.api("DELETE", f"{GROUPS}/{bench.word}")
    return Seen(run, {"manager": manager})


@case(World.DONE, "quota-exceeded:{word}")
def quota_exceeded(bench: Bench) -> Seen:
    run = bench.apply(both(cluster_only, _of_workload(name=bench.word)))
    return Seen(run, {"quota": bench.word})


@case(World.DONE, "admission-refused:{word}")
def admission_refused(bench: Bench) -> Seen:
    run = bench.apply(both(cluster_only, _of_workload(name=bench.word)))
    return Seen(run, {"policy": bench.word})


@case(World.DONE)
def group_missing(bench: Bench) -> Seen:
    return Seen(_files(bench, "--name", bench.word, "-n", "vm-namespace"), {"group": bench.word})


@case(World.DONE)
def service_account_missing(bench: Bench) -> Seen:
    group = bench.folder / "group.yaml"
    group.write_text(
        "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: g, namespace: vm-namespace}\n"
        f"spec: {{template: {{serviceAccount: {bench.word}}}}}\n",
        encoding="utf-8",
    )
    return Seen(_files(bench, "-f", str(group)), {"account": bench.word})


def _of_mesh(**changed: str) -> Change:
    """The cluster's part of the plan with another mesh."""

    def change(plan: JSON) -> None:
        plan["mesh"].update(changed)

    return both(cluster_only, change)


def _of_workload(**changed: str) -> Change:
    def change(plan: JSON) -> None:
        plan["workload"].update(changed)

    return change


@contextmanager
def _own_gateway(bench: Bench) -> Iterator[Change]:
    """A plan with a gateway of its own, whose objects are taken away afterwards."""
    try:
        yield _gateway(bench.word)
    finally:
        deployments = "/apis/apps/v1/namespaces/istio-system/deployments"
        rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/istio-system"
        sds = f"{bench.word}-sds"
        _delete(bench, f"{deployments}/{bench.word}", f"{ISTIO}/services/{bench.word}")
        _delete(bench, f"{ISTIO}/serviceaccounts/{bench.word}", f"{rbac}/roles/{sds}", f"{rbac}/rolebindings/{sds}")


def _gateway(name: str) -> Change:
    def change(plan: JSON) -> None:
        plan["gateway"]["name"] = name

    return change


@contextmanager
def _service(bench: Bench, kind: str, port: int, selector: dict[str, str] | None = None) -> Iterator[Change]:
    """A Service of another hand that the plan takes for its gateway."""
    spec = {"type": kind, "selector": selector or {"istio": bench.word}, "ports": [{"name": "tls", "port": port}]}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": bench.word}, "spec": spec}
    bench.lab.api("POST", f"{ISTIO}/services", body)
    try:
        yield _gateway(bench.word)
    finally:
        _delete(bench, f"{ISTIO}/services/{bench.word}")


@contextmanager
def _patched(bench: Bench, path: str, patch: JSON) -> Iterator[None]:
    """A merge patch, taken back by the spec that was there before."""
    before = bench.lab.api("GET", path)["spec"]
    bench.lab.api("PATCH", path, patch, MERGE)
    try:
        yield
    finally:
        bench.lab.api("PATCH", path, {"spec": before}, MERGE)


def _containers(*containers: JSON) -> JSON:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


@contextmanager
def _webhooks_ignored(bench: Bench) -> Iterator[None]:
    """Injection webhooks whose failure is ignored, as some installations set them."""
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    found = {item["metadata"]["name"]: item["webhooks"] for item in bench.lab.api("GET", path)["items"]}
    for name, hooks in found.items():
        ignoring = [{**hook, "failurePolicy": "Ignore"} for hook in hooks]
        bench.lab.api("PATCH", f"{path}/{name}", {"webhooks": ignoring}, MERGE)
    try:
        yield
    finally:
        for name, hooks in found.items():
            bench.lab.api("PATCH", f"{path}/{name}", {"webhooks": hooks}, MERGE)


def _files(bench: Bench, *arguments: str) -> Run:
    """`meshvm-tui files`, whose problem stands on standard error."""
    return bench.talk("files", *arguments, "-o", str(bench.folder / "files"))


def _delete(bench: Bench, *paths: str) -> None:
    for path in paths:
        with contextlib.suppress(urllib.error.HTTPError):
            bench.lab.api("DELETE", path)
