"""What a form remembers beyond the plan: parts that were switched off, and one that has no name yet."""

from __future__ import annotations

import pytest

from meshvm_tui.events import Stage
from meshvm_tui.plan import FirewallTarget, GceCreate, GceInstance, Machine, Plan, Ssh, Via
from meshvm_tui.plan_draft import PlanDraft
from meshvm_tui.plan_fields import Kind, plan_with_machine_added

GCE = "machines.0.gce"


def put(draft: PlanDraft, *edits: tuple[str, Kind, str]) -> None:
    """Types each text into its field; all are valid."""
    for path, kind, text in edits:
        edited = draft.edit(path, kind, text)
        assert not edited.error, (path, edited.error)
        assert edited.plan == draft.plan


def on_host(**ssh: object) -> Plan:
    """A plan with one host."""
    return Plan(machines=[Machine(name="vm-1", host="10.1.2.3", address="10.9.9.9", ssh=Ssh.model_validate(ssh))])


def test_a_machine_keeps_both_of_its_sides() -> None:
    plan = on_host(known_host="SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", user="me")
    draft = PlanDraft(plan)
    put(draft, (GCE, Kind.PART, "yes"))
    machine = draft.plan.machines[0]
    assert (machine.host, machine.address, machine.ssh.known_host, machine.ssh.user) == (None, "", "", "me")
    put(
        draft,
        (f"{GCE}.zone", Kind.TEXT, "europe-west1-c"),
        (f"{GCE}.create", Kind.PART, "yes"),
        (f"{GCE}.create.machineType", Kind.TEXT, "e2-medium"),
        ("machines.0.ssh.via", Kind.TEXT, "iap"),
    )
    on_google = draft.plan
    put(draft, (GCE, Kind.PART, "no"))
    assert draft.plan == plan
    assert not draft.has(f"{GCE}.zone") and draft.text(GCE, Kind.PART) == "no"
    put(draft, (GCE, Kind.PART, "yes"))
    assert draft.plan == on_google


def test_a_jump_host_is_between_on_both_sides() -> None:
    draft = PlanDraft(on_host(via="jump", jump="me@bastion"))
    put(draft, (GCE, Kind.PART, "yes"))
    assert draft.plan.machines[0].ssh.via is Via.JUMP
    put(draft, ("machines.0.ssh.jump", Kind.TEXT, ""))
    assert draft.lacking(Stage.MACHINE).startswith("Jump host of vm-1")


def test_machines_that_come_and_go_forget_the_other_sides() -> None:
    draft = PlanDraft(on_host())
    put(draft, (GCE, Kind.PART, "yes"))
    draft.take(plan_with_machine_added(draft.plan))
    put(draft, (GCE, Kind.PART, "no"))
    assert draft.plan.machines[0].host is None


def test_an_instance_needs_neither_project_nor_zone_of_the_plan() -> None:
    assert PlanDraft(Plan(machines=[Machine(name="vm-1", gce=GceInstance())])).lacking(Stage.MACHINE) == ""


def test_create_comes_back_as_it_was_typed() -> None:
    plan = Plan(machines=[Machine(name="vm-1", gce=GceInstance(create=GceCreate(tags=["a", "b"])))])
    draft = PlanDraft(plan)
    put(draft, (f"{GCE}.create", Kind.PART, "no"), (GCE, Kind.PART, "no"), (GCE, Kind.PART, "yes"))
    assert draft.plan.machines[0].gce == GceInstance()
    put(draft, (f"{GCE}.create", Kind.PART, "yes"), (f"{GCE}.create", Kind.PART, "yes"))
    assert draft.plan == plan


def test_a_cluster_is_in_the_plan_once_it_has_location_and_name() -> None:
    draft = PlanDraft(Plan())
    put(draft, ("cluster.gke", Kind.PART, "yes"))
    assert draft.plan == Plan() and draft.text("cluster.gke", Kind.PART) == "yes"
    assert draft.lacking(Stage.CLUSTER).startswith("Location of the GKE cluster")
    assert not draft.lacking(Stage.MESH)
    bad = draft.edit("cluster.gke.name", Kind.TEXT, "Prod")
    assert "lower-case" in bad.error and bad.plan == Plan()
    bad = draft.edit("cluster.gke.project", Kind.TEXT, "x")
    assert "a project ID" in bad.error
    put(draft, ("cluster.gke.location", Kind.TEXT, "europe-west1"), ("cluster.gke.endpoint", Kind.TEXT, "dns"))
    assert draft.lacking(Stage.CLUSTER).startswith("Name of the GKE cluster")
    put(draft, ("cluster.gke", Kind.PART, "no"), ("cluster.gke", Kind.PART, "yes"))
    assert draft.text("cluster.gke.location", Kind.TEXT) == "europe-west1"
    put(draft, ("cluster.gke.name", Kind.TEXT, "prod"))
    gke = draft.plan.cluster.gke
    assert gke and (gke.location, gke.name, gke.endpoint.value) == ("europe-west1", "prod", "dns")
    assert not draft.lacking(Stage.CLUSTER)
    put(draft, ("cluster.gke", Kind.PART, "no"))
    assert draft.plan == Plan()
    put(draft, ("cluster.gke", Kind.PART, "yes"))
    assert draft.plan.cluster.gke == gke
    put(draft, ("cluster.gke.location", Kind.TEXT, ""))
    assert draft.lacking(Stage.CLUSTER).startswith("Location of the GKE cluster")


def test_a_plan_of_somebody_else_ends_an_unfinished_cluster() -> None:
    draft = PlanDraft(Plan())
    put(draft, ("cluster.gke", Kind.PART, "yes"))
    given = Plan.model_validate({"cluster": {"gke": {"location": "us-central1", "name": "other"}}})
    draft.take(given)
    assert draft.text("cluster.gke.name", Kind.TEXT) == "other" and draft.plan == given


@pytest.mark.parametrize(
    ("path", "kind", "text", "words"),
    [
        ("firewall.sources", Kind.AUTO_LIST, "", "auto, or values"),
        ("firewall.sources", Kind.AUTO_LIST, "10.0.0.0/99", "no IP range"),
        ("firewall.ports", Kind.LIST, "80, http", "a whole number"),
        ("firewall.target", Kind.TEXT, "label", "one of"),
        (f"{GCE}.create.tags", Kind.LIST, "Bad_Tag", "lower-case"),
        (f"{GCE}.create.externalAddress", Kind.SWITCH, "maybe", "yes or no"),
        (f"{GCE}.zone", Kind.TEXT, "nowhere", "europe-west1-b"),
        (f"{GCE}.project", Kind.TEXT, "P", "a project ID"),
    ],
)
def test_what_google_would_not_take_is_said(path: str, kind: Kind, text: str, words: str) -> None:
    plan = Plan(machines=[Machine(name="vm-1", gce=GceInstance(create=GceCreate()))])
    edited = PlanDraft(plan).edit(path, kind, text)
    assert words in edited.error, edited.error
    assert edited.plan == plan


def test_lists_and_switches_of_google() -> None:
    draft = PlanDraft(Plan(machines=[Machine(name="vm-1", gce=GceInstance(create=GceCreate()))]))
    assert draft.text("firewall.sources", Kind.AUTO_LIST) == "auto"
    put(
        draft,
        ("firewall.sources", Kind.AUTO_LIST, "10.8.0.0/14, 10.12.0.0/20"),
        ("firewall.ports", Kind.LIST, "80, 8080"),
        ("firewall.manage", Kind.SWITCH, "no"),
        ("firewall.target", Kind.TEXT, "serviceAccount"),
        (f"{GCE}.create.externalAddress", Kind.SWITCH, "no"),
    )
    rule, gce = draft.plan.firewall, draft.plan.machines[0].gce
    assert (rule.sources, rule.ports) == (["10.8.0.0/14", "10.12.0.0/20"], [80, 8080])
    assert not rule.manage and rule.target is FirewallTarget.SERVICE_ACCOUNT
    assert gce and gce.create and not gce.create.external_address
    assert draft.text("firewall.sources", Kind.AUTO_LIST) == "10.8.0.0/14, 10.12.0.0/20"
    put(draft, ("firewall.sources", Kind.AUTO_LIST, "auto"))
    assert draft.plan.firewall.sources == "auto"
