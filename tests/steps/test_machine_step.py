"""guest-reachable: what a machine must be, in codes; a fit machine has nothing to do."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.events import Standing
from meshvm_tui.findings import Severity
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.ports import Ports
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError
from meshvm_tui.steps.machine import GuestReachable
from tests.fakes.cluster import FakeCluster
from tests.fakes.guest import FakeGuest
from tests.fakes.scope import NoIstioctl, TestScope, a_scope

GATEWAY: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "istio-eastwestgateway", "namespace": "istio-system"},
    "status": {"loadBalancer": {"ingress": [{"ip": "10.1.1.1"}]}},
}
ROOT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "istio-ca-root-cert", "namespace": "istio-system"},
    "data": {"root-cert.pem": "the mesh's root"},
}


@pytest.fixture
def guest() -> FakeGuest:
    return FakeGuest()


def world(guest: FakeGuest, *objects: dict[str, Any], **machine: Any) -> tuple[Ports, TestScope]:
    vm = Machine.model_validate({"name": "vm1", "host": "10.0.0.7", **machine})
    return Ports(FakeCluster(*objects), NoIstioctl(), guest), a_scope(Plan(machines=[vm]), vm)


def problem(guest: FakeGuest, *objects: dict[str, Any]) -> Problem:
    ports, scope = world(guest, *objects)
    with pytest.raises(Problem) as caught:
        GuestReachable().observe(ports.reading(), scope)
    return caught.value


def test_a_fit_machine_has_nothing_to_do(guest: FakeGuest) -> None:
    ports, scope = world(guest)
    found = GuestReachable().observe(ports.reading(), scope)
    assert found.standing is Standing.SATISFIED
    assert GuestReachable().changes(ports.reading(), scope, found) == ()
    details = dict(found.details)
    assert details["host key"] == "ssh-ed25519 SHA256:host"
    assert details["architecture"] == "amd64"
    assert "no address yet" in details["gateway"]
    assert len(guest.queries) == 1


def test_the_gateway_is_tried_from_inside_with_the_meshs_root(guest: FakeGuest) -> None:
    ports, scope = world(guest, GATEWAY, ROOT)
    found = GuestReachable().observe(ports.reading(), scope)
    assert guest.queries[0].values["GATEWAY_IP"] == "10.1.1.1"
    assert guest.queries[0].values["ROOT_PEM"] == "the mesh's root"
    assert guest.queries[0].values["ISTIOD_HOST"] == "istiod.istio-system.svc"
    assert "trusted" in dict(found.details)["gateway"]
    scope.forget()
    GuestReachable().observe(ports.reading(), scope)
    assert "GATEWAY_IP" not in guest.queries[1].values


@pytest.mark.parametrize(
    ("exit_code", "code", "kind"),
    [
        ("7", "MVM-424", TransientError),
        ("28", "MVM-425", TransientError),
        ("35", "MVM-426", TransientError),
        ("56", "MVM-426", TransientError),
        ("60", "MVM-427", PermanentError),
    ],
)
def test_what_is_wrong_on_the_way_to_the_gateway(
    guest: FakeGuest, exit_code: str, code: str, kind: type[Problem]
) -> None:
    guest.gateway_exit = exit_code
    found = problem(guest, GATEWAY, ROOT)
    assert (found.code, type(found)) == (code, kind)
    assert "10.1.1.1:15012" in found.cause


@pytest.mark.parametrize("exit_code", ["0", "1", "8", "16", "52", "92"])
def test_an_answer_of_any_kind_means_that_tls_is_fine(guest: FakeGuest, exit_code: str) -> None:
    guest.gateway_exit = exit_code
    ports, scope = world(guest, GATEWAY, ROOT)
    assert GuestReachable().observe(ports.reading(), scope).standing is Standing.SATISFIED


OS = {"id": "debian", "name": "Debian 12", "arch": "x86_64", "systemd": "yes", "lacks": ""}


@pytest.mark.parametrize(
    ("topics", "code"),
    [
        ({"who": {"user": "ops", "privilege": "refused", "words": "sudo: a password is required"}}, "MVM-413"),
        ({"who": {"user": "ops", "privilege": "refused", "words": "ops is not in the sudoers file"}}, "MVM-414"),
        ({"who": {"user": "ops", "privilege": "none", "words": ""}}, "MVM-414"),
        ({"os": {**OS, "systemd": "no"}}, "MVM-420"),
        ({"os": {**OS, "lacks": "dpkg "}}, "MVM-421"),
        ({"os": {**OS, "id": "rocky", "like": "rhel centos fedora", "name": "Rocky Linux 9"}}, "MVM-421"),
        ({"os": {**OS, "arch": "riscv64"}}, "MVM-422"),
        ({"os": {**OS, "lacks": "curl flock "}}, "MVM-428"),
    ],
)
def test_what_is_wrong_with_a_machine(guest: FakeGuest, topics: dict[str, dict[str, str]], code: str) -> None:
    guest.topics = topics
    assert problem(guest).code == code


def test_a_clock_that_is_off(guest: FakeGuest) -> None:
    guest.skew = -90
    found = problem(guest)
    assert (found.code, type(found), "90 s behind" in found.cause) == ("MVM-423", ActionNeeded, True)


def test_warnings_for_a_person(guest: FakeGuest) -> None:
    guest.topics = {"os": {**OS, "lacks": "python3 iptables "}}
    guest.other_hosts = "9.9.9.9 istiod.istio-system.svc"
    ports, scope = world(guest, address="192.168.1.1")
    seen = GuestReachable().observe(ports.reading(), scope)
    assert len(seen.warnings) == 2
    assert "192.168.1.1" in seen.warnings[0]
    assert [finding.code for finding in seen.findings] == ["MVM-428"]


def test_what_preflight_finds_is_told_with_the_observation(guest: FakeGuest) -> None:
    guest.topics = {"os": {**OS, "lacks": "python3 "}, "network": {"addresses": "10.0.0.7", "chains": "ISTIO_OUTPUT"}}
    ports, scope = world(guest)
    seen = GuestReachable().observe(ports.reading(), scope)
    assert seen.standing is Standing.SATISFIED
    assert [(finding.code, finding.severity) for finding in seen.findings] == [
        ("MVM-443", Severity.WARNING),
        ("MVM-428", Severity.WARNING),
    ]


def test_what_would_keep_the_sidecar_from_starting_stops_the_run(guest: FakeGuest) -> None:
    held = '127.0.0.1:15000 users:(("envoy",pid=4711,fd=3))'
    guest.topics = {"network": {"addresses": "10.0.0.7", "listeners": held, "chains": "ISTIO_OUTPUT"}}
    found = problem(guest)
    assert (found.code, type(found)) == ("MVM-444", ActionNeeded)
    assert "envoy (pid 4711)" in found.cause
    assert any("MVM-443" in name for name in found.evidence)
