"""istiod's certificate authority: who asks, by certificate or token, and what it gets."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshvm_tui.lab.mesh.registration import Refused
from meshvm_tui.lab.mesh.view import spiffe_id
from meshvm_tui.lab.mesh.world import ControlPlane
from meshvm_tui.lab.tokens import TokenRejected

if TYPE_CHECKING:
    from meshvm_tui.lab.authority import Authority
    from meshvm_tui.lab.faults import Faults
    from meshvm_tui.lab.tokens import Tokens

AUDIENCE = "istio-ca"
CERTIFICATE_SECONDS = 24 * 3600.0  # SECRET_TTL
TOKEN_EXPIRED = "token-expired"
NO_CHAIN = "Authenticator ClientCertAuthenticator: no verified chain is found"


@dataclass(frozen=True)
class Caller:
    """Where a connection comes from and which SPIFFE IDs its client certificate carries."""

    address: str
    identities: Sequence[str] = ()


class Signer:
    """Signs workload certificates for callers that prove who they are."""

    def __init__(self, authority: Authority, tokens: Tokens, faults: Faults, log: Callable[[str], None]) -> None:
        self._authority = authority
        self._faults = faults
        self._tokens = tokens
        self._log = log

    def sign(self, plane: ControlPlane, caller: Caller, message: Mapping[str, Any]) -> list[str]:
        """A chain for the caller's own identities, whatever its request names; Refused otherwise."""
        if not plane.signs:
            raise Refused("Unimplemented", "unknown service istio.v1.auth.IstioCertificateService")
        identities = self.authenticate(plane, caller, str(message.get("token", "")), str(message.get("cluster", "")))
        try:
            leaf = self._authority.sign_request(str(message["csr"]), uris=identities, ttl=CERTIFICATE_SECONDS)
        except ValueError as error:
            raise Refused("Unknown", f"CSR signing error ({error})") from error
        return [leaf, self._authority.root_pem]

    def authenticate(self, plane: ControlPlane, caller: Caller, token: str, cluster: str) -> Sequence[str]:
        """The caller's SPIFFE IDs: by its certificate first, then by its token. The log says why not."""
        if caller.identities:
            return caller.identities
        try:
            claims = self._review(plane, token, cluster)
        except TokenRejected as error:
            self._log(
                f"warn\tsecurity\tFailed to authenticate client from {caller.address}: {NO_CHAIN}; "
                f"Authenticator KubeJWTAuthenticator: {error}"
            )
            raise Refused("Unauthenticated", "request authenticate failure") from error
        namespace, account = str(claims["sub"]).split(":")[-2:]
        return (spiffe_id(plane.trust_domain, namespace, account),)

    def _review(self, plane: ControlPlane, token: str, cluster: str) -> Mapping[str, Any]:
        if not token:
            raise TokenRejected("target JWT extraction error: no bearer token exists in HTTP authorization header")
        if cluster != plane.cluster_id:
            raise TokenRejected(
                f'client claims to be in cluster "{cluster}", but we only know about local cluster '
                f'"{plane.cluster_id}" and remote clusters []'
            )
        try:
            if self._faults.active(TOKEN_EXPIRED):
                raise TokenRejected("[invalid bearer token, service account token has expired]")
            return self._tokens.review(token, AUDIENCE)
        except TokenRejected as error:
            raise TokenRejected(
                f'failed to validate the JWT from cluster "{cluster}": '
                f"the service account authentication returns an error: {error}"
            ) from error


def expired(certificate: Mapping[str, Any], now: float) -> bool:
    """Whether a peer's certificate, as ssl tells it, is out of its time."""
    starts = ssl.cert_time_to_seconds(certificate["notBefore"])
    return not starts <= now <= ssl.cert_time_to_seconds(certificate["notAfter"])
