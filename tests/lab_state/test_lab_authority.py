"""Certificates of the lab."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from meshvm_tui.lab.authority import Authority
from meshvm_tui.lab.clock import Clock

SPIFFE = "spiffe://cluster.local/ns/vm-namespace/sa/vm-sa"


def handshake(directory: Path, trusted: Authority, certificate: str, key: str, name: str) -> None:
    """A TLS handshake in memory; raises ssl.SSLError where the certificate is not taken."""
    file = directory / "pair.pem"
    file.write_text(certificate + key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    asking = ssl.create_default_context(cadata=trusted.root_pem)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    client = asking.wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.getpeercert()


def test_a_certificate_is_taken_by_those_who_trust_the_root(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    pair = authority.issue("istiod", dns=["istiod.istio-system.svc"], ips=["127.0.0.1"])
    handshake(tmp_path, authority, *pair, "istiod.istio-system.svc")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(tmp_path, authority, *pair, "elsewhere")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(tmp_path, Authority(tmp_path / "other", name="another"), *pair, "istiod.istio-system.svc")


def test_the_root_outlives_the_process_and_its_key_is_private(tmp_path: Path) -> None:
    first = Authority(tmp_path / "ca")
    again = Authority(tmp_path / "ca")
    assert again.root_pem == first.root_pem
    handshake(tmp_path, first, *again.issue("x", dns=["x.test"]), "x.test")
    assert (tmp_path / "ca" / "root-key.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ca").stat().st_mode & 0o777 == 0o700


def test_times_are_those_of_the_labs_clock(tmp_path: Path) -> None:
    clock = Clock()
    authority = Authority(tmp_path / "ca", clock=clock)
    clock.shift(7 * 86400)
    certificate, _ = authority.issue("vm", uris=[SPIFFE], ttl=3600)
    loaded = x509.load_pem_x509_certificate(certificate.encode())
    assert abs(loaded.not_valid_after_utc.timestamp() - clock.now() - 3600) < 5


def test_a_request_is_signed_for_the_names_that_we_say(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    key = ec.generate_private_key(ec.SECP256R1())
    wanted = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody-else")])
    request = x509.CertificateSigningRequestBuilder().subject_name(wanted).sign(key, hashes.SHA256())
    pem = request.public_bytes(serialization.Encoding.PEM).decode()
    signed = x509.load_pem_x509_certificate(authority.sign_request(pem, uris=[SPIFFE]).encode())
    names = signed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    assert names.value.get_values_for_type(x509.UniformResourceIdentifier) == [SPIFFE]
    assert signed.public_key() == key.public_key()
    assert not list(signed.subject)
    with pytest.raises(ValueError, match="PEM"):
        authority.sign_request("no request", uris=[SPIFFE])
