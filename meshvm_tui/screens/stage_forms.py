"""The eight stages as data: one sentence, and the fields that edit the stage's part of the plan.

The order of stages and of fields is here and in `google_fields`. `{machine}` stands for the machine that is edited.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshvm_tui.events import Stage
from meshvm_tui.plan_fields import Kind
from meshvm_tui.screens.fields import Field, part, switch
from meshvm_tui.screens.google_fields import (
    FIREWALL,
    GCE,
    GKE,
    NO_CONTEXT,
    NOT_ON_GCE,
    ON_GCE,
    ON_GKE,
    SSH_VIA,
)


@dataclass(frozen=True)
class StageForm:
    """One stage: what it is for, in one sentence, and its fields."""

    stage: Stage
    sentence: str
    fields: tuple[Field, ...]


_CLUSTER = StageForm(
    Stage.CLUSTER,
    "Which cluster the VM joins. Nothing changes before you see what.",
    (
        Field(
            "cluster.context",
            "Context",
            hint="empty: current; F3",
            pick="contexts",
            hints=(((ON_GKE, NO_CONTEXT), "not needed with GKE"), ((ON_GKE,), "used instead of GKE")),
        ),
        Field(
            "cluster.kubeconfig",
            "Kubeconfig",
            hint="empty: as kubectl",
            hints=(((ON_GKE, NO_CONTEXT), "not needed with GKE"),),
        ),
        *GKE,
    ),
)
_MESH = StageForm(
    Stage.MESH,
    "Istio's control plane, istiod. One that runs is kept as it is.",
    (
        Field("mesh.install", "Control plane", hint="keep: as it runs", choices=("keep", "install", "upgrade")),
        Field("mesh.istioNamespace", "Namespace", hint="F3", pick="namespaces"),
        Field("mesh.revision", "Revision", hint="or a tag; F3", pick="revisions"),
        Field("mesh.profile", "Profile", hint="for a new install"),
        Field("mesh.version", "Version", hint="empty: istioctl's"),
        Field("mesh.upgradeCluster", "Upgrade of", hint="type context's name"),
        Field("mesh.meshID", "Mesh ID", hint="auto: as istiod has"),
        Field("mesh.clusterID", "Cluster ID", hint="auto: as istiod has"),
        Field("mesh.network", "Network", hint="auto: as istiod has"),
    ),
)
_GATEWAY = StageForm(
    Stage.GATEWAY,
    "The door through which the VM reaches istiod. An existing one is kept.",
    (
        Field(
            "gateway.name",
            "Name",
            hint="F3: those that exist",
            pick="gateways",
            about=(("namespace", "gateway.namespace"),),
        ),
        Field("gateway.namespace", "Namespace", hint="empty: Istio's; F3", pick="namespaces"),
        Field("gateway.method", "Made by", hint="apply can be undone", choices=("apply", "istioctl")),
        Field("gateway.exposure", "Reachable from", choices=("public", "internal")),
        Field("gateway.sourceRanges", "Allowed ranges", Kind.LIST, "empty: from anywhere"),
        Field("gateway.address", "Address", hint="auto: its Service's"),
        switch("gateway.exposeIstiod", "Expose istiod", "ports 15012, 15017"),
        switch("gateway.exposeServices", "Expose services", "for many networks"),
    ),
)
_WORKLOAD = StageForm(
    Stage.WORKLOAD,
    "Who the VM is in the mesh. Many VMs can share it.",
    (
        Field(
            "workload.name",
            "Name",
            hint="F3: those that exist",
            pick="workload-groups",
            about=(("namespace", "workload.namespace"),),
        ),
        Field("workload.namespace", "Namespace", hint="F3", pick="namespaces"),
        Field(
            "workload.serviceAccount",
            "ServiceAccount",
            hint="F3",
            pick="service-accounts",
            about=(("namespace", "workload.namespace"),),
        ),
        Field("workload.labels", "Labels", Kind.MAPPING, "app=x, tier=web"),
        Field("workload.ports", "Ports", Kind.MAPPING, "http=80"),
        Field("workload.probe", "Health probe", Kind.PROBE, "http :80 / every 10"),
        Field("workload.network", "Network", hint="empty: the same"),
        Field("workload.locality", "Locality", hint="region/zone"),
        Field("workload.annotations", "Annotations", Kind.MAPPING),
    ),
)
_MACHINE = StageForm(
    Stage.MACHINE,
    "The VM itself and how to log in to it.",
    (
        Field(
            "machines.{machine}.name",
            "Name",
            hints=(((ON_GCE,), "of the instance; F3"),),
            pick="gce-instances",
            pick_when=(ON_GCE,),
            about=(("project", "machines.{machine}.gce.project"),),
        ),
        *GCE,
        Field("machines.{machine}.host", "Host", Kind.OPTIONAL, "where SSH reaches it", when=(NOT_ON_GCE,)),
        *SSH_VIA,
        Field(
            "machines.{machine}.ssh.user",
            "SSH user",
            Kind.OPTIONAL,
            "empty: as ssh does",
            hints=(((ON_GCE,), "empty: your login"),),
        ),
        Field("machines.{machine}.ssh.port", "SSH port"),
        Field(
            "machines.{machine}.ssh.key",
            "SSH key",
            hint="empty: agent, ~/.ssh",
            hints=(((ON_GCE,), "empty: made in memory"),),
        ),
        Field(
            "machines.{machine}.ssh.knownHost",
            "Host key",
            hint="SHA256:…; empty: ask",
            hints=(((ON_GCE,), "empty: published ones"),),
        ),
        Field(
            "machines.{machine}.address",
            "Address in mesh",
            hint="empty: the host's",
            hints=(((ON_GCE,), "empty: internal one"),),
        ),
        *FIREWALL,
    ),
)
_FILES = StageForm(
    Stage.FILES,
    "Five bootstrap files, made fresh for each machine and verified.",
    (
        Field("sidecar.tokenDuration", "Token lasts", hint="seconds, from 600"),
        switch("sidecar.captureDNS", "Capture DNS", "mesh names on the VM"),
        Field("sidecar.excludeInboundPorts", "Ports left alone", Kind.LIST, "SSH's is always"),
        Field("sidecar.excludeOutboundRanges", "Ranges left alone", Kind.LIST),
        Field("sidecar.extraEnv", "Extra settings", Kind.MAPPING, "NAME=value"),
    ),
)
_INSTALL = StageForm(
    Stage.INSTALL,
    "Package, files and service on the VM. SSH is proven to work afterwards.",
    (
        Field("sidecar.version", "Version", hint="empty: istiod's"),
        Field("sidecar.package", "Package", hint="official, URL, file"),
        Field("sidecar.sha256", "SHA-256", hint="empty: published"),
    ),
)
_SERVICES = StageForm(
    Stage.SERVICES,
    "Samples, and one request each way as proof.",
    (
        part("services.helloWorld", "hello-world", "in the cluster"),
        Field("services.helloWorld.namespace", "  Namespace", hint="F3", pick="namespaces"),
        Field("services.helloWorld.image", "  Image"),
        part("services.vmService", "VM's Service", "its name for Pods"),
        Field("services.vmService.name", "  Name"),
        Field("services.vmService.port", "  Port"),
        Field("services.vmService.targetPort", "  Target port"),
        part("services.httpServer", "HTTP server", "a sample on the VM"),
        Field("services.httpServer.port", "  Port"),
        Field("probes.requests", "Requests", Kind.REQUESTS, "empty: to the samples", begins=True),
        Field("probes.curlImage", "curl image", hint="of the asking Pod"),
    ),
)

FORMS: dict[Stage, StageForm] = {
    form.stage: form for form in (_CLUSTER, _MESH, _GATEWAY, _WORKLOAD, _MACHINE, _FILES, _INSTALL, _SERVICES)
}
