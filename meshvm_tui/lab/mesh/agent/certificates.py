"""The VM's own certificate and key: what lies in ./etc/certs, what is asked for, and how it is written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from meshvm_tui.lab.mesh.agent.settings import CHAIN_FILE, KEY_FILE, ROOT_CERT
from meshvm_tui.lab.mesh.dataplane import Identity


class NoClientCertificate(ValueError):
    """There is no certificate to show to istiod; the text says why, as the agent logs it."""


@dataclass(frozen=True)
class SigningRequest:
    """A fresh key and the request for its certificate, both as PEM."""

    key: str
    csr: str


def identity_files(root: Path = Path()) -> Identity:
    """Where the agent keeps its identity."""
    return Identity(chain=root / CHAIN_FILE, key=root / KEY_FILE, root=root / ROOT_CERT)


def usable_certificate(now: float, root: Path = Path()) -> float:
    """When the certificate on disk ends, as seconds since the epoch; NoClientCertificate where it is of no use."""
    try:
        certificate = x509.load_pem_x509_certificate((root / CHAIN_FILE).read_bytes())
        key = serialization.load_pem_private_key((root / KEY_FILE).read_bytes(), password=None)
    except FileNotFoundError as error:
        raise NoClientCertificate(
            f"cannot parse the cert chain, using token instead: open ./{_inside(error, root)}: "
            "no such file or directory"
        ) from error
    except PermissionError as error:
        raise NoClientCertificate(
            f"cannot parse the cert chain, using token instead: open ./{_inside(error, root)}: permission denied"
        ) from error
    except ValueError as error:
        raise NoClientCertificate(f"cannot parse the cert chain, using token instead: {error}") from error
    shown, own = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo), key.public_key()
    if certificate.public_key().public_bytes(*shown) != own.public_bytes(*shown):
        raise NoClientCertificate("cannot load key pair, using token instead: tls: private key does not match")
    ends = _end_of(certificate)
    if ends <= now:
        raise NoClientCertificate("cert expired, using token instead")
    return ends


def signing_request(spiffe_id: str) -> SigningRequest:
    """A new RSA key of 2048 bits, as the agent makes it, and a request that names a SPIFFE ID."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe_id)])
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(names, critical=True)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningRequest(key_pem.decode(), csr.public_bytes(serialization.Encoding.PEM).decode())


def store(request: SigningRequest, chain: str, root: Path = Path()) -> None:
    """Writes key and chain, readable for the agent alone; each whole or not at all."""
    for path, text in ((root / KEY_FILE, request.key), (root / CHAIN_FILE, chain)):
        fresh = path.with_name(f".{path.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(text)
        fresh.replace(path)


def _end_of(certificate: x509.Certificate) -> float:
    try:
        return certificate.not_valid_after_utc.timestamp()
    except AttributeError:  # cryptography before 42, as Debian 12 has it
        return certificate.not_valid_after.replace(tzinfo=UTC).timestamp()


def _inside(error: OSError, root: Path) -> Path:
    return Path(str(error.filename)).relative_to(root)
