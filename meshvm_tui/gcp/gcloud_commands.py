"""The gcloud commands that do by hand what a step does, quoted so that they can be pasted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from meshvm_tui.gcp.instance import GUEST_ATTRIBUTES, LABEL, NO_SERVICE_ACCOUNT, OURS
from meshvm_tui.gcp.places import Place, short

if TYPE_CHECKING:
    from meshvm_tui.plan import GceCreate

JSON = dict[str, Any]


def gcloud(*arguments: str) -> str:
    """A gcloud command."""
    return shlex.join(["gcloud", *arguments])


def create_instance(name: str, create: GceCreate, place: Place) -> str:
    """`gcloud compute instances create`, with what differs from gcloud's own choices."""
    flags = [f"--machine-type={create.machine_type}"]
    flags += [f"--image-family={create.image_family}", f"--image-project={create.image_project}"]
    flags += [f"--tags={','.join(create.tags)}"] if create.tags else []
    if create.subnet:
        flags.append(f"--subnet={create.subnet}")
    elif create.network != "default":
        flags.append(f"--network={create.network}")
    if create.service_account == NO_SERVICE_ACCOUNT:
        flags += ["--no-service-account", "--no-scopes"]
    elif create.service_account:
        flags.append(f"--service-account={create.service_account}")
    flags += [] if create.external_address else ["--no-address"]
    flags += [f"--metadata={GUEST_ATTRIBUTES}=TRUE", f"--labels={LABEL}={OURS}"]
    return gcloud("compute", "instances", "create", name, *flags, *_where(place))


def start_instance(name: str, place: Place) -> str:
    """`gcloud compute instances start`."""
    return gcloud("compute", "instances", "start", name, *_where(place))


def resume_instance(name: str, place: Place) -> str:
    """`gcloud compute instances resume`."""
    return gcloud("compute", "instances", "resume", name, *_where(place))


def add_key(name: str, user: str, place: Place) -> str:
    """`gcloud compute instances add-metadata` with a file of keys: those that are there, and the new one."""
    flags = ["--metadata-from-file=ssh-keys=KEYS_FILE", *_where(place)]
    command = gcloud("compute", "instances", "add-metadata", name, *flags)
    return f"{command}  # KEYS_FILE: the keys that are there, and {user}:ssh-ed25519 …"


def add_os_login_key(project: str) -> str:
    """`gcloud compute os-login ssh-keys add`."""
    return gcloud("compute", "os-login", "ssh-keys", "add", "--key-file=KEY.pub", "--ttl=30m", f"--project={project}")


def create_firewall(project: str, body: JSON) -> str:
    """`gcloud compute firewall-rules create` in the guide's form."""
    rules = [f"{item['IPProtocol']}:{port}" for item in body["allowed"] for port in item.get("ports", [])]
    flags = [f"--network={_network(project, str(body['network']))}", "--direction=INGRESS", "--action=allow"]
    flags += [f"--rules={','.join(rules)}", f"--source-ranges={','.join(body['sourceRanges'])}", *_targets(body)]
    flags += [f"--description={body['description']}"] if body.get("description") else []
    return gcloud("compute", "firewall-rules", "create", str(body["name"]), *flags, f"--project={project}")


def update_firewall(project: str, body: JSON) -> str:
    """`gcloud compute firewall-rules update` with what a patch of ours may change."""
    rules = [f"{item['IPProtocol']}:{port}" for item in body["allowed"] for port in item.get("ports", [])]
    flags = [f"--rules={','.join(rules)}", f"--source-ranges={','.join(body['sourceRanges'])}", *_targets(body)]
    cleared = {"targetTags": "--target-tags=", "targetServiceAccounts": "--target-service-accounts="}
    flags += [flag for name, flag in cleared.items() if body.get(name) == [] and flag not in flags]
    flags += ["--no-disabled"] if body.get("disabled") is False else []
    return gcloud("compute", "firewall-rules", "update", str(body["name"]), *flags, f"--project={project}")


def enable_services(project: str, services: Sequence[str]) -> str:
    """`gcloud services enable`."""
    return gcloud("services", "enable", *services, f"--project={project}")


def _where(place: Place) -> list[str]:
    return [f"--zone={place.zone}", f"--project={place.project}"]


def _network(project: str, network: str) -> str:
    """A name where it is the project's own, as gcloud takes it."""
    return short(network) if f"projects/{project}/" in network or "/" not in network else network


def _targets(body: JSON) -> list[str]:
    if accounts := body.get("targetServiceAccounts"):
        return [f"--target-service-accounts={','.join(accounts)}"]
    return [f"--target-tags={','.join(body.get('targetTags', []))}"]
