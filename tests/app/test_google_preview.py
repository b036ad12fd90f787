"""The live panel about Google: bodies and gcloud commands as the fields say, until there is nothing left to make."""

from __future__ import annotations

import pytest

from meshvm_tui.events import Change, Stage, StepState
from meshvm_tui.plan import GceCreate, GceInstance, GkeCluster, GkeEndpoint, Machine, Plan, Ssh, Via
from meshvm_tui.plan_machines import Firewall, FirewallTarget
from meshvm_tui.screens.board import Board, StepLine
from meshvm_tui.screens.preview import PATH_WIDTH, preview

SETTINGS = {"project": ("acme-prod", "CLOUDSDK_CORE_PROJECT"), "zone": ("europe-west1-b", "gcloud configuration work")}


def created(**more: object) -> Plan:
    """A plan with one instance to be created."""
    return Plan(machines=[Machine(name="vm-1", gce=GceInstance(create=GceCreate.model_validate(more)))])


def shown(tab: str, plan: Plan, *lines: StepLine, stage: Stage = Stage.MACHINE, settings: object = SETTINGS) -> str:
    """The panel's text."""
    board = Board()
    for line in lines:
        board.lines[line.key] = line
    return preview(tab, plan, stage, board, settings).plain  # type: ignore[arg-type]


def test_commands_follow_the_fields() -> None:
    plan = created(machine_type="e2-medium", tags=["mesh-vm", "web"], external_address=False)
    plan.machines[0].ssh = Ssh(via=Via.IAP, user="me")
    text = shown("commands", plan)
    assert "gcloud compute instances create vm-1 --machine-type=e2-medium" in text
    assert "--tags=mesh-vm,web --no-address" in text and "--zone=europe-west1-b --project=acme-prod" in text
    assert "--rules=tcp:80 --source-ranges=POD_RANGES --target-tags=mesh-vm,web" in text
    assert "gcloud compute ssh me@vm-1 --tunnel-through-iap --zone=europe-west1-b --project=acme-prod" in text
    assert "--zone=ZONE --project=PROJECT" in shown("commands", plan, settings={})


def test_bodies_are_those_of_the_api_and_stay_in_their_column() -> None:
    plan = created(network="projects/acme-net/global/networks/hub")
    plan.firewall = Firewall(sources=["10.8.0.0/14"], target=FirewallTarget.SERVICE_ACCOUNT, ports=[80, 8080])
    text = shown("yaml", plan)
    assert "# instances.insert  acme-prod, europe-west1-b" in text and "# firewalls.insert  acme-net" in text
    assert "machineType:\n    projects/acme-prod/zones/europe-west1-b/\n    machineTypes/n1-standard-2\n" in text
    assert "sourceRanges:\n- 10.8.0.0/14\n" in text and "- '8080'" in text
    assert "targetServiceAccounts:\n- DEFAULT_SERVICE_ACCOUNT" in text
    assert max(map(len, text.splitlines())) <= PATH_WIDTH + 3


def test_what_is_made_is_not_offered_again() -> None:
    made = StepLine("machine", "vm-1", Stage.MACHINE, "Instance", StepState.SKIPPED, known=True)
    rule = Change("create", "firewall rule cluster-pods-to-vm", commands=("gcloud compute firewall-rules create x",))
    missing = StepLine("firewall", "vm-1", Stage.MACHINE, "Firewall", known=True, changes=(rule,))
    text = shown("commands", created(), made, missing)
    assert "instances create" not in text
    assert text.count("firewall-rules create") == 1, "as it was seen there, instead of as the fields alone say"
    assert "instances.insert" not in shown("yaml", created(), made, missing)


def test_a_rule_that_is_not_managed_or_a_host_makes_nothing() -> None:
    plan = created()
    plan.firewall = Firewall(manage=False)
    assert "firewall-rules" not in shown("commands", plan)
    host = Plan(machines=[Machine(name="vm-1", host="10.1.2.3")])
    assert "gcloud" not in shown("commands", host) and "host: 10.1.2.3" in shown("yaml", host)


@pytest.mark.parametrize(
    ("endpoint", "flag"),
    [(GkeEndpoint.AUTO, ""), (GkeEndpoint.DNS, " --dns-endpoint"), (GkeEndpoint.PRIVATE, " --internal-ip")],
)
def test_a_cluster_shows_how_kubectl_would_reach_it(endpoint: GkeEndpoint, flag: str) -> None:
    plan = Plan()
    plan.cluster.gke = GkeCluster(location="europe-west1", name="prod", endpoint=endpoint)
    command = f"gcloud container clusters get-credentials prod --location=europe-west1 --project=acme-prod{flag}"
    assert command in shown("commands", plan, stage=Stage.CLUSTER)
