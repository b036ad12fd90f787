"""`meshvm-tui files`: istioctl's flags, istioctl's files, and none of its accidents."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.istio import cluster_env, yaml_dialect
from meshvm_tui.ports import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, SERVICES, Token
from meshvm_tui.problems import PermanentError
from tests.fakes.cluster import FakeCluster
from tests.files.worlds import (
    GROUP,
    config_map,
    default_tag,
    gateway,
    injector,
    run_files,
    world,
)

NAMES = ["cluster.env", "hosts", "istio-token", "mesh.yaml", "root-cert.pem"]


@pytest.fixture
def group(tmp_path: Path) -> Path:
    path = tmp_path / "workloadgroup.yaml"
    path.write_text(GROUP)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out" / "vm-files"


def variables(folder: Path) -> dict[str, str]:
    values, unreadable = cluster_env.parse((folder / "cluster.env").read_text())
    assert unreadable == ()
    return values


def metadata_of(folder: Path) -> dict[str, str]:
    found: dict[str, str] = yaml_dialect.load((folder / "mesh.yaml").read_text())["defaultConfig"]["proxyMetadata"]
    return found


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


@pytest.mark.parametrize("mesh_id", ["", "mesh1"])
def test_the_mesh_id(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path, mesh_id: str) -> None:
    mesh = f"defaultConfig: {{meshId: '{mesh_id}'}}"
    run_files(monkeypatch, world(mesh=mesh), "-f", group, "-o", out)
    assert metadata_of(out)["ISTIO_META_MESH_ID"] == mesh_id


def revisioned(revision: str, place: str = "istio-system") -> FakeCluster:
    return world(
        config_map(f"istio-{revision}", place, mesh="defaultConfig: {proxyMetadata: {OF: revision}}"),
        injector("other", f"-{revision}", place),
    )


def test_a_revision(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path) -> None:
    assert run_files(monkeypatch, revisioned("rev-1"), "-f", group, "-o", out, "-r", "rev-1") == 0
    values = variables(out)
    assert values["CA_ADDR"] == "istiod-rev-1.istio-system.svc:15012"
    assert (values["OF"], values["ISTIO_META_CLUSTER_ID"]) == ("revision", "other")
    assert (out / "hosts").read_text() == "10.0.0.1 istiod-rev-1.istio-system.svc\n"


def test_a_tag_instead_of_a_revision_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], group: Path, out: Path
) -> None:
    assert run_files(monkeypatch, world(), "-f", group, "-o", out, "--revision", "prod", "--clusterID", "x") == 3
    assert "configmap istio-prod was not found in namespace istio-system" in capsys.readouterr().err


def test_the_default_revision_is_looked_up(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path) -> None:
    cluster = revisioned("rev-1")
    cluster.put(default_tag("rev-1"))
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out) == 0
    assert variables(out)["OF"] == "revision"
    assert "istiod-rev-1." in (out / "hosts").read_text()


def test_a_given_revision_is_not_looked_up(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path) -> None:
    cluster = revisioned("rev-1")
    cluster.put(default_tag("rev-1"))
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out, "-r", "default") == 0
    assert "OF" not in variables(out)
    assert not [read for read in cluster.reads if read[1] == "MutatingWebhookConfiguration"]


def test_another_istio_namespace(monkeypatch: pytest.MonkeyPatch, group: Path, out: Path) -> None:
    cluster = world(
        config_map("istio-rev-2", "mesh", mesh=""),
        injector("c2", "-rev-2", "mesh"),
        gateway(place="mesh", ingress=[{"ip": "10.9.9.9"}]),
        default_tag("rev-2", "istio-revision-tag-default-mesh"),
    )
    assert run_files(monkeypatch, cluster, "-f", group, "-o", out, "-i", "mesh") == 0
    assert (out / "hosts").read_text() == "10.9.9.9 istiod-rev-2.mesh.svc\n"
    assert yaml_dialect.load((out / "mesh.yaml").read_text())["defaultConfig"]["discoveryAddress"] == (
        "istiod-rev-2.mesh.svc:15012"
    )


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
