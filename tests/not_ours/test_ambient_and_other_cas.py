"""What about a mesh means something for VMs: ambient, who signs, the network's label. Said, and nothing more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from meshvm_tui.events import Observation, Standing
from meshvm_tui.steps.mesh import ControlPlane

from .clusters import SYSTEM, Foreign, scope_with
from .meshes import a_mesh

JSON = dict[str, Any]
ISTIO_CSR = "cert-manager-istio-csr.cert-manager.svc:443"


def seen_in(foreign: Foreign, **parts: Any) -> Observation:
    """Every case here is satisfied, and nothing is written for any of it."""
    foreign.forget()
    seen = ControlPlane().observe(foreign.reading(), scope_with(**parts))
    assert seen.standing is Standing.SATISFIED
    assert ControlPlane().apply(foreign.ports(), scope_with(**parts)).changed is False
    assert foreign.written() == []
    assert not [line for line in foreign.sent() if "/secrets" in line], "private keys are nobody's business here"
    return seen


def warned(seen: Observation, words: str) -> str:
    found = [line for line in seen.warnings if words in line]
    assert found, seen.warnings
    return found[0]


def root(**names: str) -> JSON:
    """The ConfigMap with a root certificate of this subject."""
    key = ec.generate_private_key(ec.SECP256R1())
    parts = {"O": NameOID.ORGANIZATION_NAME, "CN": NameOID.COMMON_NAME}
    subject = x509.Name([x509.NameAttribute(parts[name], value) for name, value in names.items()])
    start = datetime(2026, 1, 2, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    metadata = {"name": "istio-ca-root-cert", "namespace": SYSTEM}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"root-cert.pem": pem}}


def test_ztunnel_makes_it_an_ambient_mesh(foreign: Foreign) -> None:
    foreign.serve("apps", "v1", "daemonsets", "DaemonSet", namespaced=True)
    metadata = {"name": "ztunnel", "namespace": SYSTEM, "labels": {"app": "ztunnel"}}
    foreign.put(*a_mesh(), {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata})
    assert "no ztunnel for VMs" in warned(seen_in(foreign), "Ambient mesh (ztunnel runs)")


def test_ambient_by_istiods_own_switch(foreign: Foreign) -> None:
    foreign.put(*a_mesh(pilot_env={"PILOT_ENABLE_AMBIENT": "true"}))
    assert "with its sidecar" in warned(seen_in(foreign), "PILOT_ENABLE_AMBIENT=true")


def test_istio_csr_wants_a_token_for_ever_and_an_address(foreign: Foreign) -> None:
    proxy = {"defaultConfig": {"proxyMetadata": {"CA_ADDR": ISTIO_CSR}}}
    foreign.put(*a_mesh(pilot_env={"ENABLE_CA_SERVER": "false"}, mesh_config=proxy))
    seen = seen_in(foreign)
    assert "a token at each renewal" in warned(seen, "istiod signs no certificates itself")
    assert f"sidecar.extraEnv CA_ADDR={ISTIO_CSR}" in warned(seen, "VMs must reach that CA")
    assert dict(seen.details)["certificates"] == f"signed at {ISTIO_CSR}"
    told = seen_in(foreign, sidecar={"extraEnv": {"CA_ADDR": "ca.corp.example:443"}})
    assert not any("VMs must reach that CA" in line for line in told.warnings)


def test_istiod_as_a_registration_authority(foreign: Foreign) -> None:
    foreign.put(*a_mesh(pilot_env={"EXTERNAL_CA": "ISTIOD_RA_KUBERNETES_API"}))
    seen = seen_in(foreign)
    warned(seen, "signed through the Kubernetes CSR API")
    assert "ISTIOD_RA_KUBERNETES_API" in dict(seen.details)["certificates"]


@pytest.mark.parametrize(
    ("subject", "whose"),
    [({"O": "cluster.local"}, "made by istiod"), ({"O": "Corp", "CN": "Corp Mesh Root"}, "a CA of your own")],
)
def test_a_plugged_in_ca_shows_in_the_root(foreign: Foreign, subject: dict[str, str], whose: str) -> None:
    foreign.put(*a_mesh(), root(**subject))
    seen = seen_in(foreign)
    assert dict(seen.details)["root certificate"].endswith(f"until 2035-12-31; {whose}")
    assert dict(seen.details)["certificates"] == "signed by istiod"


@pytest.mark.parametrize(
    ("label", "network", "words"),
    [
        ("", "net-7", "kubectl label namespace istio-system topology.istio.io/network=net-7"),
        ("net-8", "net-7", "is 'net-8', the mesh's network is 'net-7': one of them is wrong"),
        ("net-8", "", "is 'net-8', but the mesh's own network is empty"),
    ],
)
def test_the_namespaces_network_is_said_and_never_set(foreign: Foreign, label: str, network: str, words: str) -> None:
    labels = {"topology.istio.io/network": label} if label else {}
    foreign.put(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM, "labels": labels}},
        *a_mesh(network=network),
    )
    warned(seen_in(foreign), words)
    now = foreign.live("core/namespaces", SYSTEM, "")["metadata"].get("labels", {})
    assert now.get("topology.istio.io/network", "") == label


def test_equal_networks_need_no_words(foreign: Foreign) -> None:
    labels = {"topology.istio.io/network": "net-7"}
    foreign.put(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM, "labels": labels}},
        *a_mesh(network="net-7"),
    )
    assert seen_in(foreign).warnings == ()
