"""The five files: as istioctl makes them, proven, and compared key by key.

`configure_cases.json` holds what Istio's own algorithm writes with Istio's own protobuf and YAML libraries
(istio.io/api 1.31.1, golang/protobuf 1.5.4, sigs.k8s.io/yaml 1.6.0); ports are sorted in it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.istio import cluster_env, mesh_config, workload_group, yaml_dialect
from meshvm_tui.istio.bootstrap import Additions, BootstrapFiles, BootstrapInput, differences, notes, render, verify
from meshvm_tui.problems import PermanentError

CASES = json.loads(Path(__file__).with_name("configure_cases.json").read_text(encoding="utf-8"))
DER = b"\x30\x03\x02\x01\x01"
PEM = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(DER).decode()}\n-----END CERTIFICATE-----\n"


def jwt(**claims: Any) -> str:
    said = {"aud": ["istio-ca"], "sub": "system:serviceaccount:bar:vm", "exp": 2000, **claims}
    body = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


GROUP = """
metadata: {name: foo, namespace: bar}
spec:
  metadata:
    labels: {app: hello, version: v1}
    annotations: {proxy.istio.io/config: '{concurrency: 2, proxyMetadata: {FROM_ANNOTATION: x}}'}
  template: {ports: {http: 8080, admin: 9090}, serviceAccount: vm, network: vm-net}
  probe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 5}
"""
MESH = """
trustDomain: cluster.local
defaultConfig:
  meshId: mesh1
  discoveryAddress: istiod.istio-system.svc:15012
  tracing: {zipkin: {address: 'zipkin:9411'}}
"""


def given_input(**changes: Any) -> BootstrapInput:
    return replace(
        BootstrapInput(
            group=workload_group.parse_file(GROUP, "group.yaml"),
            mesh=mesh_config.parse(MESH),
            root_cert=PEM,
            gateway_address="10.0.0.1",
            cluster_id="Kubernetes",
            internal_ip="10.0.0.7",
            auto_register=True,
            token=jwt(),
        ),
        **changes,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_equals_istioctl(case: dict[str, Any]) -> None:
    made = render(
        BootstrapInput(
            group=workload_group.parse_file(case["group"], "group.yaml"),
            mesh=mesh_config.parse(case["mesh"]),
            root_cert="",
            gateway_address="10.0.0.1",
            **{
                name: case[name]
                for name in (
                    "istio_namespace", "revision", "cluster_id", "internal_ip", "external_ip", "capture_dns",
                    "auto_register",
                )
            },
        )
    )  # fmt: skip
    assert made.cluster_env == case["cluster.env"]
    assert made.mesh_yaml == case["mesh.yaml"]


@pytest.mark.parametrize(
    ("address", "namespace", "revision", "line"),
    [
        ("10.0.0.1", "istio-system", "", "10.0.0.1 istiod.istio-system.svc\n"),
        ("10.0.0.1", "mesh", "default", "10.0.0.1 istiod.mesh.svc\n"),
        ("fd00:10:96::2", "istio-system", "rev-1", "fd00:10:96::2 istiod-rev-1.istio-system.svc\n"),
    ],
)
def test_hosts(address: str, namespace: str, revision: str, line: str) -> None:
    made = render(given_input(gateway_address=address, istio_namespace=namespace, revision=revision))
    assert made.hosts == line


@pytest.mark.parametrize("address", ["", "lb.example.com", "10.0.0.256", "10.0.0.1 x"])
def test_hosts_are_never_made_without_an_address(address: str) -> None:
    with pytest.raises(PermanentError) as caught:
        render(given_input(gateway_address=address))
    assert caught.value.code == "MVM-508"


def test_a_plans_additions_stand_in_cluster_env_only() -> None:
    plain = render(given_input())
    extra = Additions((2222, 22), ("169.254.169.254/32",), {"CA_ADDR": "ca.example:443", "EXTRA": "a b"})
    made = render(given_input(extra=extra))
    changed = {note.key: note.what for note in differences(plain, made)}
    assert set(changed) == {"ISTIO_LOCAL_EXCLUDE_PORTS", "ISTIO_SERVICE_EXCLUDE_CIDR", "CA_ADDR", "EXTRA"}
    values, _ = cluster_env.parse(made.cluster_env)
    assert values["ISTIO_LOCAL_EXCLUDE_PORTS"] == "22,15090,15021,15020,2222"
    assert made.mesh_yaml == plain.mesh_yaml


def test_excluded_ranges_of_the_mesh_are_kept() -> None:
    mesh = mesh_config.parse("defaultConfig: {proxyMetadata: {ISTIO_SERVICE_EXCLUDE_CIDR: 10.9.0.0/16}}")
    made = render(given_input(mesh=mesh, extra=Additions(exclude_outbound_ranges=("169.254.169.254/32",))))
    assert cluster_env.parse(made.cluster_env)[0]["ISTIO_SERVICE_EXCLUDE_CIDR"] == "10.9.0.0/16,169.254.169.254/32"


def test_the_token_is_never_shown() -> None:
    given = given_input()
    assert given.token not in repr(given)
    assert given.token not in repr(render(given))


def test_notes_say_what_was_left_out_and_what_wins() -> None:
    group = workload_group.parse_file(
        "metadata: {name: foo, namespace: bar}\nspec: {newField: 1, template: {labels: {app: x}}}", "g.yaml"
    )
    mesh = mesh_config.parse("defaultConfig: {notYet: 1, tracing: {alsoNot: 2}}", "ConfigMap")
    said = "\n".join(notes(given_input(group=group, mesh=mesh)))
    for part in ("spec.newField", "defaultConfig.notYet", "defaultConfig.tracing.alsoNot", "app=x", "default is used"):
        assert part in said


def test_good_files_have_no_fault() -> None:
    assert verify(render(given_input()), now=1000) == ()


@pytest.mark.parametrize(
    ("change", "file", "key"),
    [
        ({"root_cert": ""}, "root-cert.pem", ""),
        ({"root_cert": "fake"}, "root-cert.pem", ""),
        ({"root_cert": PEM.replace("MAMCAQE", "MAUCAQE")}, "root-cert.pem", ""),
        ({"root_cert": PEM.replace("CERTIFICATE", "PRIVATE KEY")}, "root-cert.pem", ""),
        ({"token": "x"}, "istio-token", ""),
        ({"token": "a.!.c"}, "istio-token", ""),
        ({"token": jwt(aud=["other"])}, "istio-token", "aud"),
        ({"token": jwt(sub="system:serviceaccount:bar:other")}, "istio-token", "sub"),
        ({"token": jwt(exp=999)}, "istio-token", "exp"),
        ({"token": jwt(exp=None)}, "istio-token", "exp"),
        ({"hosts": ""}, "hosts", ""),
        ({"hosts": "nowhere istiod.istio-system.svc\n"}, "hosts", "istiod.istio-system.svc"),
        ({"hosts": "10.0.0.1 istiod.other.svc\n"}, "hosts", "istiod.istio-system.svc"),
        ({"mesh_yaml": "a: ["}, "mesh.yaml", ""),
        ({"mesh_yaml": "defaultConfig: {}"}, "mesh.yaml", "defaultConfig.proxyMetadata"),
        ({"mesh_yaml": "x"}, "mesh.yaml", "defaultConfig.proxyMetadata"),
    ],
)
def test_a_fault_is_named_by_file_and_key(change: dict[str, str], file: str, key: str) -> None:
    found = verify(replace(render(given_input()), **change), now=1000)
    assert [(fault.file, fault.key) for fault in found] == [(file, key)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POD_NAMESPACE", ""),
        ("SERVICE_ACCOUNT", ""),
        ("ISTIO_INBOUND_PORTS", "80,http"),
        ("ISTIO_LOCAL_EXCLUDE_PORTS", ""),
        ("ISTIO_LOCAL_EXCLUDE_PORTS", "70000"),
        ("ISTIO_SVC_IP", "my-vm"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    made = render(given_input(token=""))
    values, _ = cluster_env.parse(made.cluster_env)
    found = verify(replace(made, cluster_env=cluster_env.render({**values, name: value})))
    assert ("cluster.env", name) in {(fault.file, fault.key) for fault in found}


def test_the_two_files_must_agree_on_who_the_vm_is() -> None:
    made = render(given_input())
    found = verify(replace(made, mesh_yaml=made.mesh_yaml.replace("POD_NAMESPACE: bar", "POD_NAMESPACE: other")))
    assert [fault.key for fault in found] == ["defaultConfig.proxyMetadata.POD_NAMESPACE"]


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [path]
    return [found for key, inner in value.items() for found in leaves(inner, (*path, key))]


def changed_at(value: Any, path: tuple[str, ...], change: Any) -> Any:
    copied = json.loads(json.dumps(value))
    place = copied
    for key in path[:-1]:
        place = place[key]
    if change is None:
        del place[path[-1]]
    else:
        place[path[-1]] = change
    return copied


WANTED = render(given_input())
VARIABLES = cluster_env.parse(WANTED.cluster_env)[0]
CONFIG = yaml_dialect.load(WANTED.mesh_yaml)


def altered_files() -> list[tuple[str, str, BootstrapFiles]]:
    """One alteration for each key of both files, in two ways, and for each other file: (file, key, the files)."""
    table: list[tuple[str, str, BootstrapFiles]] = []
    for name in VARIABLES:
        for values in ({**VARIABLES, name: "altered"}, {key: VARIABLES[key] for key in VARIABLES if key != name}):
            table.append(("cluster.env", name, replace(WANTED, cluster_env=cluster_env.render(values))))
    for path in leaves(CONFIG):
        for change in ("altered", None):
            text = yaml_dialect.dump(changed_at(CONFIG, path, change))
            table.append(("mesh.yaml", ".".join(path), replace(WANTED, mesh_yaml=text)))
    table += [
        ("cluster.env", "ADDED", replace(WANTED, cluster_env=WANTED.cluster_env + "ADDED=1\n")),
        ("cluster.env", "", replace(WANTED, cluster_env=WANTED.cluster_env + "rm -rf /\n")),
        ("mesh.yaml", "defaultConfig.added", replace(WANTED, mesh_yaml=WANTED.mesh_yaml + "  added: 1\n")),
        ("mesh.yaml", "", replace(WANTED, mesh_yaml="a: [")),
        ("root-cert.pem", "", replace(WANTED, root_cert=PEM.replace("MAM", "MAN"))),
        ("root-cert.pem", "", replace(WANTED, root_cert="")),
        ("hosts", "istiod.istio-system.svc", replace(WANTED, hosts="10.0.0.2 istiod.istio-system.svc\n")),
        ("hosts", "istiod.istio-system.svc", replace(WANTED, hosts="10.0.0.1 istiod.other.svc\n")),
        ("hosts", "istiod.istio-system.svc", replace(WANTED, hosts="")),
        ("istio-token", "", replace(WANTED, token=jwt(exp=3000))),
        ("istio-token", "", replace(WANTED, token="")),
    ]
    return table


@pytest.mark.parametrize(
    ("file", "key", "found"), altered_files(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_alteration_is_named_by_file_and_key(file: str, key: str, found: BootstrapFiles) -> None:
    assert [(note.file, note.key) for note in differences(WANTED, found)] == [(file, key)]


def test_the_table_misses_no_key() -> None:
    named = {(file, key) for file, key, _ in altered_files()}
    assert {("cluster.env", name) for name in VARIABLES} <= named
    assert {("mesh.yaml", ".".join(path)) for path in leaves(CONFIG)} <= named
    assert {file for file, _ in named} == set(WANTED.contents())
    assert len(VARIABLES) >= 20


def test_what_says_the_same_is_no_difference() -> None:
    lines = WANTED.cluster_env.splitlines()
    other_order = "# by hand\n" + "\n".join(reversed(lines)).replace("'8080,9090'", '"9090,8080"') + "\n"
    found = {
        "cluster.env": other_order,
        "mesh.yaml": "# by hand\n" + json.dumps(CONFIG),
        "root-cert.pem": PEM + "\n",
        "hosts": "127.0.0.1 localhost\n10.0.0.1 istiod.istio-system.svc # the gateway\n",
    }
    assert differences(replace(WANTED, token=""), found) == ()


def test_missing_files_are_named() -> None:
    found = differences(WANTED, {"cluster.env": WANTED.cluster_env, "mesh.yaml": None})
    assert [str(note) for note in found] == [
        "mesh.yaml is missing",
        "root-cert.pem is missing",
        "hosts is missing",
        "istio-token is missing",
    ]


def test_a_difference_never_repeats_a_token() -> None:
    other = replace(WANTED, token=jwt(exp=3000))
    assert all(part not in str(note) for note in differences(WANTED, other) for part in (WANTED.token, other.token))
