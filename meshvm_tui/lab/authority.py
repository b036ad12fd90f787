"""A certificate authority of the lab: a root that is kept on disk, and certificates issued from it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from meshvm_tui.lab.clock import Clock

_TEN_YEARS = 10 * 365 * 86400.0
_DAY = 86400.0
_BACKDATE = 120.0  # seconds by which certificates begin in the past, as istiod and kubeadm do for skewed clocks


class Authority:
    """One root. Instances with different folders are different authorities that do not trust each other."""

    def __init__(self, directory: Path, *, name: str = "meshvm-lab", clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{name}-root"),
            ]
        )
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key_file, root_file = directory / "root-key.pem", directory / "root-cert.pem"
        if key_file.exists() and root_file.exists():
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise TypeError(f"{key_file} does not hold an elliptic curve key")
            self._key = key
            self.root_pem = root_file.read_text()
        else:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self.root_pem = self._make_root()
            write_secret(key_file, _key_pem(self._key))
            root_file.write_text(self.root_pem)

    def issue(
        self,
        common_name: str,
        *,
        dns: Iterable[str] = (),
        ips: Iterable[str] = (),
        uris: Iterable[str] = (),
        ttl: float = _DAY,
    ) -> tuple[str, str]:
        """A new key and a certificate for it, both PEM, good for server and client; `ttl` in seconds."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = _names(dns, ips, uris)
        return self._sign(key.public_key(), common_name, names, ttl), _key_pem(key)

    def sign_request(self, csr_pem: str, *, uris: Iterable[str], ttl: float = _DAY) -> str:
        """A certificate for the key of a signing request; names come from us, not from the request.

        Raises ValueError where the request is no PEM or its signature does not fit."""
        request = x509.load_pem_x509_csr(csr_pem.encode())
        if not request.is_signature_valid:
            raise ValueError("the signature of the certificate request does not fit its key")
        key = request.public_key()
        return self._sign(key, "", _names((), (), uris), ttl)  # type: ignore[arg-type]

    def _sign(
        self, key: CertificateIssuerPublicKeyTypes, common_name: str, names: list[x509.GeneralName], ttl: float
    ) -> str:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
        builder = self._builder(subject, key, ttl).issuer_name(self._name)
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(_key_usage(ca=False), critical=True)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(authority, critical=False)
        if names:
            # RFC 5280 4.2.1.6: critical where the subject is empty.
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not common_name)
        return _pem(builder.sign(self._key, hashes.SHA256()))

    def _make_root(self) -> str:
        key = self._key.public_key()
        builder = self._builder(self._name, key, _TEN_YEARS).issuer_name(self._name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(ca=True), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        return _pem(builder.sign(self._key, hashes.SHA256()))

    def _builder(self, subject: x509.Name, key: CertificateIssuerPublicKeyTypes, ttl: float) -> x509.CertificateBuilder:
        now = datetime.fromtimestamp(int(self._clock.now()), UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(seconds=_BACKDATE))
            .not_valid_after(now + timedelta(seconds=ttl))
        )


def write_secret(path: Path, text: str) -> None:
    """Writes a file that nobody else can read, not even while it is being written."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _names(dns: Iterable[str], ips: Iterable[str], uris: Iterable[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
    names += [x509.UniformResourceIdentifier(uri) for uri in uris]
    return names


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_encipherment=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
