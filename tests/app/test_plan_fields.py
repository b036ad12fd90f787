"""A field as a line of text: writing and reading it gives the same plan, and every error says what is valid."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from meshvm_tui.events import Stage
from meshvm_tui.plan import Plan
from meshvm_tui.plan_fields import (
    Kind,
    edit,
    has,
    lacking,
    plan_with_machine_added,
    plan_without_machine,
    text_of,
    with_a_machine,
)
from meshvm_tui.screens.fields import Field
from meshvm_tui.screens.stage_forms import FORMS
from tests.plan.plans import plans

FIELDS = [field for form in FORMS.values() for field in form.fields]


def field(path: str) -> Field:
    """The form's field of this path."""
    return next(item for item in FIELDS if item.path == path)


def change(plan: Plan, path: str, text: str) -> tuple[Plan, str]:
    """The plan and the error after typing."""
    edited = edit(plan, path.replace("{machine}", "0"), field(path).kind, text)
    return edited.plan, edited.error


@settings(max_examples=60, deadline=None)
@given(plans)
def test_what_a_form_shows_is_what_the_plan_says(plan: Plan) -> None:
    plan = with_a_machine(plan)
    for item in FIELDS:
        path = item.path.replace("{machine}", "0")
        if not has(plan, path) or (path == "workload.annotations" and _has_odd_name(plan)):
            continue
        if path == "firewall.sources" and plan.firewall.sources == []:
            continue  # a form wants auto or something: to Google no source at all means every source
        text = text_of(plan, path, item.kind)
        if item.kind.name in ("TEXT", "OPTIONAL", "LIST", "MAPPING", "PROBE", "REQUESTS") and _spaced(text):
            continue
        edited = edit(plan, path, item.kind, text)
        assert not edited.error, (path, text)
        assert edited.plan == plan, (path, text)


def _has_odd_name(plan: Plan) -> bool:
    """Kubernetes takes no such name of an annotation; a plan file may still hold one."""
    return any(not name or "=" in name for name in plan.workload.annotations)


def _spaced(text: str) -> bool:
    """A line of a form takes no account of blanks around a value."""
    return text != " ".join(text.split()) or any(part != part.strip() for part in text.replace("=", ",").split(","))


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("workload.name", "My_VM", "lower-case"),
        ("workload.labels", "app", "name=value"),
        ("workload.labels", "app=a, app=b", "stands there twice"),
        ("workload.labels", '"app=a', "quotes do not match"),
        ("workload.ports", "http=99999", "65535 or less"),
        ("workload.ports", "http=x", "a whole number"),
        ("workload.probe", "http 80x", "http :80 /health every 10 s"),
        ("workload.probe", "tcp :0", "1 or more"),
        ("gateway.sourceRanges", "10.0.0.0/99", "no IP range"),
        ("gateway.address", "somewhere", "no IP address"),
        ("mesh.install", "perhaps", "one of"),
        ("machines.{machine}.address", "10.0.0", "no IP address"),
        ("machines.{machine}.host", "-oProxyCommand=x", "a host name or an IP address"),
        ("machines.{machine}.ssh.port", "22a", "a whole number"),
        ("sidecar.tokenDuration", "60", "600 or more"),
        ("sidecar.sha256", "abc", "64 hexadecimal digits"),
        ("sidecar.extraEnv", "1A=x", "not starting with a digit"),
        ("services.helloWorld", "maybe", "yes or no"),
    ],
)
def test_an_error_says_what_is_valid_and_changes_nothing(path: str, text: str, words: str) -> None:
    plan = with_a_machine(Plan())
    after, error = change(plan, path, text)
    assert words in error
    assert after == plan


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("workload.labels", "app=x, tier=", {"app": "x", "tier": ""}),
        ("workload.annotations", '"a=1,2", b=3', {"a": "1,2", "b": "3"}),
        ("workload.ports", "http=80,https=8443", {"http": 80, "https": 8443}),
        ("gateway.sourceRanges", "10.0.0.0/8, fd00::/8", ["10.0.0.0/8", "fd00::/8"]),
        ("sidecar.excludeInboundPorts", "22, 2222", [22, 2222]),
        ("sidecar.excludeOutboundRanges", "", []),
    ],
)
def test_values_with_commas_between(path: str, text: str, value: object) -> None:
    plan, error = change(Plan(), path, text)
    assert not error
    found: object = plan.model_dump(by_alias=True)
    for part in path.split("."):
        assert isinstance(found, dict)
        found = found[part]
    assert found == value


def test_a_probe_keeps_what_a_form_does_not_show() -> None:
    plan, _ = change(Plan(), "workload.probe", "http :8080 /healthz every 5 s")
    probe = plan.workload.probe
    assert probe and probe.http_get and probe.http_get.path == "/healthz" and probe.period_seconds == 5
    probe.failure_threshold = 3
    probe.http_get.host = "internal"
    plan, _ = change(plan, "workload.probe", "http :9090 /healthz")
    probe = plan.workload.probe
    assert probe and probe.http_get and probe.http_get.port == 9090
    assert (probe.failure_threshold, probe.http_get.host, probe.period_seconds) == (3, "internal", None)
    plan, _ = change(plan, "workload.probe", "exec /bin/check --fast")
    assert plan.workload.probe and plan.workload.probe.exec
    assert plan.workload.probe.exec.command == ["/bin/check", "--fast"]
    plan, _ = change(plan, "workload.probe", "none")
    assert plan.workload.probe is None


def test_a_sample_left_out_has_no_fields() -> None:
    plan, _ = change(Plan(), "services.httpServer", "no")
    assert plan.services.http_server is None
    assert not has(plan, "services.httpServer.port")
    assert text_of(plan, "services.httpServer.port", field("services.httpServer.port").kind) == ""
    plan, _ = change(plan, "services.httpServer", "yes")
    assert plan.services.http_server and plan.services.http_server.port == 80


def test_machines_come_and_go() -> None:
    plan = with_a_machine(Plan())
    assert lacking(plan, Stage.MACHINE).startswith("Host of my-mesh-vm")
    assert not lacking(plan, Stage.WORKLOAD)
    plan, _ = change(plan, "machines.{machine}.host", "10.1.2.3")
    plan, _ = change(plan, "machines.{machine}.ssh.user", "operator")
    plan, _ = change(plan, "machines.{machine}.ssh.knownHost", "SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")
    assert not lacking(plan, Stage.MACHINE)
    both = plan_with_machine_added(plan)
    assert [machine.name for machine in both.machines] == ["my-mesh-vm", "my-mesh-vm-2"]
    assert (both.machines[1].ssh.user, both.machines[1].ssh.known_host) == ("operator", "")
    assert plan_without_machine(both, 0).machines == both.machines[1:]


def test_every_hint_fits_beside_its_field() -> None:
    assert [item.label for item in FIELDS if len(item.hint) > 22 or len(item.label) > 17] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("vm http://a.b", [("vm", "http://a.b", 200)]),
        ("cluster http://c:8080/x 404, vm http://d", [("cluster", "http://c:8080/x", 404), ("vm", "http://d", 200)]),
        ("", []),
    ],
)
def test_requests_are_typed_as_one_line(text: str, value: list[tuple[str, str, int]]) -> None:
    edited = edit(Plan(), "probes.requests", Kind.REQUESTS, text)
    assert [(item.source.value, item.url, item.expect) for item in edited.plan.probes.requests] == value
    assert text_of(edited.plan, "probes.requests", Kind.REQUESTS) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("http://a.b", "is no request; valid: vm http://NAME or cluster"),
        ("pod http://a.b", "is no request"),
        ("vm https://a.b", "valid: an http URL without spaces"),
        ("vm http://a.b 999", "valid: 599 or less"),
        ("vm http://a.b many", "is no request"),
    ],
)
def test_a_request_that_is_none_is_told_with_what_is_valid(text: str, words: str) -> None:
    assert words in edit(Plan(), "probes.requests", Kind.REQUESTS, text).error
