"""Cases of Google Cloud: the plan is the lab's Google plan, onboarded already, with one thing changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.failures.bench import JSON, Bench, Change, Run
from tests.failures.cases import Seen, World, case

PROJECT, NUMBER, ZONE, VM = "lab-project-1", "100000000001", "us-central1-a", "my-mesh-vm"
CONTAINER = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"
CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
OPERATION_SECONDS = 20.0
"""An operation of the lab takes a moment before it fails."""


def apply(
    bench: Bench, change: Change | None = None, *, environment: Mapping[str, str] | None = None, timeout: float = 2.0
) -> Run:
    """`apply` with a changed copy of the lab's Google plan."""

    def as_google(plan: JSON) -> None:
        plan.clear()
        plan.update(yaml.safe_load((bench.lab.state / "google-plan.yaml").read_text(encoding="utf-8")))
        if change:
            change(plan)

    return bench.apply(as_google, environment=environment, timeout=timeout)


def another(bench: Bench, **create: Any) -> Change:
    """A machine that is not there yet."""

    def change(plan: JSON) -> None:
        plan["machines"][0]["name"] = f"vm-{bench.word}"
        plan["machines"][0]["gce"]["create"] = create

    return change


def gce(**fields: Any) -> Change:
    """Other fields of the machine's `gce`; None takes one away."""

    def change(plan: JSON) -> None:
        place = plan["machines"][0]["gce"]
        place.update(fields)
        for name in [name for name, value in place.items() if value is None]:
            del place[name]

    return change


def gke(**fields: str) -> Change:
    """Other fields of the cluster."""
    return lambda plan: plan["cluster"]["gke"].update(fields)


@case(World.GOOGLE)
def google_no_credentials(bench: Bench) -> Seen:
    environment = {CREDENTIALS: "", "CLOUDSDK_CONFIG": str(bench.folder)}
    file = bench.folder / "application_default_credentials.json"
    return Seen(apply(bench, environment=environment), {"file": str(file)})


@case(World.GOOGLE)
def google_file_missing(bench: Bench) -> Seen:
    file = str(bench.folder / f"{bench.word}.json")
    return Seen(apply(bench, environment={CREDENTIALS: file}), {"file": file})


@case(World.GOOGLE)
def google_file_damaged(bench: Bench) -> Seen:
    file = bench.folder / f"{bench.word}.json"
    file.write_text("{", encoding="utf-8")
    return Seen(apply(bench, environment={CREDENTIALS: str(file)}), {"file": str(file)})


@case(World.GOOGLE)
def google_wrong_type(bench: Bench) -> Seen:
    file = bench.folder / "credentials.json"
    file.write_text(f'{{"type": "{bench.word}"}}', encoding="utf-8")
    return Seen(apply(bench, environment={CREDENTIALS: str(file)}), {"type": bench.word})


@case(World.GOOGLE, "google-login-expired")
def google_login_expired(bench: Bench) -> Seen:
    return Seen(apply(bench), {"file": bench.lab.environment[CREDENTIALS]})


@case(World.GOOGLE)
def google_impersonation(bench: Bench) -> Seen:
    account = f"{bench.word}@{PROJECT}.iam.gserviceaccount.com"

    def change(plan: JSON) -> None:
        plan["google"] = {"impersonateServiceAccount": account}

    return Seen(apply(bench, change), {"account": account})


@case(World.GOOGLE)
def google_unreachable(bench: Bench) -> Seen:
    return Seen(apply(bench, environment={CONTAINER: "http://127.0.0.1:9/"}), {"place": "127.0.0.1:9"})


@case(World.GOOGLE)
def google_token_unreachable(bench: Bench) -> Seen:
    key = json.loads(Path(bench.lab.environment[CREDENTIALS]).read_text(encoding="utf-8"))
    file = bench.folder / "key.json"
    file.write_text(json.dumps({**key, "token_uri": "http://127.0.0.1:9/token"}), encoding="utf-8")
    return Seen(apply(bench, environment={CREDENTIALS: str(file)}), {"place": "127.0.0.1:9"})


@case(World.GOOGLE)
def google_in_the_clear(bench: Bench) -> Seen:
    host = f"{bench.word}.invalid"
    return Seen(apply(bench, environment={CONTAINER: f"http://{host}/"}), {"host": host})


@case(World.GOOGLE)
def google_configuration(bench: Bench) -> Seen:
    file = bench.folder / "configurations" / "config_default"
    file.parent.mkdir()
    file.write_text("[core\n", encoding="utf-8")
    return Seen(apply(bench, environment={"CLOUDSDK_CONFIG": str(bench.folder)}), {"file": str(file)})


@case(World.GOOGLE)
def google_project_denied(bench: Bench) -> Seen:
    project = f"project-{bench.word}"
    return Seen(apply(bench, gke(project=project)), {"project": project})


@case(World.GOOGLE, "google-api-off:container.googleapis.com")
def google_api_off(bench: Bench) -> Seen:
    return Seen(apply(bench), {"project": NUMBER})


@case(World.GOOGLE, "google-429")
def google_busy(bench: Bench) -> Seen:
    return Seen(apply(bench), {"project": NUMBER})


@case(World.GOOGLE, "google-503")
def google_unavailable(bench: Bench) -> Seen:
    run = apply(bench)
    return Seen(run, {"request": _asked(run, "MVM-817")})


@case(World.GOOGLE)
def gke_cluster_missing(bench: Bench) -> Seen:
    return Seen(apply(bench, gke(name=bench.word)), {"cluster": bench.word})


@case(World.GOOGLE, "google-permission:compute.instances.create")
def google_permission(bench: Bench) -> Seen:
    return Seen(apply(bench, another(bench)), {"project": PROJECT})


@case(World.GOOGLE)
def google_project_unknown(bench: Bench) -> Seen:
    project = f"project-{bench.word}"
    return Seen(apply(bench, gce(project=project)), {"project": project})


@case(World.GOOGLE)
def google_no_zone(bench: Bench) -> Seen:
    return Seen(apply(bench, gce(zone=None), environment={"CLOUDSDK_CONFIG": str(bench.folder)}), {"machine": VM})


@case(World.GOOGLE)
def google_zone_unknown(bench: Bench) -> Seen:
    return Seen(apply(bench, gce(zone="us-central1-z")), {"zone": "us-central1-z"})


@case(World.GOOGLE, "google-quota:N1_CPUS")
def google_quota(bench: Bench) -> Seen:
    return Seen(apply(bench, another(bench), timeout=OPERATION_SECONDS), {"metric": "N1_CPUS"})


@case(World.GOOGLE, "google-capacity")
def google_capacity(bench: Bench) -> Seen:
    return Seen(apply(bench, another(bench), timeout=OPERATION_SECONDS), {"zone": ZONE})


@case(World.GOOGLE, "google-operation-fails:{word}")
def google_operation(bench: Bench) -> Seen:
    return Seen(apply(bench, another(bench), timeout=OPERATION_SECONDS), {"words": bench.word})


@case(World.GOOGLE, "google-org-policy:constraints/compute.{word}")
def google_org_policy(bench: Bench) -> Seen:
    constraint = f"constraints/compute.{bench.word}"
    return Seen(apply(bench, another(bench), timeout=OPERATION_SECONDS), {"constraint": constraint})


@case(World.GOOGLE)
def google_machine_type(bench: Bench) -> Seen:
    return Seen(apply(bench, another(bench, machineType=bench.word)), {"type": bench.word})


@case(World.GOOGLE)
def google_image_family(bench: Bench) -> Seen:
    return Seen(apply(bench, another(bench, imageFamily=bench.word)), {"family": bench.word})


@case(World.GOOGLE)
def google_instance_missing(bench: Bench) -> Seen:
    def change(plan: JSON) -> None:
        another(bench)(plan)
        del plan["machines"][0]["gce"]["create"]

    return Seen(apply(bench, change), {"machine": f"vm-{bench.word}"})


@case(World.GOOGLE, "google-fingerprint")
def google_fingerprint(bench: Bench) -> Seen:
    run = apply(bench, timeout=3.0)
    return Seen(run, {"request": _asked(run, "MVM-815")})


@case(World.GOOGLE)
def google_foreign_rule(bench: Bench) -> Seen:
    def change(plan: JSON) -> None:
        plan["firewall"] = {"name": "default-allow-ssh", "ports": [8081]}

    return Seen(apply(bench, change), {"rule": "default-allow-ssh", "project": PROJECT})


@case(World.GOOGLE)
def google_no_address(bench: Bench) -> Seen:
    run = apply(bench, another(bench, externalAddress=False), timeout=OPERATION_SECONDS)
    return Seen(run, {"machine": f"vm-{bench.word}"})


@case(World.GOOGLE, "iap-4033")
def iap_not_authorized(bench: Bench) -> Seen:
    return Seen(apply(bench, lambda plan: plan["machines"][0]["ssh"].update(via="iap")), {"machine": VM})


@case(World.GOOGLE, "iap-4003")
def iap_not_reached(bench: Bench) -> Seen:
    return Seen(apply(bench, lambda plan: plan["machines"][0]["ssh"].update(via="iap")), {"machine": VM})


@case(World.GOOGLE, "google-no-agent")
def google_key_not_taken(bench: Bench) -> Seen:
    user = f"u{bench.word}"
    return Seen(apply(bench, lambda plan: plan["machines"][0]["ssh"].update(user=user)), {"user": user})


@case(World.GOOGLE, "google-wrong-id")
def google_another_instance(bench: Bench) -> Seen:
    return Seen(apply(bench, timeout=OPERATION_SECONDS), {"machine": VM})


def _asked(run: Run, code: str) -> str:
    """Which request the problem's evidence names; the failure's own words name none."""
    return str(dict(run.problem(code)["evidence"])["request"])
