"""keep: whoever manages the mesh, istioctl is never run, nothing is written, and what matters is said."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.events import Observation, Standing
from meshvm_tui.problems import ActionNeeded, Problem
from meshvm_tui.steps.mesh import ControlPlane
from meshvm_tui.steps.mesh_facts import mesh_facts

from .clusters import SYSTEM, Foreign, scope_with
from .meshes import HELM, ISTIOCTL, OF_A_TOOL, Marks, a_mesh, a_tag

OFF = {"PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION": "false"}
NO_HEALTH = {"PILOT_ENABLE_WORKLOAD_ENTRY_HEALTHCHECKS": "false"}
HTTP_PROBE = {"probe": {"httpGet": {"port": 80}}}


def seen_in(foreign: Foreign, **parts: Any) -> Observation:
    return ControlPlane().observe(foreign.reading(), scope_with(**parts))


def refused_in(foreign: Foreign, **parts: Any) -> Problem:
    """What planning says; applying says the same."""
    scope, step = scope_with(**parts), ControlPlane()
    seen = step.observe(foreign.reading(), scope)
    said = []
    for call in (
        lambda: step.changes(foreign.reading(), scope, seen),
        lambda: step.apply(foreign.ports(), scope),
    ):
        with pytest.raises(ActionNeeded) as caught:
            call()
        said.append(caught.value)
    assert said[0].code == said[1].code
    assert foreign.written() == []
    return said[0]


@pytest.mark.parametrize("tool", [*OF_A_TOOL, "istioctl"])
def test_any_mesh_is_kept_as_it_is(foreign: Foreign, tool: str) -> None:
    foreign.put(*a_mesh(OF_A_TOOL.get(tool, ISTIOCTL)))
    foreign.forget()
    seen = seen_in(foreign)
    assert seen.standing is Standing.SATISFIED
    assert dict(seen.details)["managed by"].startswith(tool.partition(",")[0])
    assert ControlPlane().apply(foreign.ports(), scope_with()).changed is False
    assert foreign.written() == []


def test_exactly_what_is_asked_of_a_kept_mesh(foreign: Foreign) -> None:
    foreign.put(*a_mesh())
    foreign.forget()
    seen_in(foreign)
    assert foreign.sent() == [
        f"GET /apis/apps/v1/namespaces/{SYSTEM}/deployments",
        f"GET /api/v1/namespaces/{SYSTEM}/configmaps/istio",
        f"GET /api/v1/namespaces/{SYSTEM}/configmaps/istio-sidecar-injector",
        f"GET /apis/apps/v1/namespaces/{SYSTEM}/daemonsets",
        f"GET /api/v1/namespaces/{SYSTEM}",
        f"GET /api/v1/namespaces/{SYSTEM}/configmaps/istio-ca-root-cert",
        "GET /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        "GET /apis/networking.istio.io/v1",
        "GET /api/v1/namespaces/vm-namespace",
        "GET /api/v1/namespaces/default",
    ], "no Secret, and nothing of namespaces that the plan does not name"


def test_ids_are_those_of_the_running_istiod(foreign: Foreign) -> None:
    foreign.put(*a_mesh(network="net-7", trust_domain="corp.example"))
    facts = mesh_facts(foreign.reading(), scope_with())
    assert (facts.mesh_id, facts.cluster_id, facts.network) == ("mesh-prod", "prod-eu", "net-7")
    assert facts.trust_domain == "corp.example"
    problem = refused_in(foreign, mesh={"clusterID": "Kubernetes"})
    assert (problem.code, problem.cause) == ("MVM-205", "mesh.clusterID is 'Kubernetes', the mesh has 'prod-eu'")


@pytest.mark.parametrize(
    ("marks", "command"),
    [
        (
            ISTIOCTL,
            "kubectl -n istio-system set env deployment/istiod PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION=true",
        ),
        (
            HELM,
            "helm upgrade istiod-prod istio/istiod -n istio-system --version 1.30.3 --reuse-values --set-string "
            "pilot.env.PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION=true",
        ),
        (
            OF_A_TOOL["the Sail operator"],
            "the Sail operator manages it: set values.pilot.env.PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION=true",
        ),
    ],
    ids=["istioctl", "Helm", "operator"],
)
def test_auto_registration_is_switched_on_by_its_owner(foreign: Foreign, marks: Marks, command: str) -> None:
    foreign.put(*a_mesh(marks, pilot_env=OFF))
    foreign.forget()
    problem = refused_in(foreign)
    assert problem.code == "MVM-203"
    assert command in problem.next_action
    changed = [line for line in problem.evidence["diff"].splitlines() if line.startswith(("+ ", "- "))]
    assert [line.split() for line in changed] == [["-", "value:", "'false'"], ["+", "value:", "'true'"]]


def test_health_checks_matter_only_to_a_plan_with_a_probe(foreign: Foreign) -> None:
    foreign.put(*a_mesh(pilot_env=NO_HEALTH))
    foreign.forget()
    seen = seen_in(foreign)
    assert seen.standing is Standing.SATISFIED
    assert any("health checks" in words for words in seen.warnings)
    problem = refused_in(foreign, workload=HTTP_PROBE)
    assert problem.code == "MVM-225"
    assert "PILOT_ENABLE_WORKLOAD_ENTRY_HEALTHCHECKS=true" in problem.next_action


def test_dns_capture_of_the_mesh_is_named(foreign: Foreign) -> None:
    metadata = {"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "true"}}
    foreign.put(*a_mesh(mesh_config={"defaultConfig": metadata}))
    assert any("ISTIO_META_DNS_CAPTURE" in words for words in seen_in(foreign, sidecar={"captureDNS": False}).warnings)
    assert not any("ISTIO_META_DNS_CAPTURE" in words for words in seen_in(foreign).warnings)


# revisions and their tags


def two_revisions() -> list[dict[str, Any]]:
    planes = [a_mesh(revision=name, version=version) for name, version in (("1-29", "1.29.5"), ("1-30", "1.30.3"))]
    return [obj for plane in planes for obj in plane if not obj["metadata"]["name"].startswith("istio-revision-tag")]


def test_a_tag_stands_for_its_revision(foreign: Foreign) -> None:
    foreign.put(*two_revisions(), a_tag("prod", "1-29"))
    foreign.forget()
    seen = seen_in(foreign, mesh={"revision": "prod"})
    assert dict(seen.details)["revision"] == "1-29, by its tag prod"
    assert dict(seen.details)["discovery address"] == "istiod-1-29.istio-system.svc:15012"
    assert f"GET /api/v1/namespaces/{SYSTEM}/configmaps/istio-1-29" in foreign.sent()
    assert not [line for line in foreign.sent() if line.endswith(("istio-prod", "/istio"))]


def test_which_of_several_is_the_default_is_said(foreign: Foreign) -> None:
    foreign.put(*two_revisions(), a_tag("default", "1-30"), a_tag("prod", "1-29"))
    details = dict(seen_in(foreign).details)
    assert (details["revision"], details["version"]) == ("1-30", "1.30.3")
    assert details["revisions"] == "1-29 (tag prod), 1-30 (tag default)"


def test_an_unknown_revision_is_told_what_there_is(foreign: Foreign) -> None:
    foreign.put(*two_revisions(), a_tag("prod", "1-29"))
    foreign.forget()
    problem = refused_in(foreign, mesh={"revision": "canary", "install": "install"})
    assert problem.code == "MVM-204"
    assert "revision canary does not run in istio-system; there is 1-29 (tag prod), 1-30" in problem.cause


def test_without_a_default_nothing_is_guessed(foreign: Foreign) -> None:
    foreign.put(*two_revisions())
    with pytest.raises(ActionNeeded) as caught:
        seen_in(foreign)
    assert (caught.value.code, "1-29, 1-30" in caught.value.cause) == ("MVM-204", True)


def test_a_tag_of_another_mesh_in_the_same_cluster_is_not_ours(foreign: Foreign) -> None:
    theirs = a_tag("prod", "1-29")
    theirs["webhooks"][0]["clientConfig"]["service"]["namespace"] = "istio-other"
    foreign.put(*two_revisions(), theirs)
    assert refused_in(foreign, mesh={"revision": "prod"}).code == "MVM-204"
