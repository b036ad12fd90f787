"""`meshvm-tui files` equals `istioctl x workload entry configure`, over generated inputs, for every release here.

The examples are the same in every run. REAL_EXAMPLES=2000 makes other ones, and that many of each space:

    REAL_EXAMPLES=2000 python -m pytest -m real_tools -n 2 --hypothesis-show-statistics tests/real_istioctl

The statistics say how often both tools wrote the same files, refused, or differed on purpose.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.real_istioctl import cases
from tests.real_istioctl.cases import Case
from tests.real_istioctl.cluster_state import ClusterState
from tests.real_istioctl.comparing import assert_same
from tests.real_istioctl.tools import Configure, Istioctl, run_ours

pytestmark = [pytest.mark.real_tools, pytest.mark.timeout(0)]

EXAMPLES = int(os.environ.get("REAL_EXAMPLES", "60"))
generated = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="REAL_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


def compare(case: Case, cluster: ClusterState, configure: Configure, istioctls: tuple[Istioctl, ...]) -> None:
    """Runs the case with every tool; the outcome is an event of hypothesis' statistics."""
    cluster.become(case.objects)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = case.flags
        if case.document is not None:
            path = folder / "group.yaml"
            path.write_bytes(case.document.encode())
            arguments = ("-f", str(path), *arguments)
        tools = istioctls[:1] if case.newest_only else istioctls
        theirs = configure.istioctl(tools, arguments, folder)
        ours = configure.ours(arguments, folder)
        for tool, outcome in zip(tools, theirs, strict=True):
            event(f"{tool.version}: {assert_same(outcome, ours, case.faults)}")


@st.composite
def group_files(draw: st.DrawFn) -> Case:
    objects = cases.objects(cases.Place(), "defaultConfig: {proxyMetadata: {}, meshId: mesh1}")
    return Case(objects, draw(cases.file_groups()), ("--ingressIP", "10.0.0.9"))


@st.composite
def wrong_files(draw: st.DrawFn) -> Case:
    objects = cases.objects(cases.Place(), "defaultConfig: {proxyMetadata: {}}")
    return Case(objects, draw(cases.wrong_groups()))


@st.composite
def server_groups(draw: st.DrawFn) -> Case:
    objects = cases.objects(cases.Place(), "defaultConfig: {proxyMetadata: {A: b}}")
    flags = ("--name", "foo", "-n", "bar", *draw(cases.flags()))
    return Case((*objects, draw(cases.server_groups())), None, flags, cases.faults_of(flags))


GROUP = "metadata: {name: foo, namespace: bar}\nspec: {template: {serviceAccount: vm}}\n"


@st.composite
def meshes(draw: st.DrawFn) -> Case:
    return Case(cases.objects(cases.Place(), draw(cases.MESHES)), GROUP)


@st.composite
def wrong_meshes(draw: st.DrawFn) -> Case:
    return Case(cases.objects(cases.Place(), draw(cases.WRONG_MESHES)), GROUP)


@st.composite
def calls(draw: st.DrawFn) -> Case:
    place = draw(cases.PLACES)
    changes = draw(cases.changes(place))
    objects = cases.objects(place, "defaultConfig: {proxyMetadata: {ISTIO_META_DNS_CAPTURE: 'false'}}", **changes)
    flags = (*place.flags, *draw(cases.flags()))
    return Case(objects, GROUP, flags, cases.faults_of(flags, *changes), place.newest_only)


@st.composite
def everything(draw: st.DrawFn) -> Case:
    place = draw(cases.PLACES)
    objects = cases.objects(place, draw(cases.MESHES))
    flags = (*place.flags, *draw(cases.flags()))
    return Case(objects, draw(cases.file_groups()), flags, cases.faults_of(flags), place.newest_only)


@pytest.mark.parametrize(
    "space",
    [group_files, wrong_files, server_groups, meshes, wrong_meshes, calls, everything],
    ids=lambda space: space.__name__,
)
def test_the_same_files(
    space: Callable[[], st.SearchStrategy[Case]],
    cluster: ClusterState,
    configure: Configure,
    istioctls: tuple[Istioctl, ...],
) -> None:
    @generated
    @given(space())
    def holds(case: Case) -> None:
        compare(case, cluster, configure, istioctls)

    holds()


@pytest.mark.parametrize("where", ["new", "a/b/c", "with space/é", "there/", "there/.", "file", "file/below"])
def test_where_the_files_go(
    where: str, cluster: ClusterState, configure: Configure, istioctls: tuple[Istioctl, ...], tmp_path: Path
) -> None:
    cluster.become(cases.objects(cases.Place(), "defaultConfig: {proxyMetadata: {}}"))
    group = tmp_path / "group.yaml"
    group.write_text(GROUP)
    flags = ("-f", str(group), "--kubeconfig", str(configure.kubeconfig))
    for tool in istioctls:
        theirs, ours = (_prepared(tmp_path / tool.version / name) for name in ("theirs", "ours"))
        said = tool.run("x", "workload", "entry", "configure", *flags, "-o", f"{theirs}/{where}")
        code, told, _ = run_ours(("files", *flags, "-o", f"{ours}/{where}"))
        assert (code == 0, told) == (said.returncode == 0, said.stdout.replace(str(theirs), str(ours)))
        assert _names(ours) == _names(theirs)
        assert (ours / "there" / "mine.txt").read_text() == (ours / "file").read_text() == "kept\n"


def _prepared(folder: Path) -> Path:
    """A folder in which other things are already."""
    (folder / "there").mkdir(parents=True)
    (folder / "there" / "hosts").write_text("an older one\n")
    (folder / "there" / "mine.txt").write_text("kept\n")
    (folder / "file").write_text("kept\n")
    return folder


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
