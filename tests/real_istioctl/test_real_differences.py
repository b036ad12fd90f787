"""Where `files` differs from istioctl on purpose: what istioctl does, and what the product does instead.

Each of these is a line of docs/compatibility.md. A release that mends one of them fails here, and the line goes.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.files.worlds import config_map, gateway
from tests.real_istioctl.cases import JSON, ROOT, Place, objects, service
from tests.real_istioctl.cluster_state import ClusterState
from tests.real_istioctl.comparing import code_of
from tests.real_istioctl.tools import Configure, Istioctl, Outcome

pytestmark = [pytest.mark.real_tools, pytest.mark.timeout(0)]

GROUP = "metadata: {name: foo, namespace: bar}\nspec: {template: {serviceAccount: vm}}\n"
MESH = "defaultConfig: {proxyMetadata: {A: b}}"
PLACE = Place()


@dataclass(frozen=True)
class Both:
    """One call of both tools after another."""

    cluster: ClusterState
    configure: Configure
    tool: Istioctl
    folder: Path

    def run(
        self, *flags: str, document: str | None = GROUP, cluster: tuple[JSON, ...] = objects(PLACE, MESH)
    ) -> tuple[Outcome, Outcome]:
        """istioctl's outcome and the product's."""
        self.cluster.become(cluster)
        arguments = flags
        if document is not None:
            path = self.folder / "group.yaml"
            path.write_bytes(document.encode())
            arguments = ("-f", str(path), *flags)
        theirs = self.configure.istioctl((self.tool,), arguments, self.folder)[0]
        return theirs, self.configure.ours(arguments, self.folder)

    @property
    def their_folder(self) -> Path:
        return self.folder / self.tool.version

    @property
    def our_folder(self) -> Path:
        return self.folder / "ours"


@pytest.fixture
def both(cluster: ClusterState, configure: Configure, istioctls: tuple[Istioctl, ...], tmp_path: Path) -> Both:
    return Both(cluster, configure, istioctls[0], tmp_path)


def refused(ours: Outcome, code: str, words: str) -> None:
    """The product says no in these words, and leaves nothing."""
    assert code_of(ours) == code
    assert words in " ".join(ours.err.split())
    assert ours.files is None


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        (None, "MVM-508", "Service istio-system/istio-eastwestgateway does not exist"),
        (gateway(), "MVM-508", "waits for its load balancer"),
        (gateway(ingress=[{"hostname": "lb.example.com"}]), "MVM-509", "lb.example.com"),
        (gateway(type="NodePort"), "MVM-508", "is of type NodePort"),
    ],
)
def test_no_address_of_the_gateway(both: Both, changed: JSON | None, code: str, words: str) -> None:
    theirs, ours = both.run(cluster=objects(PLACE, MESH, gateway=changed and service(changed)))
    assert theirs.code == 0
    assert theirs.files is not None
    assert theirs.files["hosts"] == ""
    refused(ours, code, words)


def test_a_failure_leaves_half_a_folder(both: Both) -> None:
    theirs, ours = both.run(cluster=objects(PLACE, MESH, account=None))
    assert theirs.code == 1
    assert theirs.files is not None
    assert sorted(theirs.files) == ["cluster.env", "mesh.yaml", "root-cert.pem"]
    refused(ours, "MVM-504", 'serviceaccounts "vm" not found')


def test_a_failure_mixes_new_files_with_old_ones(both: Both) -> None:
    both.run()
    before = (both.our_folder / "cluster.env").read_text()
    theirs, ours = both.run("--clusterID", "another", cluster=objects(PLACE, MESH, account=None))
    assert (theirs.code, ours.code) == (1, 3)
    assert "'another'" in (both.their_folder / "cluster.env").read_text()
    assert (both.their_folder / "istio-token").exists()
    assert (both.our_folder / "cluster.env").read_text() == before


def test_who_can_read_the_token(both: Both) -> None:
    before = os.umask(0o022)
    try:
        both.run()
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((folder / "istio-token").stat().st_mode) for folder in (both.their_folder, both.our_folder)]
    assert modes == [0o744, 0o600]
    assert stat.S_IMODE(both.our_folder.stat().st_mode) == 0o700


def test_a_name_that_the_shell_would_run(both: Both, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    mesh = f"defaultConfig: {{proxyMetadata: {{'A$(touch {witness})': b}}}}"
    theirs, ours = both.run(cluster=objects(PLACE, mesh))
    assert theirs.code == 0
    subprocess.run(["bash", "-c", f". {both.their_folder / 'cluster.env'}"], capture_output=True, check=False)
    assert witness.exists()
    refused(ours, "MVM-512", "is no shell variable")


def _sourced(folder: Path, name: str) -> bytes:
    script = f'set -a; . "$1"; printf %s "${name}"'
    return subprocess.run(
        ["bash", "-c", script, "-", str(folder / "cluster.env")], capture_output=True, check=True
    ).stdout


def test_a_backslash_swallows_the_next_variable(both: Both) -> None:
    theirs, ours = both.run(cluster=objects(PLACE, "defaultConfig: {proxyMetadata: {BACK: '\\', BACK_2: 'w\\w'}}"))
    assert (theirs.code, ours.code) == (0, 0)
    assert _sourced(both.their_folder, "BACK_2") == b""
    assert [_sourced(both.our_folder, name) for name in ("BACK", "BACK_2")] == [b"\\", b"w\\w"]


def test_a_nul_character(both: Both) -> None:
    theirs, ours = both.run(cluster=objects(PLACE, 'defaultConfig: {proxyMetadata: {A: "a\\0b"}}'))
    assert theirs.code == 0
    refused(ours, "MVM-512", "NUL")


def test_proxy_metadata_of_an_annotation_in_a_mesh_that_has_none(both: Both) -> None:
    annotated = "metadata: {name: foo, namespace: bar, annotations: {proxy.istio.io/config: 'proxyMetadata: {X: why}'}}"
    document = f"{annotated}\nspec: {{template: {{serviceAccount: vm}}}}\n"
    theirs, ours = both.run(document=document, cluster=objects(PLACE, "defaultConfig: {meshId: m}"))
    assert theirs.code == 2
    assert "panic: assignment to entry in nil map" in theirs.err
    assert ours.code == 0
    assert _sourced(both.our_folder, "X") == b"why"


def _on_the_server(spec: JSON) -> JSON:
    metadata = {"name": "foo", "namespace": "bar"}
    return {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroup", "metadata": metadata, "spec": spec}


def test_a_group_on_the_server_without_metadata(both: Both) -> None:
    group = _on_the_server({"template": {"serviceAccount": "vm"}})
    theirs, ours = both.run("--name", "foo", "-n", "bar", document=None, cluster=(*objects(PLACE, MESH), group))
    assert theirs.code == 2
    assert "nil pointer dereference" in theirs.err
    assert ours.code == 0


def test_a_group_on_the_server_without_a_service_account(both: Both) -> None:
    group = _on_the_server({"metadata": {}, "template": {"network": "n"}})
    theirs, ours = both.run("--name", "foo", "-n", "bar", document=None, cluster=(*objects(PLACE, MESH), group))
    assert theirs.code == 1
    assert "resource name may not be empty" in theirs.err
    assert ours.code == 0
    assert _sourced(both.our_folder, "SERVICE_ACCOUNT") == b"default"
    assert "default is used" in ours.err


def test_line_breaks_of_unicode(both: Both) -> None:
    document = 'metadata: {name: foo, namespace: bar}\nspec: {template: {serviceAccount: vm, network: "a\\Nb\\Lc"}}\n'
    theirs, ours = both.run(document=document)
    assert theirs.files is not None
    assert ours.files is not None
    assert "ISTIO_META_NETWORK: 'a b" in theirs.files["mesh.yaml"]
    assert 'ISTIO_META_NETWORK: "a\\Nb\\Lc"' in ours.files["mesh.yaml"]
    assert theirs.files["cluster.env"] == ours.files["cluster.env"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("metadata: {namespace: bar}\n", "metadata.name is missing"),
        ("metadata: {name: 12e5, namespace: bar}\n", "put it between quotes"),
        ("metadata: {Name: foo, namespace: bar}\n", "metadata.name is missing"),
    ],
)
def test_a_group_without_a_name_of_its_own(both: Both, document: str, words: str) -> None:
    theirs, ours = both.run(document=document)
    assert theirs.code == 0
    refused(ours, "MVM-501", words)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (GROUP, objects(PLACE, f"{MESH}\nenableTracing: words\n")),
        (GROUP.replace("{name", "{creationTimestamp: words, name"), objects(PLACE, MESH)),
        (GROUP + "status: 5\n", objects(PLACE, MESH)),
    ],
)
def test_what_the_files_are_not_made_of_is_not_judged(both: Both, document: str, found: tuple[JSON, ...]) -> None:
    theirs, ours = both.run(document=document, cluster=found)
    assert (theirs.code, ours.code) == (1, 0)


def test_the_default_tag_of_a_mesh_outside_istio_system(
    cluster: ClusterState, configure: Configure, istioctls: tuple[Istioctl, ...], tmp_path: Path
) -> None:
    """The newest release finds it, as the product does; those before it look for a name that it does not have."""
    place = Place("mesh", default="rev-1")
    cluster.become(objects(place, MESH))
    path = tmp_path / "group.yaml"
    path.write_text(GROUP)
    flags = ("-f", str(path), *place.flags)
    newest, *older = configure.istioctl(istioctls, flags, tmp_path)
    assert newest.files is not None
    assert newest.files["hosts"] == "10.0.0.1 istiod-rev-1.mesh.svc\n"
    assert all('configmaps "istio-sidecar-injector" not found' in outcome.err for outcome in older)
    ours = configure.ours(flags, tmp_path)
    assert ours.files is not None
    assert ours.files["hosts"] == newest.files["hosts"]


def test_words_that_are_no_flags(both: Both) -> None:
    theirs, ours = both.run("--autoregister", "false")
    assert theirs.files is not None
    assert "ISTIO_META_AUTO_REGISTER_GROUP='foo'" in theirs.files["cluster.env"]
    assert ours.files is not None
    assert "ISTIO_META_AUTO_REGISTER_GROUP" not in ours.files["cluster.env"]


def test_a_stray_argument(both: Both) -> None:
    theirs, ours = both.run("stray")
    assert theirs.code == 0
    assert (ours.code, ours.files) == (2, None)
    assert "stray" in ours.err


@pytest.mark.parametrize(
    ("flags", "changes", "words"),
    [
        (("--internalIP", "not-an-ip"), {}, "ISTIO_SVC_IP is no IP address"),
        (
            (),
            {"root": config_map("istio-ca-root-cert", "bar", **{"root-cert.pem": "words"})},
            "root-cert.pem is no PEM",
        ),
        ((), {"injector": config_map("istio-sidecar-injector", "istio-system", values="{}")}, "--clusterID Kubernetes"),
    ],
)
def test_the_same_files_but_not_in_silence(
    *, both: Both, flags: tuple[str, ...], changes: dict[str, JSON], words: str
) -> None:
    theirs, ours = both.run(*flags, cluster=objects(PLACE, MESH, **changes))
    assert (theirs.code, ours.code) == (0, 0)
    assert theirs.files is not None
    assert ours.files is not None
    assert {**theirs.files, "istio-token": ""} == {**ours.files, "istio-token": ""}
    assert words not in theirs.err
    assert words in " ".join(ours.err.split())


def test_the_files_that_are_there_are_those_of_istioctl(both: Both) -> None:
    """And as a process, as an operator runs it."""
    both.run()
    again = subprocess.run(
        [
            *(sys.executable, "-m", "meshvm_tui", "files", "-f", str(both.folder / "group.yaml")),
            *("--kubeconfig", str(both.configure.kubeconfig), "-o", str(both.folder / "process")),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert again.returncode == 0, again.stderr
    for name in ("cluster.env", "mesh.yaml", "hosts", "root-cert.pem"):
        assert (both.folder / "process" / name).read_bytes() == (both.their_folder / name).read_bytes()
    assert (both.folder / "process" / "root-cert.pem").read_text() == ROOT
