"""Every row of the table of symptoms: the agent's own words become the code of the cause."""

from __future__ import annotations

import re
import subprocess

import pytest

from meshvm_tui.problem_catalog import CATALOG
from meshvm_tui.steps.agent_log import DEFINITE, PASSING, TokenFacts, cause_of, fatal_pattern, token_cause

GOOD = (
    "2026-01-01T00:00:00.000000Z\tinfo\tProxy role\tips=[10.0.0.7] type=sidecar id=vm.ns domain=ns.svc.cluster.local\n"
    "2026-01-01T00:00:01.000000Z\twarn\tca\tcannot parse the cert chain, using token instead: "
    "open etc/certs/cert-chain.pem: no such file or directory\n"
)
CSR = "\terror\tcitadelclient\tfailed to sign CSR: create certificate: rpc error: code = "
XDS = "\twarn\txdsproxy\tupstream [1] terminated with unexpected error rpc error: code = "

ROWS = [
    (CSR + "Unauthenticated desc = request authenticate failure", "MVM-304"),
    ("\terror\tcache\tresource:default failed to sign: rpc error: code = Unauthenticated desc = x", "MVM-304"),
    ("Authenticator KubeJWTAuthenticator: [invalid bearer token, service account token has expired]", "MVM-301"),
    ('failed to validate the JWT from cluster "Kubernetes": token audiences ["x"] is invalid for', "MVM-302"),
    ('client claims to be in cluster "X", but we only know about local cluster "Kubernetes"', "MVM-303"),
    (
        "\terror\tca\tfailed to fetch token from file: open ./var/run/secrets/tokens/istio-token: "
        "no such file or directory",
        "MVM-305",
    ),
    (
        CSR + "Unavailable desc = dial tcp: lookup istiod.istio-system.svc on 127.0.0.53:53: no such host",
        "MVM-312",
    ),
    (CSR + "Unavailable desc = dial tcp 10.0.0.1:15012: i/o timeout", "MVM-313"),
    (CSR + "DeadlineExceeded desc = context deadline exceeded", "MVM-313"),
    (CSR + "Unavailable desc = dial tcp 10.0.0.1:15012: connect: connection refused", "MVM-314"),
    (CSR + "Unavailable desc = read tcp 10.0.0.7:1->10.0.0.1:15012: read: connection reset by peer", "MVM-315"),
    (CSR + 'Unavailable desc = transport: authentication handshake failed: EOF"', "MVM-315"),
    (
        CSR + "Unavailable desc = tls: failed to verify certificate: x509: certificate signed by unknown authority",
        "MVM-307",
    ),
    (CSR + "Unavailable desc = x509: certificate is valid for istiod.istio-system.svc, not istiod-x.svc", "MVM-308"),
    (
        CSR + "Unavailable desc = x509: certificate has expired or is not yet valid: current time 2020 is before 2026",
        "MVM-309",
    ),
    (
        XDS
        + "FailedPrecondition desc = auto-registration WorkloadEntry of vm.ns failed: cannot find WorkloadGroup ns/g",
        "MVM-306",
    ),
    (XDS + "PermissionDenied desc = authorization failed: no identities ([spiffe://x]) matched ns/sa", "MVM-310"),
    (XDS + 'PermissionDenied desc = registration of WorkloadEntry service account mismatch: "a" vs "b"', "MVM-311"),
    (XDS + 'PermissionDenied desc = registration of WorkloadEntry namespace mismatch: "a" vs "b"', "MVM-325"),
    (XDS + "FailedPrecondition desc = something new", "MVM-327"),
    (XDS + "Unavailable desc = server is not ready to serve discovery information", "MVM-316"),
    (CSR + "Unimplemented desc = unknown service istio.v1.auth.IstioCertificateService", "MVM-317"),
    ("Error: invalid config - Citadel missing a root certificate ./etc/certs/root-cert.pem", "MVM-318"),
    ("\terror\tsds\tfailed: open etc/certs/key.pem: permission denied", "MVM-319"),
    ("Error: failed to get proxy config: could not parse mesh config", "MVM-326"),
]


@pytest.mark.parametrize(("line", "code"), ROWS)
def test_every_row(line: str, code: str) -> None:
    found = cause_of(GOOD + line + "\n")
    assert found is not None
    assert (found.code, found.line) == (code, line.strip())


@pytest.mark.parametrize("code", sorted({code for _, code in DEFINITE + PASSING} - {"MVM-328"}))
def test_every_code_has_a_row_and_stands_in_the_catalogue(code: str) -> None:
    assert code in CATALOG
    assert code in {wanted for _, wanted in ROWS}


def test_a_good_log_has_no_cause() -> None:
    assert cause_of(GOOD) is None
    assert cause_of("") is None


def test_what_was_before_it_became_ready_does_not_count() -> None:
    assert cause_of(GOOD + ROWS[0][0] + "\n\tinfo\tEnvoy proxy is ready\n") is None


def test_what_an_earlier_start_said_does_not_count() -> None:
    found = cause_of(GOOD + ROWS[0][0] + "\n" + GOOD + ROWS[9][0])
    assert found is not None
    assert found.code == "MVM-314"


def test_a_definite_cause_counts_before_a_passing_one_and_the_last_passing_one_counts() -> None:
    definite = cause_of(GOOD + ROWS[16][0] + "\n" + ROWS[7][0])
    passing = cause_of(GOOD + ROWS[7][0] + "\n" + ROWS[9][0])
    assert definite is not None and definite.code == "MVM-310"
    assert passing is not None and passing.code == "MVM-314"


def test_an_unhealthy_application_is_not_the_agents_trouble() -> None:
    line = "\tinfo\thealthcheck\tfailure threshold hit, marking as unhealthy: dial tcp: connection refused"
    assert cause_of(GOOD + line) is None


def test_grep_reads_the_pattern_as_python_does() -> None:
    definite = {code for _, code in DEFINITE}
    for line, code in ROWS:
        command = ["grep", "-c", "-E", "-e", fatal_pattern()]
        done = subprocess.run(command, input=line.encode(), capture_output=True, check=False)
        assert (done.stdout.strip() == b"1") is (code in definite) is bool(re.search(fatal_pattern(), line))


VALID = {
    "present": True,
    "audiences": ("istio-ca",),
    "subject": "s",
    "expires": 10.0,
    "now": 5.0,
    "wanted_subject": "s",
}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"present": False}, "MVM-305"),
        ({"audiences": (), "subject": "", "expires": 0.0}, "MVM-328"),
        ({"audiences": ("api",)}, "MVM-302"),
        ({"subject": "other"}, "MVM-310"),
        ({"expires": 4.0}, "MVM-301"),
        ({"cluster_as_planned": False}, "MVM-303"),
        ({}, "MVM-304"),
    ],
)
def test_why_a_token_was_refused(changed: dict[str, object], code: str) -> None:
    assert token_cause(TokenFacts(**{**VALID, **changed})) == code  # type: ignore[arg-type]
