"""The workload certificate on a VM: whose it is, until when, and whether the mesh's root stands behind it."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

PEM_MARK = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class WorkloadCertificate:
    """`identity` is the SPIFFE ID; `not_after` is in seconds since the epoch; `sha256` is of the file."""

    identity: str
    not_after: float
    trusted: bool
    sha256: str

    def is_valid_for(self, identity: str, now: float) -> bool:
        """Whether the agent can log in to istiod with it."""
        return self.trusted and self.identity == identity and now < self.not_after


def spiffe_id(trust_domain: str, namespace: str, service_account: str) -> str:
    """The identity that istiod gives to a ServiceAccount."""
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{service_account}"


def is_certificate(text: str) -> bool:
    """Whether a text is one PEM certificate or more."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return bool(load_pem_x509_certificates(text.encode()))
    except ValueError:
        return False


def read_certificate(chain: bytes, root: str) -> WorkloadCertificate | None:
    """The first certificate of a chain, judged by the root; None where there is no certificate."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        certificates = load_pem_x509_certificates(chain)
    except ValueError:
        return None
    try:
        roots = load_pem_x509_certificates(root.encode())
    except ValueError:
        roots = []
    leaf = certificates[0]
    return WorkloadCertificate(
        identity=_identity(leaf),
        not_after=leaf.not_valid_after_utc.timestamp(),
        trusted=_leads_to(certificates, roots),
        sha256=hashlib.sha256(chain).hexdigest(),
    )


def _identity(leaf: Certificate) -> str:
    from cryptography.x509 import ExtensionNotFound, SubjectAlternativeName, UniformResourceIdentifier

    try:
        names = leaf.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError):
        return ""
    return next((uri for uri in names.get_values_for_type(UniformResourceIdentifier) if uri.startswith("spiffe:")), "")


def _leads_to(chain: list[Certificate], roots: list[Certificate]) -> bool:
    """Each certificate is issued by the next, and the last one by a root (or it is one)."""
    for certificate, issuer in itertools.pairwise(chain):
        if not _issued_by(certificate, issuer):
            return False
    return any(chain[-1] == root or _issued_by(chain[-1], root) for root in roots)


def _issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
