"""`files` where something is missing: it is named before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.ports import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, SERVICES, Token
from meshvm_tui.problems import PermanentError
from tests.fakes.cluster import FakeCluster
from tests.files.made import NAMES
from tests.files.worlds import (
    config_map,
    gateway,
    run_files,
    world,
)


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (None, "does not exist"),
        (gateway(), "waits for its load balancer"),
        (gateway(ingress=[{}]), "waits for its load balancer"),
        (gateway(ingress=[{"hostname": "lb.example.com"}]), "lb.example.com"),
        (gateway(type="ClusterIP"), "of type ClusterIP"),
        (gateway(type="NodePort"), "of type NodePort"),
        (gateway(ingress=[{"ip": "10.0.0.256"}]), "no IP address"),
    ],
)
def test_no_address_is_an_error_that_says_what_it_waits_for(
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    group: Path,
    out: Path,
    service: dict[str, Any] | None,
    words: str,
) -> None:
    cluster = world(*([service] if service else []))
    if service is None:
        cluster.drop(SERVICES, "istio-eastwestgateway", "istio-system")
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert words in told.err
    assert "--ingressIP" in told.err
    assert not out.parent.exists()


def without(cluster: FakeCluster, *what: Any) -> FakeCluster:
    cluster.drop(*what)
    return cluster


@pytest.mark.parametrize(
    ("cluster", "code", "words"),
    [
        (without(world(), NAMESPACES, "bar"), "MVM-503", 'namespaces "bar" not found'),
        (without(world(), SERVICE_ACCOUNTS, "vm", "bar"), "MVM-504", 'serviceaccounts "vm" not found'),
        (without(world(), CONFIG_MAPS, "istio", "istio-system"), "MVM-505", "configmap istio was not found"),
        (
            without(world(), CONFIG_MAPS, "istio-sidecar-injector", "istio-system"),
            "MVM-507",
            "configmap istio-sidecar-injector was not found",
        ),
        (
            without(world(), CONFIG_MAPS, "istio-ca-root-cert", "bar"),
            "MVM-510",
            "configmap istio-ca-root-cert was not found in namespace bar",
        ),
        (world(mesh="defaultConfig: {concurrency: x}"), "MVM-506", "defaultConfig.concurrency"),
        (world(config_map("istio-sidecar-injector", "istio-system", values="{")), "MVM-507", "cannot be read"),
        (world(config_map("istio-sidecar-injector", "istio-system", values="[]")), "MVM-507", "are no mapping"),
        (world(mesh="defaultConfig: {proxyMetadata: {a.b: x}}"), "MVM-512", "'a.b'"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_written(
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    group: Path,
    out: Path,
    cluster: FakeCluster,
    code: str,
    words: str,
) -> None:
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out) in (1, 3)
    told = capsys.readouterr()
    assert code in told.err
    assert words in told.err
    assert told.out == ""
    assert not out.parent.exists()


@pytest.mark.parametrize("given", ["600", "0x258", "01130", "0o1130", "6_00", "0b1001011000"])
def test_the_tokens_life_is_read_as_go_reads_numbers(
    monkeypatch: pytest.MonkeyPatch, group: Path, out: Path, given: str
) -> None:
    asked: list[int] = []
    cluster = world()

    def create(namespace: str, service_account: str, *, audience: str, seconds: int) -> Token:
        asked.append(seconds)
        return Token("token", "2099-01-01T00:00:00Z")

    monkeypatch.setattr(cluster, "create_token", create)
    assert run_files(monkeypatch, cluster, f"-f={group}", f"-o={out}", f"--tokenDuration={given}") == 0
    assert asked == [600]


@pytest.mark.parametrize("value", ["", "gw.", ".edge"])
def test_a_gateway_without_a_name_is_asked_of_nobody(
    *, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], group: Path, out: Path, value: str
) -> None:
    cluster = world()
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out, f"--ingressService={value}") == 3
    assert f"{value!r} names no Service" in capsys.readouterr().err
    assert not [read for read in cluster.reads if read[1] == "Service"]
    assert not out.exists()


def test_a_missing_group_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path
) -> None:
    assert run_files(monkeypatch, world(), "--name", "foo", "-n", "bar", "-o", out) == 3
    assert "workloadgroup foo not found in namespace bar" in capsys.readouterr().err


def test_a_group_in_a_missing_namespace_names_the_namespace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path
) -> None:
    assert run_files(monkeypatch, world(), "--name", "foo", "-n", "nowhere", "-o", out) == 3
    assert 'namespaces "nowhere" not found' in capsys.readouterr().err


@pytest.mark.parametrize("plural", ["namespaces", "serviceaccounts", "mutatingwebhookconfigurations"])
def test_a_right_that_istioctl_does_not_need_is_not_needed(
    monkeypatch: pytest.MonkeyPatch, group: Path, out: Path, plural: str
) -> None:
    cluster = world()
    cluster.denied = {("get", plural)}
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out) == 0
    assert sorted(entry.name for entry in out.iterdir()) == NAMES


def test_a_token_that_cannot_be_made_leaves_no_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], group: Path, out: Path
) -> None:
    cluster = world()
    cluster.denied = {("create", "serviceaccounts")}
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out) == 3
    assert "MVM-107" in capsys.readouterr().err
    assert not out.parent.exists()


class AccountGone(FakeCluster):
    """Its ServiceAccount cannot be read, and there is none when a token is asked for."""

    def create_token(self, namespace: str, service_account: str, *, audience: str, seconds: int) -> Token:
        raise PermanentError("MVM-115", f'serviceaccounts "{service_account}" not found')


def test_a_serviceaccount_that_only_the_token_misses_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], group: Path, out: Path
) -> None:
    cluster = AccountGone()
    cluster.objects = world().objects
    cluster.denied = {("get", "serviceaccounts")}
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out) == 3
    told = capsys.readouterr().err
    assert "MVM-504" in told
    assert 'serviceaccounts "vm" not found' in told
