"""Cases of the sidecar that runs and is refused, or registered otherwise than planned."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.failures.bench import JSON, Bench, Change, Run, both, machine, without_samples
from tests.failures.cases import Seen, World, case

VM = "vm-3"
"""The machine that these cases start and stop."""
IDENTITY = ("etc/certs/cert-chain.pem", "etc/certs/key.pem")
ACCOUNT = "/api/v1/namespaces/vm-namespace/serviceaccounts/vm-sa"
ENTRIES = "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadentries"
GROUPS = "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadgroups"


@case(World.DONE, f"ssh-cut:{VM}")
def connection_cut(bench: Bench) -> Seen:
    def as_another(plan: JSON) -> None:
        plan["machines"][0]["ssh"]["user"] = bench.word

    return Seen(_started(bench, as_another), {"user": bench.word})


@case(World.DONE, "token-expired")
def token_expired(bench: Bench) -> Seen:
    return Seen(_started(bench), {"address": _address(bench)})


@case(World.DONE)
def token_for_another_audience(bench: Bench) -> Seen:
    body = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"audiences": [bench.word]}}
    token = bench.lab.api("POST", f"{ACCOUNT}/token", body)["status"]["token"]
    bench.lab.fault(f"tampered:istio-token:(?s).+=>{token}")
    return Seen(_started(bench), {"audience": bench.word})


@case(World.DONE, "tampered:cluster.env:(?m)^ISTIO_META_CLUSTER_ID=.*$=>ISTIO_META_CLUSTER_ID={word}")
def cluster_id_refused(bench: Bench) -> Seen:
    return Seen(_started(bench), {"cluster": bench.word})


@case(World.DONE, "tampered:cluster.env:(?m)^ISTIO_META_AUTO_REGISTER_GROUP=.*$=>ISTIO_META_AUTO_REGISTER_GROUP={word}")
def group_missing_at_connect(bench: Bench) -> Seen:
    return Seen(_started(bench), {"group": bench.word})


@case(World.DONE, "tampered:cluster.env:(?m)^SERVICE_ACCOUNT=.*$=>SERVICE_ACCOUNT={word}")
def identity_refused(bench: Bench) -> Seen:
    return Seen(_started(bench), {"account": bench.word})


@case(World.DONE, "tampered:mesh.yaml:(?m)^( +)discoveryAddress: .*$=>\\1discoveryAddress: istiod.{word}.svc:15012")
def istiod_not_found(bench: Bench) -> Seen:
    return Seen(_started(bench), {"host": f"istiod.{bench.word}.svc"})


@case(World.DONE, "tampered:cluster.env:(?m)^ISTIO_SVC_IP=.*$=>ISTIO_SVC_IP=10.99.7.3")
def entry_under_another_address(bench: Bench) -> Seen:
    with _stopped(bench):
        run = _apply(bench, None, seconds=10)
    return Seen(run, {"address": "10.99.7.3", "wanted": _address(bench)})


@case(World.DONE)
def entry_never_healthy(bench: Bench) -> Seen:
    def probed(plan: JSON) -> None:
        plan["workload"]["name"] = bench.word
        plan["workload"]["probe"] = {"httpGet": {"port": 9, "path": f"/{bench.word}"}, "periodSeconds": 1}

    try:
        with _stopped(bench):
            _apply(bench, probed, seconds=10)
            _wait_for_health(bench)
            run = _apply(bench, probed)
    finally:
        bench.lab.api("DELETE", f"{GROUPS}/{bench.word}")
    return Seen(run, {"path": f"/{bench.word}"})


def _wait_for_health(bench: Bench) -> None:
    """Until the agent has given up its first probes and its entry says so, however long this machine takes."""
    entry = f"{ENTRIES}/{bench.word}-{_address(bench)}"
    for _ in range(300):
        if bench.lab.api("GET", entry).get("status", {}).get("conditions"):
            return
        time.sleep(0.1)
    raise AssertionError(f"{entry} has no condition")


def _started(bench: Bench, change: Change | None = None) -> Run:
    """A run up to the entry, on a machine without a certificate of its own; its sidecar is stopped afterwards."""
    with _stopped(bench):
        return _apply(bench, change)


def _apply(bench: Bench, change: Change | None, seconds: float = 4) -> Run:
    return bench.apply(both(machine(VM), without_samples, *([change] if change else [])), timeout=seconds)


@contextmanager
def _stopped(bench: Bench) -> Iterator[None]:
    try:
        yield
    finally:
        bench.lab.fault()
        bench.lab.inside("sudo systemctl stop istio 2>/dev/null; true", VM)
        for place in IDENTITY:
            with contextlib.suppress(FileNotFoundError):
                (bench.lab.vm_root(VM) / place).unlink()


def _address(bench: Bench) -> str:
    return next(str(item["host"]) for item in bench.offered()["machines"] if item["name"] == VM)
