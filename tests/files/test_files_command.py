"""`meshvm-tui files`: istioctl's flags, istioctl's files, and none of its accidents."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from tests.files.made import NAMES, variables
from tests.files.worlds import (
    config_map,
    gateway,
    injector,
    run_files,
    world,
)


def test_five_files_that_only_their_owner_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], group: Path, out: Path
) -> None:
    assert run_files(monkeypatch, world(), "-f", group, "-o", out) == 0
    assert sorted(entry.name for entry in out.iterdir()) == NAMES
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in out.iterdir()} == {0o600}
    told = capsys.readouterr()
    assert told.out == f"Configuration generation into directory {out} was successful\n"
    assert 'namespace "bar" and service account "vm"' in told.err
    assert "root-cert.pem is no PEM" in told.err
    token = (out / "istio-token").read_text()
    assert token
    assert token not in told.out + told.err
    assert (out / "hosts").read_text() == "10.0.0.1 istiod.istio-system.svc\n"
    assert (out / "root-cert.pem").read_text() == "fake-CA-cert"


def test_nothing_of_a_plan_is_added(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path) -> None:
    run_files(monkeypatch, world(), "-f", group, "-o", out)
    assert "ISTIO_SERVICE_EXCLUDE_CIDR" not in variables(out)
    assert variables(out)["ISTIO_LOCAL_EXCLUDE_PORTS"] == "22,15090,15021,15020"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], {"ISTIO_META_CLUSTER_ID": "Kubernetes", "ISTIO_META_DNS_CAPTURE": "true"}),
        (["--clusterID", "c1"], {"ISTIO_META_CLUSTER_ID": "c1"}),
        (["--clusterID", ""], {"ISTIO_META_CLUSTER_ID": ""}),
        (["--clusterID="], {"ISTIO_META_CLUSTER_ID": ""}),
        (["--autoregister"], {"ISTIO_META_AUTO_REGISTER_GROUP": "foo"}),
        (["--autoregister=true"], {"ISTIO_META_AUTO_REGISTER_GROUP": "foo"}),
        (["--autoregister=T", "-i=istio-system"], {"ISTIO_META_AUTO_REGISTER_GROUP": "foo"}),
        (["--internalIP", "10.0.0.7"], {"ISTIO_SVC_IP": "10.0.0.7"}),
        (
            ["--externalIP", "1.2.3.4"],
            {"ISTIO_SVC_IP": "1.2.3.4", "REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION": "true"},
        ),
    ],
)
def test_flags(
    monkeypatch: pytest.MonkeyPatch, group: Path, out: Path, flags: list[str], expected: dict[str, str]
) -> None:
    assert run_files(monkeypatch, world(), "-f", group, "-o", out, *flags) == 0
    assert expected.items() <= variables(out).items()


@pytest.mark.parametrize(
    ("flags", "absent"),
    [
        ([], "ISTIO_META_AUTO_REGISTER_GROUP"),
        (["--autoregister=false"], "ISTIO_META_AUTO_REGISTER_GROUP"),
        (["--capture-dns=false"], "ISTIO_META_DNS_CAPTURE"),
        ([], "ISTIO_SVC_IP"),
        ([], "CA_ADDR"),
    ],
)
def test_flags_that_leave_out(
    monkeypatch: pytest.MonkeyPatch, group: Path, out: Path, flags: list[str], absent: str
) -> None:
    assert run_files(monkeypatch, world(), *flags, "-f", group, "-o", out) == 0
    assert absent not in variables(out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "x"], "expecting a WorkloadGroup artifact file"),
        (["--name", "foo", "-o", "x"], "expecting a WorkloadGroup artifact file"),
        (["-f", "x"], "expecting an output directory"),
        (["-f", "x", "-o", "y", "--internalIP", "1", "--externalIP", "2"], "mutually exclusive"),
        (["-f", "x", "-o", "y", "--autoregister=yes"], "'yes' is neither true nor false"),
        (["-f", "x", "-o", "y", "--tokenDuration=1h"], "'1h' is not a valid integer"),
        (["-f", "x", "-o", "y", "--tokenDuration=09"], "'09' is not a valid integer"),
    ],
)
def test_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert run_files(monkeypatch, world(), *arguments) == 2
    assert words in capsys.readouterr().err


WORKLOAD_GROUP = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "WorkloadGroup",
    "metadata": {"name": "foo", "namespace": "bar"},
    "spec": {"template": {"serviceAccount": "vm", "ports": {"http": 80, "admin": 9090}}},
}


def test_a_group_of_the_api_server(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    assert run_files(monkeypatch, world(WORKLOAD_GROUP), "--name", "foo", "-n", "bar", "-o", out) == 0
    assert variables(out)["ISTIO_INBOUND_PORTS"] == "80,9090"


def test_a_bare_group_of_the_api_server_gets_the_defaults_of_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path
) -> None:
    bare = {**WORKLOAD_GROUP, "spec": {}}
    account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "default", "namespace": "bar"}}
    assert run_files(monkeypatch, world(bare, account), "--name", "foo", "-n", "bar", "-o", out) == 0
    assert variables(out)["SERVICE_ACCOUNT"] == "default"
    assert "names no serviceAccount: default is used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ingress", "spec", "address"),
    [
        ([{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], {}, "10.0.0.1"),
        ([{"ip": "fd00::1"}], {}, "fd00::1"),
        ([], {"externalIPs": ["192.168.0.9", "192.168.0.10"]}, "192.168.0.9"),
    ],
)
def test_the_gateways_address(
    *, monkeypatch: pytest.MonkeyPatch, group: Path, out: Path, ingress: list[Any], spec: dict[str, Any], address: str
) -> None:
    cluster = world(gateway(ingress=ingress, spec=spec))
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out) == 0
    assert (out / "hosts").read_text() == f"{address} istiod.istio-system.svc\n"


@pytest.mark.parametrize(("value", "place"), [("gw", "istio-system"), ("gw.edge", "edge")])
def test_another_gateway_service(
    monkeypatch: pytest.MonkeyPatch, group: Path, out: Path, value: str, place: str
) -> None:
    cluster = world(gateway("gw", place, ingress=[{"ip": "10.0.0.8"}]))
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out, "--ingressService", value) == 0
    assert (out / "hosts").read_text().startswith("10.0.0.8 ")


def test_an_ip_that_is_none_asks_the_service(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], group: Path, out: Path
) -> None:
    assert run_files(monkeypatch, world(), "-f", group, "-o", out, "--ingressIP", "the-gateway") == 0
    assert (out / "hosts").read_text().startswith("10.0.0.1 ")
    assert "'the-gateway' is no IP address" in capsys.readouterr().err


def test_a_given_ip_asks_nobody(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path) -> None:
    cluster = world()
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out, "--ingressIP", "fd00::9") == 0
    assert (out / "hosts").read_text() == "fd00::9 istiod.istio-system.svc\n"
    assert not [read for read in cluster.reads if read[1] == "Service"]


def test_an_injector_without_a_cluster_name_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], group: Path, out: Path
) -> None:
    assert run_files(monkeypatch, world(injector(None)), "-f", group, "-o", out) == 0
    assert variables(out)["ISTIO_META_CLUSTER_ID"] == ""
    assert "--clusterID Kubernetes" in capsys.readouterr().err


def test_a_config_map_without_its_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], group: Path, out: Path
) -> None:
    cluster = world(config_map("istio-ca-root-cert", "bar"), config_map("istio", "istio-system"))
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out) == 0
    assert (out / "root-cert.pem").read_text() == ""
    assert "root-cert.pem is empty" in capsys.readouterr().err


def test_labels_of_the_template_win_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, out: Path
) -> None:
    path = tmp_path / "group.yaml"
    path.write_text(
        "metadata: {name: foo, namespace: bar}\n"
        "spec: {metadata: {labels: {app: a}}, template: {serviceAccount: vm, labels: {app: b}}}\n"
    )
    assert run_files(monkeypatch, world(), "-f", path, "-o", out) == 0
    assert variables(out)["CANONICAL_SERVICE"] == "b"
    assert "spec.template.labels win" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, out: Path
) -> None:
    assert run_files(monkeypatch, world(), "-f", tmp_path / "no.yaml", "-o", out) == 1
    assert "MVM-501" in capsys.readouterr().err
