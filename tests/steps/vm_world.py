"""A mesh that runs and a VM beside it, for tables of the machine's steps: what the one tells, the other does."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from meshvm_tui.events import Change, Observation, Standing
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.ports import Ports, ReadPorts, Token
from meshvm_tui.steps.files import BootstrapFiles
from meshvm_tui.steps.install import GuestFiles, SidecarPackage, SidecarRunning
from meshvm_tui.steps.machine import GuestReachable
from meshvm_tui.steps.registration import EntryHealthy, EntryRegistered
from meshvm_tui.steps.step import Outcome, Step
from tests.fakes.cluster import FakeCluster
from tests.fakes.guest import FakeGuest, jwt
from tests.fakes.scope import NoIstioctl, TestScope, a_scope
from tests.steps.mesh_objects import gateway_service, mesh, namespace

JSON = dict[str, Any]
IDENTITY = "spiffe://cluster.local/ns/vm-namespace/sa/vm-sa"
SUBJECT = "system:serviceaccount:vm-namespace:vm-sa"
ENTRY = "hello-vm-10.0.0.7"
STEPS: tuple[type[Step], ...] = (
    GuestReachable,
    BootstrapFiles,
    SidecarPackage,
    GuestFiles,
    SidecarRunning,
    EntryRegistered,
    EntryHealthy,
)


@dataclass(frozen=True)
class Ca:
    """A mesh's root, which signs workload certificates."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, identity: str, *, seconds: float = 86_400) -> str:
        """A workload certificate that lasts so many seconds from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
        made = _builder("", self.certificate.subject, key, end).add_extension(names, critical=True)
        return made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _builder(name: str, issuer: x509.Name | None, key: Any, end: datetime.datetime) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)] if name else [])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=2))
        .not_valid_after(end)
    )


@cache
def ca(name: str = "cluster.local") -> Ca:
    """A root of that name, the same for every test."""
    key = ec.generate_private_key(ec.SECP256R1())
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    basic = x509.BasicConstraints(ca=True, path_length=None)
    made = _builder(name, None, key, end).add_extension(basic, critical=True).sign(key, hashes.SHA256())
    return Ca(key, made)


class MeshCluster(FakeCluster):
    """A cluster whose tokens are JWTs."""

    token_subject = SUBJECT
    token_audience = "istio-ca"
    token_expires: float | None = None

    def create_token(self, namespace: str, service_account: str, *, audience: str, seconds: int) -> Token:
        super().create_token(namespace, service_account, audience=audience, seconds=seconds)
        return Token(jwt(subject=self.token_subject, audience=self.token_audience, expires=self.token_expires), "later")


@dataclass
class World:
    """One plan, one machine, one cluster; `run` walks the steps as the engine does, without retries."""

    plan: Plan
    folder: Path
    cluster: MeshCluster = field(default_factory=MeshCluster)
    guest: FakeGuest = field(default_factory=FakeGuest)
    connections: int = 0
    health: str = ""

    def __post_init__(self) -> None:
        objects = (*mesh(), gateway_service(15012, ingress={"ip": "10.1.1.1"}), namespace("vm-namespace"))
        for obj in objects:
            self.cluster.put(obj)
        self.cluster.put(_named("ServiceAccount", "vm-sa"))
        self.set_root(ca().pem)
        self.guest.on_start = self.agent_starts

    def set_root(self, pem: str) -> None:
        """The root that istiod wrote beside the workload."""
        self.cluster.put({**_named("ConfigMap", "istio-ca-root-cert"), "data": {"root-cert.pem": pem}})

    def agent_starts(self) -> None:
        """What the agent and istiod do after a start: a certificate, and a connected entry."""
        if not self.guest.certificate:
            self.guest.certificate = ca().issue(IDENTITY)
        self.guest.owners["/etc/istio/proxy"] = ("istio-proxy", "755")
        self.connections += 1
        self.put_entry(connected=f"2026-01-01T00:00:{self.connections:02d}Z")

    def put_entry(self, *, connected: str = "", **labels: str) -> None:
        """This machine's WorkloadEntry as istiod would write it; an existing one keeps its labels."""
        key = ("workloadentries", "vm-namespace", ENTRY)
        live = self.cluster.objects.get(key, {})
        entry = _named("WorkloadEntry", ENTRY, "networking.istio.io/v1")
        entry["metadata"]["annotations"] = {
            "istio.io/autoRegistrationGroup": "hello-vm",
            **(
                {"istio.io/connectedAt": connected}
                if connected
                else {"istio.io/disconnectedAt": "2026-01-01T00:00:00Z"}
            ),
        }
        template = {"labels": labels or {"app": "hello-vm"}, "ports": {"http": 80}}
        entry["spec"] = live.get("spec") or {"address": "10.0.0.7", "serviceAccount": "vm-sa", **template}
        if self.health:
            entry["status"] = {"conditions": [{"type": "Healthy", "status": self.health, "message": "refused"}]}
        self.cluster.put(entry)

    def scope(self) -> TestScope:
        """A fresh run's scope."""
        scope = a_scope(self.plan, self.plan.machines[0])
        scope.files_dir = self.folder
        return scope

    @property
    def ports(self) -> Ports:
        """Everything that applying gets."""
        return Ports(self.cluster, NoIstioctl(), self.guest)

    @property
    def reading(self) -> ReadPorts:
        """What observing gets."""
        return self.ports.reading()

    def look(self, *, upto: type[Step] = EntryHealthy) -> dict[str, tuple[Observation, tuple[Change, ...]]]:
        """Observations and changes of each step, as PLAN sees them."""
        scope, found = self.scope(), {}
        scope.files_dir = None
        for kind in STEPS[: STEPS.index(upto) + 1]:
            step = kind()
            seen = step.observe(self.reading, scope)
            wanted = () if seen.standing is Standing.SATISFIED else step.changes(self.reading, scope, seen)
            found[step.id] = (seen, wanted)
        return found

    def standings(self) -> dict[str, Standing]:
        """How each step stands."""
        return {name: seen.standing for name, (seen, _) in self.look().items()}

    def run(self, scope: TestScope | None = None, *, upto: type[Step] = EntryHealthy) -> dict[str, Outcome]:
        """Applies what is not satisfied, in order; the steps that were applied, with their outcomes."""
        scope, applied = scope or self.scope(), {}
        for kind in STEPS[: STEPS.index(upto) + 1]:
            step = kind()
            scope.deadline = time.monotonic() + step.deadline
            if step.observe(self.reading, scope).standing is Standing.SATISFIED:
                continue
            step.changes(self.reading, scope, step.observe(self.reading, scope))
            applied[step.id] = step.apply(self.ports, scope)
            scope.forget()
        return applied

    @property
    def tokens(self) -> int:
        """How many tokens were asked for."""
        return sum(verb == "token" for verb, *_ in self.cluster.writes)


def _named(kind: str, name: str, version: str = "v1") -> JSON:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "vm-namespace"}}


def a_plan(**parts: Any) -> Plan:
    """One machine at 10.0.0.7, and otherwise what the guide has."""
    machine = Machine.model_validate({"name": "vm1", "host": "10.0.0.7", "ssh": {"user": "ops"}})
    return Plan.model_validate({"machines": [machine.model_dump()], "sidecar": {"version": "1.30.3"}, **parts})
