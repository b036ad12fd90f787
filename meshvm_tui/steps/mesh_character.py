"""What about a running mesh an operator of VMs should know: ambient, who signs certificates, its network's name.

Each is said in one sentence with what it means for a VM. Nothing here is an obstacle, and nothing is changed: the
namespace's label is not ours, and whose CA signs is the mesh's own affair. Private keys are never read; whether a CA
was plugged in (Secret cacerts) shows in the public root certificate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.ports import CONFIG_MAPS, DAEMON_SETS, NAMESPACES
from meshvm_tui.problems import Problem
from meshvm_tui.steps.commands import kubectl
from meshvm_tui.steps.mesh_preflight import quietly

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.mesh_facts import MeshFacts
    from meshvm_tui.steps.step import Scope

NETWORK_LABEL = "topology.istio.io/network"
CA_ADDR = "CA_ADDR"
_ROOT, _ROOT_KEY = "istio-ca-root-cert", "root-cert.pem"


def meaning_for_vms(ports: ReadPorts, scope: Scope, facts: MeshFacts) -> tuple[str, ...]:
    """Everything worth a warning, most important first."""
    said = [*_ambient(ports, facts), *_authority(scope, facts), *_network_label(ports, scope, facts)]
    if not facts.mesh_id:
        said.append("the mesh has no meshID")
    return tuple(said)


def character(ports: ReadPorts, facts: MeshFacts) -> tuple[tuple[str, str], ...]:
    """What is shown beside the IDs: who signs certificates, and by which root."""
    return (("certificates", _signer(facts)), *_root(ports, facts))


def _ambient(ports: ReadPorts, facts: MeshFacts) -> list[str]:
    agents = quietly(ports, DAEMON_SETS, facts.istio_namespace, "app=ztunnel")
    on = facts.environment.get("PILOT_ENABLE_AMBIENT", "").lower() == "true"
    if not agents and not on:
        return []
    seen = "ztunnel runs" if agents else "PILOT_ENABLE_AMBIENT=true"
    return [
        f"Ambient mesh ({seen}): there is no ztunnel for VMs, so a VM takes part with its sidecar; on a network of "
        "its own it is left out of ambient routing where that network has no east-west gateway"
    ]


def _signer(facts: MeshFacts) -> str:
    if _address_elsewhere(facts):
        return f"signed at {_address_elsewhere(facts)}"
    if _signs_nothing(facts):
        return "signed elsewhere"
    if provider := facts.environment.get("EXTERNAL_CA"):
        return f"signed through the Kubernetes CSR API ({provider})"
    return "signed by istiod"


def _authority(scope: Scope, facts: MeshFacts) -> list[str]:
    """An external CA: a VM that asks istiod there hears `unknown service istio.v1.auth.IstioCertificateService`."""
    elsewhere = _address_elsewhere(facts)
    if not elsewhere and not _signs_nothing(facts):
        if facts.environment.get("EXTERNAL_CA"):
            return ["istiod has certificates signed through the Kubernetes CSR API: their lifetime is that signer's"]
        return []
    said = [
        f"istiod signs no certificates itself ({elsewhere or 'ENABLE_CA_SERVER=false'}): such a CA may take a token "
        "at each renewal, so a VM that outlives its istio-token needs a new one (`meshvm-tui apply` again)"
    ]
    if CA_ADDR not in scope.plan.sidecar.extra_env:
        address = elsewhere or "HOST:PORT of the CA"
        said.append(f"VMs must reach that CA: set sidecar.extraEnv {CA_ADDR}={address}, by a name that the VM knows")
    return said


def _signs_nothing(facts: MeshFacts) -> bool:
    return facts.environment.get("ENABLE_CA_SERVER", "").lower() == "false"


def _address_elsewhere(facts: MeshFacts) -> str:
    """The CA's address where the mesh names one that is not istiod; "" otherwise."""
    metadata = (facts.config.get("defaultConfig") or {}).get("proxyMetadata") or {}
    address = str(facts.values.get("caAddress") or metadata.get(CA_ADDR) or "")
    return "" if address.startswith("istiod") else address


def _root(ports: ReadPorts, facts: MeshFacts) -> tuple[tuple[str, str], ...]:
    """The root's subject. istiod's own says nothing but the trust domain; any other was plugged in or is another's."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        found = ports.cluster.get(CONFIG_MAPS, _ROOT, facts.istio_namespace) or {}
        certificate = load_pem_x509_certificate(str((found.get("data") or {}).get(_ROOT_KEY) or "").encode())
    except (Problem, ValueError):
        return ()
    subject = certificate.subject.rfc4514_string()
    own = subject == f"O={facts.trust_domain}"
    until = certificate.not_valid_after_utc.date().isoformat()
    return (("root certificate", f"{subject}, until {until}; {'made by istiod' if own else 'a CA of your own'}"),)


def _network_label(ports: ReadPorts, scope: Scope, facts: MeshFacts) -> list[str]:
    """istiod takes its own Pods' network from the namespace's label; it is only said, for it is not ours to set."""
    try:
        namespace = ports.cluster.get(NAMESPACES, facts.istio_namespace) or {}
    except Problem:
        return []
    label = str(((namespace.get("metadata") or {}).get("labels") or {}).get(NETWORK_LABEL) or "")
    if label == facts.network:
        return []
    name = f"label {NETWORK_LABEL} of namespace {facts.istio_namespace}"
    if not facts.network:
        return [f"{name} is {label!r}, but the mesh's own network is empty: VMs of network '' count as elsewhere"]
    command = kubectl(scope.plan, "label", "namespace", facts.istio_namespace, f"{NETWORK_LABEL}={facts.network}")
    if not label:
        return [f"{name} is missing, the mesh's network is {facts.network!r}; its owner sets it by: {command}"]
    return [f"{name} is {label!r}, the mesh's network is {facts.network!r}: one of them is wrong"]
