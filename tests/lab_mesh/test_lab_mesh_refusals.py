"""What istiod and the agent refuse, one altered value at a time, with the words of facts that operators search for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from meshvm_tui.lab.authority import Authority
from tests.lab_mesh.worlds import NAMESPACE, Agent, World, mesh_world, run

NO_GROUP = "code = FailedPrecondition desc = auto-registration WorkloadEntry of vm-1.vm-namespace failed: "
NOBODY = "code = PermissionDenied desc = authorization failed: no identities "
REFUSED = "code = Unauthenticated desc = request authenticate failure"

# variable, its altered value, what the agent's log says, what istiod's log says
VARIABLES = [
    ("ISTIO_META_CLUSTER_ID", "other", REFUSED, 'client claims to be in cluster "other"'),
    ("POD_NAMESPACE", "default", NOBODY, "Unauthorized XDS"),
    ("SERVICE_ACCOUNT", "other", NOBODY, "matched vm-namespace/other"),
    ("ISTIO_META_AUTO_REGISTER_GROUP", "other", NO_GROUP + "cannot find WorkloadGroup vm-namespace/other", ""),
    ("CA_ADDR", "istiod.elsewhere.svc:15012", "lookup istiod.elsewhere.svc on 127.0.0.53:53: no such host", ""),
]


def _token(
    lab: World, agent: Agent, *, account: str = "vm-sa", audience: str = "istio-ca", seconds: float = 3600
) -> None:
    agent.write("var/run/secrets/tokens/istio-token", lab.token(account, audience, seconds))


def _garbage(lab: World, agent: Agent) -> None:
    agent.write("var/run/secrets/tokens/istio-token", "garbage")


def _expired(lab: World, agent: Agent) -> None:
    _token(lab, agent, seconds=-10)


def _audience(lab: World, agent: Agent) -> None:
    _token(lab, agent, audience="https://kubernetes.default.svc")


def _recreated_account(lab: World, agent: Agent) -> None:
    token = lab.tokens.mint(NAMESPACE, "vm-sa", "the-uid-of-an-earlier-account", ["istio-ca"], 3600)[0]
    agent.write("var/run/secrets/tokens/istio-token", token)


def _other_account(lab: World, agent: Agent) -> None:
    lab.make("v1", "ServiceAccount", "other", NAMESPACE)
    _token(lab, agent, account="other")


def _no_token(lab: World, agent: Agent) -> None:
    (agent.root / "var/run/secrets/tokens/istio-token").unlink()


def _no_hosts(lab: World, agent: Agent) -> None:
    agent.write("etc/hosts", "127.0.0.1 localhost\n")


def _stale_address(lab: World, agent: Agent) -> None:
    address = lab.addresses.take("nobody")
    good = (agent.root / "etc/hosts").read_text(encoding="utf-8")
    agent.write("etc/hosts", f"{address} istiod.istio-system.svc\n{good}")


def _far_address(lab: World, agent: Agent) -> None:
    agent.write("etc/hosts", "203.0.113.7 istiod.istio-system.svc\n")


def _foreign_root(lab: World, agent: Agent) -> None:
    agent.write("etc/certs/root-cert.pem", Authority(lab.state / "foreign").root_pem)


def _broken_root(lab: World, agent: Agent) -> None:
    agent.write("etc/certs/root-cert.pem", "no certificate")


def _discovery(host: str) -> Callable[[World, Agent], None]:
    def alter(lab: World, agent: Agent) -> None:
        shown = host or lab.gateway_address()
        agent.write("etc/istio/config/mesh", f"defaultConfig:\n  discoveryAddress: {shown}:15012\n")
        known = (agent.root / "etc/hosts").read_text(encoding="utf-8")
        agent.write("etc/hosts", f"{known}{lab.gateway_address()} istiod.known.svc\n")

    return alter


FILES = [
    ("token-garbage", _garbage, REFUSED, "invalid bearer token"),
    ("token-expired", _expired, REFUSED, "service account token has expired"),
    ("token-audience", _audience, REFUSED, "is invalid for the target audiences"),
    ("token-recreated-account", _recreated_account, REFUSED, "does not match claim"),
    ("token-other-account", _other_account, NOBODY, "Unauthorized XDS"),
    ("token-missing", _no_token, "failed to fetch token from file: open ./var/run/secrets/tokens/istio-token", ""),
    ("hosts-missing", _no_hosts, "dial tcp: lookup istiod.istio-system.svc on 127.0.0.53:53: no such host", ""),
    ("hosts-stale-line-first", _stale_address, ":15012: connect: connection refused", ""),
    ("hosts-far", _far_address, "dial tcp 203.0.113.7:15012: i/o timeout", ""),
    ("root-foreign", _foreign_root, "x509: certificate signed by unknown authority", ""),
    ("root-broken", _broken_root, "x509: certificate signed by unknown authority", ""),
    ("discovery-unknown", _discovery("istiod.unknown.svc"), "lookup istiod.unknown.svc", ""),
    ("discovery-by-address", _discovery(""), "because it doesn't contain any IP SANs", ""),
    ("discovery-misnamed", _discovery("istiod.known.svc"), "not istiod.known.svc", ""),
]


CASES = {**{name: (agent, istiod) for name, _, agent, istiod in VARIABLES}, **{n: (a, i) for n, _, a, i in FILES}}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """What each altered VM and istiod have said; one mesh for the whole table, a VM per row."""
    found: dict[str, tuple[str, str]] = {}
    turns = asyncio.Semaphore(4)

    async def one(lab: World, name: str, agent: Agent, changed: dict[str, str]) -> None:
        async with turns:
            await agent.start(**changed)
            log = await agent.says(CASES[name][0])
            found[name] = (log, lab.istiod_log())
            await agent.stop()

    async def story() -> None:
        async with mesh_world(tmp_path_factory.mktemp("refusals")) as lab:
            await lab.with_gateway()
            lab.workload()
            rows = []
            for name, value, _, _ in VARIABLES:
                rows.append(one(lab, name, lab.vm(name.lower()), {"POD_NAME": "vm-1", name: value}))
            for name, alter, _, _ in FILES:
                rows.append(one(lab, name, lab.vm(name), {"POD_NAME": "vm-1"}))
                alter(lab, lab.agents[-1])
            await asyncio.gather(*rows)
            assert lab.entry() is None

    run(story())
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_is_altered_is_refused_in_words(logs: dict[str, tuple[str, str]], name: str) -> None:
    said, istiod_said = logs[name]
    assert CASES[name][1] in istiod_said
    assert "Envoy proxy is ready" not in said


def test_no_root_certificate_is_the_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway()
            lab.workload()
            agent = lab.vm()
            (agent.root / "etc/certs/root-cert.pem").unlink()
            await agent.start()
            assert agent.process is not None
            assert await agent.process.wait() == 255
            assert "invalid config - istiod.istio-system.svc:15012 missing a root certificate" in agent.log()

    run(story())


@pytest.mark.parametrize(
    "text", ["defaultConfig: [", "defaultConfig:\n  proxyMetadata:\n    ISTIO_META_DNS_CAPTURE: true\n", "- a list"]
)
def test_a_broken_mesh_file_is_the_end(tmp_path: Path, text: str) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway()
            lab.workload()
            agent = lab.vm()
            agent.write("etc/istio/config/mesh", text)
            await agent.start()
            assert agent.process is not None
            assert await agent.process.wait() == 255
            assert "failed to get proxy config" in agent.log()

    run(story())


def test_a_gateway_that_exposes_nothing_cuts(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway(exposed=False)
            lab.workload()
            agent = await lab.vm().start()
            await agent.says("connection reset by peer")
            await agent.says("ca request failed, starting attempt 1 in 100ms")
            # The agent goes on trying: exposing istiod is all that is missing.
            lab.expose()
            await agent.says("Envoy proxy is ready")

    run(story())


def test_a_wrong_clock_is_told_by_the_certificate(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway()
            lab.workload()
            agent = lab.vm()
            agent.write("state/clock", "-7200\n")
            await agent.start(LAB_STATE=str(agent.root / "state"))
            log = await agent.says("x509: certificate has expired or is not yet valid: current time")
            assert " is before " in log

    run(story())


def test_without_the_group_variable_the_vm_connects_and_is_in_no_service(tmp_path: Path) -> None:
    async def story() -> None:
        async with mesh_world(tmp_path) as lab:
            await lab.with_gateway()
            lab.workload()
            agent = await lab.vm().start(ISTIO_META_AUTO_REGISTER_GROUP="-")
            await agent.says("Envoy proxy is ready")
            assert lab.entry() is None

    run(story())
