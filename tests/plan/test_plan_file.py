"""The plan as YAML: what is read back, and what an operator is told about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from meshvm_tui.plan import Plan
from meshvm_tui.plan_file import dump_plan, json_schema, load_plan, parse_plan
from meshvm_tui.problems import PermanentError
from tests.plan.plans import plans

HEAD = "apiVersion: meshvm-tui/v1\nkind: OnboardingPlan\n"


@given(plans)
@settings(max_examples=150, deadline=None)
def test_a_saved_plan_loads_as_the_same_plan(plan: Plan) -> None:
    assert parse_plan(dump_plan(plan)) == plan


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("mesh:\n  instal: keep\n", 4, "mesh.instal: there is no such field"),
        ("mesh:\n  install: foo\n", 4, "one of 'keep', 'install' or 'upgrade'"),
        ("workload:\n  ports:\n    http: 99999\n", 5, "workload.ports.http: 99999 is not valid; valid: 65535 or less"),
        ("workload:\n  probe: {}\n", 4, "exactly one of httpGet, tcpSocket, exec"),
        ("machines:\n- name: A_b\n", 4, "machines[0].name: 'A_b' is not valid; valid: 1 to 63 lower-case"),
        ("machines:\n- name: a\n- name: a\n", 3, "two machines are called a"),
        ("machines:\n- name: a\n  host: -oProxyCommand=x\n", 5, "a host name or an IP address"),
        ("gateway: {address: nowhere}\n", 3, "'nowhere' is no IP address, such as 10.128.0.7"),
        ("gateway:\n  sourceRanges: [10.0.0.0/99]\n", 4, "no IP range, such as 10.0.0.0/8"),
        ("sidecar:\n  extraEnv:\n    'A B': x\n", 5, "letters, digits and _"),
        ("sidecar:\n  tokenDuration: 60\n", 4, "600 or more"),
        ("firewall:\n  sources: 3\n", 4, "one of 'auto' or a list"),
        ("firewall:\n  sources: [10.0.0.0/99]\n", 4, "no IP range, such as 10.0.0.0/8"),
        ("cluster:\n  gke: {location: Europe, name: prod}\n", 4, "a zone such as europe-west1-b"),
        ("machines:\n- name: a\n  gce: {project: P1}\n", 5, "a project ID of 6 to 30 lower-case letters"),
        ("machines:\n- name: a\n  gce: {create: {tags: [Mesh]}}\n", 5, "1 to 63 lower-case letters"),
        ("machines:\n- name: a\n  host: b\n  gce: {}\n", 4, "only one of gce, host may be given"),
        ("mesh: {}\nmesh: {}\n", 4, "mesh: it stands here twice"),
        ("mesh: [\n", 4, "no valid YAML"),
    ],
)
def test_an_error_names_line_field_cause_and_what_is_valid(text: str, line: int, words: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse_plan(HEAD + text, "plan.yaml")
    assert caught.value.code == "MVM-701"
    (first, *_) = caught.value.evidence.values()
    assert first.startswith(f"line {line}, ")
    assert words in first


def test_every_error_of_a_plan_is_told_at_once() -> None:
    with pytest.raises(PermanentError) as caught:
        parse_plan(HEAD + "mesh:\n  instal: keep\ngateway:\n  address: x\n")
    assert len(caught.value.evidence) == 2


@pytest.mark.parametrize("missing", ["apiVersion", "kind"])
def test_a_document_of_another_kind_is_not_taken_for_a_plan(missing: str) -> None:
    text = "\n".join(line for line in HEAD.splitlines() if not line.startswith(missing))
    with pytest.raises(PermanentError, match=f"{missing}: it is missing"):
        parse_plan(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"nothing\.yaml") as caught:
        load_plan(tmp_path / "nothing.yaml")
    assert caught.value.code == "MVM-702"


def test_the_default_probes_go_both_ways() -> None:
    plan = parse_plan(HEAD + "services: {vmService: {port: 81}}\n")
    assert [(probe.source, probe.url) for probe in plan.traffic_probes()] == [
        ("vm", "http://hello-world.default"),
        ("cluster", "http://hello-vm.vm-namespace:81"),
    ]


def test_the_schema_uses_the_names_of_the_file() -> None:
    schema = json_schema()
    assert "istioNamespace" in schema["$defs"]["Mesh"]["properties"]
    assert schema["$defs"]["Mesh"]["additionalProperties"] is False
