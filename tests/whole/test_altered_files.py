"""The alteration table: every key of the generated files, and each whole file, changed between copy and start.

What Istio refuses ends with the code that names the cause. Everything else runs, and the next observation says which
file and key is not as it was copied.
"""

from __future__ import annotations

import base64
import datetime
import json
import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from meshvm_tui.events import Mode
from tests.whole.in_process import Engine, engine_of
from tests.whole.lab_world import LabWorld, lab_world

pytestmark = pytest.mark.slow

STEPS = ("guest-reachable", "bootstrap-files", "sidecar-package", "guest-files", "sidecar-running")
WHOLE = "(?s).+"
ISTIOD_LINE = r"(?m)^[^#\s]+( istiod[-.].*)$"
CLUSTER_ENV, MESH_YAML, ROOT_CERT, HOSTS, TOKEN = "cluster.env", "mesh.yaml", "root-cert.pem", "hosts", "istio-token"
ENV, MESH = "var/lib/istio/envoy/cluster.env", "var/lib/istio/config/mesh"
IDENTITY = ("etc/certs/cert-chain.pem", "etc/certs/key.pem")
METADATA = "defaultConfig.proxyMetadata"
PROBE = "defaultConfig.readinessProbe"
STALE = "127.9.9.9"
"""An address at which no gateway listens any more."""


@dataclass(frozen=True)
class Row:
    """One alteration: the file, the key ("" for the whole file), its new text, and the code where it is refused.

    A text in angle brackets is made while the test runs. None takes the file away.
    """

    file: str
    key: str
    text: str | None
    code: str = ""

    @property
    def needs_token(self) -> bool:
        """Whether only a VM without a certificate shows the effect: a certificate comes before a token."""
        return self.file == TOKEN or self.code == "MVM-303"


def env(key: str, text: str, code: str = "") -> Row:
    """A variable of cluster.env."""
    return Row(CLUSTER_ENV, key, text, code)


def mesh(key: str, text: str, code: str = "") -> Row:
    """A value of mesh.yaml by its path."""
    return Row(MESH_YAML, key, text, code)


TABLE = (
    env("CANONICAL_REVISION", "v9"),
    env("CANONICAL_SERVICE", "other"),
    env("ISTIO_INBOUND_PORTS", "8081"),
    env("ISTIO_LOCAL_EXCLUDE_PORTS", "22,15090,15021,15020,2222,9"),
    env("ISTIO_METAJSON_LABELS", '{"app":"other"}'),
    env("ISTIO_META_AUTO_REGISTER_GROUP", "other", "MVM-306"),
    env("ISTIO_META_CLUSTER_ID", "other", "MVM-303"),
    env("ISTIO_META_DNS_CAPTURE", "false"),
    env("ISTIO_META_MESH_ID", "other"),
    env("ISTIO_META_NETWORK", "other"),
    env("ISTIO_META_POD_PORTS", "[]"),
    env("ISTIO_META_WORKLOAD_NAME", "other"),
    env("ISTIO_NAMESPACE", "other"),
    env("ISTIO_SERVICE", "other.vm-namespace"),
    env("ISTIO_SERVICE_CIDR", "10.0.0.0/8"),
    env("ISTIO_SERVICE_EXCLUDE_CIDR", "10.9.0.0/16"),
    env("ISTIO_SVC_IP", "10.9.9.9"),
    env("POD_NAMESPACE", "other", "MVM-310"),
    env("SERVICE_ACCOUNT", "other", "MVM-310"),
    env("TRUST_DOMAIN", "other.example"),
    mesh("defaultConfig.discoveryAddress", "istiod.elsewhere.svc:15012", "MVM-312"),
    mesh("defaultConfig.discoveryAddress", "<gateway>:15012", "MVM-308"),
    mesh("defaultConfig.meshId", "other"),
    mesh(f"{METADATA}.CANONICAL_REVISION", "v9"),
    mesh(f"{METADATA}.CANONICAL_SERVICE", "other"),
    mesh(f"{METADATA}.ISTIO_META_AUTO_REGISTER_GROUP", "other"),
    mesh(f"{METADATA}.ISTIO_META_CLUSTER_ID", "other"),
    mesh(f"{METADATA}.ISTIO_META_DNS_CAPTURE", '"false"'),
    mesh(f"{METADATA}.ISTIO_META_DNS_CAPTURE", "true", "MVM-326"),
    mesh(f"{METADATA}.ISTIO_META_MESH_ID", "other"),
    mesh(f"{METADATA}.ISTIO_META_NETWORK", "other"),
    mesh(f"{METADATA}.ISTIO_META_POD_PORTS", "'[]'"),
    mesh(f"{METADATA}.ISTIO_META_WORKLOAD_NAME", "other"),
    mesh(f"{METADATA}.ISTIO_METAJSON_LABELS", "'{}'"),
    mesh(f"{METADATA}.POD_NAMESPACE", "other"),
    mesh(f"{METADATA}.SERVICE_ACCOUNT", "other"),
    mesh(f"{METADATA}.TRUST_DOMAIN", "other.example"),
    mesh(f"{PROBE}.httpGet.path", "/other"),
    mesh(f"{PROBE}.httpGet.port", "9999"),
    mesh(f"{PROBE}.periodSeconds", "77"),
    mesh("", "defaultConfig: [", "MVM-326"),
    Row(ROOT_CERT, "", "<another root>", "MVM-307"),
    Row(ROOT_CERT, "", None, "MVM-318"),
    Row(HOSTS, "", "<no istiod>", "MVM-312"),
    Row(HOSTS, "", STALE, "MVM-314"),
    Row(TOKEN, "", "no-token", "MVM-328"),
    Row(TOKEN, "", "<another audience>", "MVM-302"),
    Row(TOKEN, "", "<another account>", "MVM-310"),
    Row(TOKEN, "", "<expired>", "MVM-301"),
    Row(TOKEN, "", None, "MVM-305"),
)


@dataclass(frozen=True)
class Bench:
    """A lab whose VM is onboarded, and the engine that looks and applies."""

    lab: LabWorld
    engine: Engine
    plan: Path

    def alter(self, row: Row) -> str:
        """The fault that makes a row's alteration."""
        if row.text is None:
            return f"tampered:{row.file}:=>"
        if row.file == HOSTS:
            return f"tampered:{HOSTS}:{ISTIOD_LINE}=>{STALE}\\1" if row.text == STALE else "hosts-missing"
        text = self._text(row.text)
        if not row.key:
            return f"tampered:{row.file}:{WHOLE}=>{text}"
        last = re.escape(row.key.rpartition(".")[2])
        if row.file == CLUSTER_ENV:
            return f"tampered:{row.file}:(?m)^{last}=.*$=>{last}={shlex.quote(text)}"
        return f"tampered:{row.file}:(?m)^( +){last}: .*$=>\\1{last}: {text}"

    def _text(self, text: str) -> str:
        workload = self.engine.plan.workload
        if text == "<another root>":
            return another_root().replace("\n", "\\n")
        if text == "<another audience>":
            return self._token(workload.service_account, "vault")
        if text == "<another account>":
            return self._token("default", "istio-ca")
        if text == "<expired>":
            return expired(self._token(workload.service_account, "istio-ca"))
        return text.replace("<gateway>", gateway_address(self.lab.vm_root()))

    def _token(self, account: str, audience: str) -> str:
        cluster = self.engine.connections.cluster(self.engine.plan)
        namespace = self.engine.plan.workload.namespace
        return cluster.create_token(namespace, account, audience=audience, seconds=3600).value

    def restore(self, row: Row) -> None:
        """Ends the agent that the row before left; where the row is about the token, the VM has no certificate."""
        if row.needs_token:
            self.lab.inside("sudo systemctl stop istio")
            for place in IDENTITY:
                (self.lab.vm_root() / place).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    def with_probe(plan: dict[str, Any]) -> None:
        plan["workload"]["probe"] = {"httpGet": {"port": 8080}, "periodSeconds": 1}

    folder = tmp_path_factory.mktemp("altered")
    with lab_world(folder / "lab") as lab:
        plan = lab.edit_plan(with_probe)
        applied = lab.run("apply", "-f", str(plan), "--yes")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        with engine_of(plan, folder / "files") as engine:
            yield Bench(lab, engine, plan)


def test_no_key_is_missing_in_the_table(bench: Bench) -> None:
    root = bench.lab.vm_root()
    lines = (root / ENV).read_text(encoding="utf-8").splitlines()
    generated = {(CLUSTER_ENV, line.partition("=")[0]) for line in lines}
    generated |= {(MESH_YAML, path) for path in paths(yaml.safe_load((root / MESH).read_text(encoding="utf-8")))}
    generated |= {(name, "") for name in (ROOT_CERT, HOSTS, TOKEN)}
    assert generated == {(row.file, row.key) for row in TABLE} - {(MESH_YAML, "")}


@pytest.mark.parametrize("file", [CLUSTER_ENV, MESH_YAML, ROOT_CERT, HOSTS, TOKEN])
def test_each_alteration_is_refused_or_reported(bench: Bench, file: str) -> None:
    """Each run's own first look is the next observation of the row before it."""
    (bench.lab.vm_root() / ENV).unlink()  # so that the first row has something to copy and to start
    wrong: list[str] = []
    last: Row | None = None
    for row in (*(row for row in TABLE if row.file == file), None):
        if row is not None:
            bench.restore(row)
        bench.lab.fault(*([bench.alter(row)] if row else []))
        applied = bench.engine.run(Mode.APPLY, *STEPS)
        wrong += unreported(last, applied.differences("guest-files")) if last else []
        expected = {"sidecar-running": row.code} if row and row.code else {}
        if applied.codes != expected:
            wrong.append(f"{row}: {applied.codes}")
        last = row
    assert wrong == []
    assert bench.engine.run(Mode.PLAN, *STEPS).differences("guest-files") == ()


def test_a_dry_run_names_file_and_key(bench: Bench) -> None:
    place = bench.lab.vm_root() / ENV
    place.write_text(place.read_text(encoding="utf-8").replace("cluster.local", "other.example"), encoding="utf-8")
    looked = bench.lab.run("apply", "-f", str(bench.plan), "--dry-run")
    assert looked.returncode == 6, looked.stdout + looked.stderr
    assert "cluster.env: TRUST_DOMAIN is 'other.example', wanted 'cluster.local'" in looked.stdout


def unreported(row: Row, differences: tuple[str, ...]) -> list[str]:
    """What is wrong with an observation of this alteration: it must name file and key, and nothing that is right."""
    named = f"{row.file}: {row.key} " if row.key else row.file
    others = [line for line in differences if not line.startswith((row.file, TOKEN, "/etc/certs"))]
    if any(line.startswith(named) for line in differences) and not others:
        return []
    return [f"{row}: {differences}"]


def paths(value: object, path: str = "") -> Iterator[str]:
    """Every leaf of a document by its dotted path."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from paths(below, f"{path}.{key}" if path else str(key))
    else:
        yield path


def gateway_address(root: Path) -> str:
    """Where the VM's /etc/hosts says that istiod is."""
    found = re.search(r"(?m)^(\S+) istiod\.", (root / "etc/hosts").read_text(encoding="utf-8"))
    return found[1] if found else ""


def another_root() -> str:
    """A root certificate of nobody here."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "another mesh")])
    start = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    from_date, to_date = (datetime.datetime(year, 1, 1) for year in (2020, 2090))
    dated = start.serial_number(1).not_valid_before(from_date).not_valid_after(to_date)
    certificate = dated.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return certificate.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def expired(token: str) -> str:
    """The same token with an end that has passed."""
    header, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims |= {"exp": int(time.time()) - 60, "iat": int(time.time()) - 3660, "nbf": int(time.time()) - 3660}
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return ".".join((header, changed, signature))
