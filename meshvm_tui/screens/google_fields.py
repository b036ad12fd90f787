"""The lines of the forms that are about Google Cloud: a GKE cluster, a Compute Engine instance, its firewall rule."""

from __future__ import annotations

from meshvm_tui.plan_fields import Kind
from meshvm_tui.screens.fields import Field, When, part, switch

_MACHINE = "machines.{machine}"
_GCE = f"{_MACHINE}.gce"
_CREATE = f"{_GCE}.create"

ON_GKE = When("cluster.gke", ("yes",), Kind.PART)
NO_CONTEXT = When("cluster.context", ("",))
ON_GCE = When(_GCE, ("yes",), Kind.PART)
NOT_ON_GCE = When(_GCE, ("no",), Kind.PART)
_CREATED = When(_CREATE, ("yes",), Kind.PART)
_JUMPS = When(f"{_MACHINE}.ssh.via", ("jump",))
_RULE = (ON_GCE,)

_CLUSTER_PLACE = (("project", "cluster.gke.project"),)
_PROJECT = (("project", f"{_GCE}.project"),)
_PLACE = (*_PROJECT, ("zone", f"{_GCE}.zone"))


def _of_cluster(name: str, label: str, hint: str = "", *, pick: str = "", default: str = "") -> Field:
    return Field(
        f"cluster.gke.{name}", f"  {label}", hint=hint, pick=pick, when=(ON_GKE,), about=_CLUSTER_PLACE, default=default
    )


def _new(name: str, label: str, hint: str, pick: str = "", about: tuple[tuple[str, str], ...] = _PLACE) -> Field:
    return Field(f"{_CREATE}.{name}", f"  {label}", hint=hint, pick=pick, when=(ON_GCE, _CREATED), about=about)


GKE = (
    part("cluster.gke", "GKE cluster", "by Google login; F3", pick="gke-clusters", about=_CLUSTER_PLACE, begins=True),
    _of_cluster("project", "Project", "empty: gcloud's", pick="gke-clusters", default="project"),
    _of_cluster("location", "Location", "zone or region; F3", pick="gke-clusters"),
    _of_cluster("name", "Name", "F3 lists them", pick="gke-clusters"),
    Field(
        "cluster.gke.endpoint",
        "  Endpoint",
        choices=("auto", "dns", "ip", "private"),
        pick="gke-clusters",
        when=(ON_GKE,),
        about=_CLUSTER_PLACE,
    ),
)
GCE = (
    part(_GCE, "Compute Engine", "a VM of Google's; F3", pick="gce-instances", about=_PROJECT),
    Field(f"{_GCE}.project", "  Project", hint="empty: gcloud's", when=(ON_GCE,), default="project"),
    Field(
        f"{_GCE}.zone",
        "  Zone",
        hint="empty: gcloud's; F3",
        pick="gce-zones",
        when=(ON_GCE,),
        about=_PROJECT,
        default="zone",
    ),
    part(_CREATE, "  Create it", "where there is none", when=(ON_GCE,)),
    _new("machineType", "Machine type", "vCPU and memory; F3", "gce-machine-types"),
    _new(
        "imageFamily",
        "Image family",
        "Debian, Ubuntu; F3",
        "gce-images",
        (*_PROJECT, ("imageProject", f"{_CREATE}.imageProject")),
    ),
    _new("imageProject", "Image project", "who publishes it"),
    _new("network", "Network", "name, or path; F3", "gce-networks"),
    _new("subnet", "Subnet", "empty: by region; F3", "gce-subnets", (*_PLACE, ("network", f"{_CREATE}.network"))),
    Field(f"{_CREATE}.tags", "  Network tags", Kind.LIST, "mesh-vm, web", when=(ON_GCE, _CREATED)),
    _new("serviceAccount", "Service account", "empty: default, none"),
    switch(f"{_CREATE}.externalAddress", "  External IP", "no: reach it by IAP", when=(ON_GCE, _CREATED)),
)
SSH_VIA = (
    Field(
        f"{_MACHINE}.ssh.via",
        "SSH via",
        choices=("external", "internal", "iap", "jump"),
        when=(ON_GCE,),
        begins=True,
        variant="gce",
    ),
    Field(
        f"{_MACHINE}.ssh.via",
        "SSH via",
        hint="jump: over a bastion",
        choices=("external", "jump"),
        when=(NOT_ON_GCE,),
        begins=True,
    ),
    Field(f"{_MACHINE}.ssh.jump", "  Jump host", hint="user@host:port", when=(_JUMPS,)),
)
FIREWALL = (
    switch("firewall.manage", "Firewall rule", "no: only looked at", when=_RULE, begins=True),
    Field("firewall.name", "  Rule name", when=_RULE),
    Field("firewall.ports", "  Ports", Kind.LIST, "TCP, such as 80", when=_RULE),
    Field("firewall.sources", "  Sources", Kind.AUTO_LIST, "auto: all Pod ranges", when=_RULE),
    Field("firewall.target", "  Target", choices=("tag", "serviceAccount"), when=_RULE),
)
