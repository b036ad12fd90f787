"""What a Google project must allow and have switched on for a machine: by testIamPermissions and batchGet, which
change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshvm_tui.findings import Finding, Severity, found

COMPUTE, CONTAINER, IAP = "compute.googleapis.com", "container.googleapis.com", "iap.googleapis.com"
OS_LOGIN = "oslogin.googleapis.com"


@dataclass(frozen=True)
class Needs:
    """What will be done in the project: only that is asked for."""

    creates: bool = False
    firewall: bool = False
    iap: bool = False
    cluster: bool = False
    own_key: bool = False
    os_login: bool = False


def services_needed(needs: Needs) -> tuple[str, ...]:
    """The APIs, by the names that `gcloud services enable` takes."""
    return (COMPUTE, *([CONTAINER] if needs.cluster else []), *([IAP] if needs.iap else []))


def permissions_needed(needs: Needs) -> Mapping[str, bool]:
    """Each permission with whether it is certain to be missed: what may be granted on a single resource, such as a
    Shared VPC's subnetwork or a service account, the project's policy does not show."""
    wanted = {"compute.instances.get": False, "compute.projects.get": False}
    if needs.creates:
        wanted |= dict.fromkeys(("compute.instances.create", "compute.disks.create"), True)
        wanted |= dict.fromkeys(("compute.instances.setMetadata", "compute.instances.setLabels"), True)
        wanted |= dict.fromkeys(("compute.instances.setTags", "compute.instances.setServiceAccount"), False)
        wanted |= dict.fromkeys(("compute.subnetworks.use", "compute.subnetworks.useExternalIp"), False)
        wanted |= {"iam.serviceAccounts.actAs": False}
    elif not needs.own_key:
        wanted |= {"compute.instances.setMetadata": False}
    if needs.firewall:
        wanted |= dict.fromkeys(("compute.firewalls.list", "compute.firewalls.create"), False)
        wanted |= dict.fromkeys(("compute.firewalls.update", "compute.networks.updatePolicy"), False)
    if needs.os_login:
        wanted |= {"compute.instances.osAdminLogin": False}
    if needs.iap:
        wanted |= {"iap.tunnelInstances.accessViaIAP": False}
    if needs.cluster:
        wanted |= {"container.clusters.get": False}
    return wanted


def judge_services(off: Sequence[str], command: str) -> tuple[Finding, ...]:
    """APIs that are switched off: nothing goes without them."""
    if not off:
        return ()
    return (found("MVM-806", ", ".join(off), severity=Severity.ERROR, next_action=f"Run: {command}"),)


def judge_permissions(missing: Sequence[str], wanted: Mapping[str, bool], project: str) -> tuple[Finding, ...]:
    """Permissions that we lack: an error where the next request is certain to be refused, else a warning."""
    certain = [name for name in missing if wanted[name]]
    perhaps = [name for name in missing if not wanted[name]]
    findings = []
    if certain:
        findings.append(found("MVM-805", f"in project {project}: {', '.join(certain)}", severity=Severity.ERROR))
    if perhaps:
        words = f"not granted by project {project} itself: {', '.join(perhaps)}"
        findings.append(found("MVM-805", words, title="Permissions that may be missing"))
    return tuple(findings)
