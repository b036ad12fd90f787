"""Projects: Compute Engine's side of them, Resource Manager's, and which APIs are on (Service Usage)."""

from __future__ import annotations

import re
from typing import Any

from meshvm_tui.lab.google import catalogue, instance_bodies
from meshvm_tui.lab.google.catalogue import NUMBER, PROJECT, PROJECT_LIMITS
from meshvm_tui.lab.google.errors import GoogleError, condition_not_met
from meshvm_tui.lab.google.operations import Effect, Operations
from meshvm_tui.lab.google.routes import COMPUTE, Call, Route
from meshvm_tui.lab.google.state import Cloud

JSON = dict[str, Any]
_PERMISSION = re.compile(r"[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9]+){2,}")
_MOST_PERMISSIONS, _MOST_SERVICES = 100, 30
_MADE = "2026-01-05T17:00:00Z"
_CHANGE = "compute.projects.setCommonInstanceMetadata"


class ProjectsApi:
    """The one project of the lab."""

    def __init__(self, cloud: Cloud, operations: Operations) -> None:
        self._cloud = cloud
        self._operations = operations
        operations.register("project-metadata", Effect(self._set))

    def routes(self) -> list[Route]:
        """All of them. Nobody needs a permission to ask for their own permissions."""
        compute, rm1, rm3 = f"{COMPUTE}projects/{{project}}", "v1/projects/{project}", "v3/projects/{project}"
        metadata, manager = "setCommonInstanceMetadata", "cloudresourcemanager"
        get, services = "resourcemanager.projects.get", f"{rm1}/services"
        usage = "serviceusage.services"
        return [
            Route("compute", "GET", compute, "projects.get", self._get, ("compute.projects.get",)),
            Route("compute", "POST", f"{compute}/{metadata}", f"projects.{metadata}", self._metadata, (_CHANGE,), True),
            Route(manager, "GET", rm1, "projects.get", self._get_v1, (get,)),
            Route(manager, "GET", rm3, "projects.get", self._get_v3, (get,)),
            Route(manager, "POST", f"{rm1}:testIamPermissions", "projects.testIamPermissions", self._test),
            Route(manager, "POST", f"{rm3}:testIamPermissions", "projects.testIamPermissions", self._test),
            Route("serviceusage", "GET", services, "services.list", self._services, (f"{usage}.list",)),
            Route("serviceusage", "GET", f"{services}:batchGet", "services.batchGet", self._batch, (f"{usage}.get",)),
            Route("serviceusage", "GET", f"{services}/{{service}}", "services.get", self._service, (f"{usage}.get",)),
            Route(
                "serviceusage",
                "POST",
                f"{services}/{{service}}:enable",
                "services.enable",
                self._enable,
                (f"{usage}.enable",),
            ),
        ]

    def disabled(self, service: str) -> bool:
        """Whether an API such as compute.googleapis.com is off."""
        faults = self._cloud.faults
        off = faults.value("google-api-off").removesuffix(".googleapis.com") if faults.active("google-api-off") else ""
        return f"{off}.googleapis.com" == service or service not in self._cloud.data["services"]

    def _get(self, call: Call) -> JSON:
        used = {"FIREWALLS": float(len(self._cloud.firewalls)), "NETWORKS": float(len(catalogue.networks()))}
        quotas = [{"metric": name, "limit": limit, "usage": used[name]} for name, limit in PROJECT_LIMITS.items()]
        return catalogue.base("project", f"projects/{PROJECT}", id=NUMBER) | {
            "commonInstanceMetadata": self._cloud.project_metadata(),
            "quotas": quotas,
            "defaultServiceAccount": catalogue.DEFAULT_ACCOUNT,
            "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
            "defaultNetworkTier": "PREMIUM",
        }

    def _metadata(self, call: Call) -> JSON:
        made = instance_bodies.metadata(call.body)
        path = f"projects/{PROJECT}"
        held = self._cloud.data["projectMetadata"]["fingerprint"]
        if call.body.get("fingerprint") != held or self._operations.busy(path, _CHANGE):
            raise condition_not_met("Supplied fingerprint does not match current metadata fingerprint.")
        return self._operations.start(call, _CHANGE, "project-metadata", {"metadata": made}, target=(path, NUMBER))

    def _set(self, change: JSON) -> None:
        self._cloud.data["projectMetadata"] = change["metadata"]

    def _get_v1(self, call: Call) -> JSON:
        held = {"projectNumber": NUMBER, "projectId": PROJECT, "name": PROJECT}
        return {**held, "lifecycleState": "ACTIVE", "createTime": _MADE}

    def _get_v3(self, call: Call) -> JSON:
        held = {"name": f"projects/{NUMBER}", "projectId": PROJECT, "displayName": PROJECT}
        return {**held, "state": "ACTIVE", "createTime": _MADE, "etag": "bGFi"}

    def _test(self, call: Call) -> JSON:
        asked = [str(name) for name in call.body.get("permissions") or ()]
        if len(asked) > _MOST_PERMISSIONS:
            raise GoogleError(400, f"Too many permissions: at most {_MOST_PERMISSIONS} can be tested at once.")
        for name in asked:
            if not _PERMISSION.fullmatch(name):
                raise GoogleError(400, f"Permission {name} is not valid for this resource.")
        lacking = self._cloud.faults.value("google-permission")
        held = [name for name in asked if name != lacking]
        return {"permissions": held} if held else {}

    def _batch(self, call: Call) -> JSON:
        names = call.queries.get("names", ())
        if len(names) > _MOST_SERVICES:
            raise GoogleError(400, f"At most {_MOST_SERVICES} services can be asked for at once.")
        return {"services": [self._described(name.rpartition("/")[2]) for name in names]}

    def _services(self, call: Call) -> JSON:
        """Those that are on, whatever the filter: of the others there are hundreds."""
        enabled = [name for name in self._cloud.data["services"] if not self.disabled(name)]
        return {"services": [self._described(name) for name in enabled]}

    def _service(self, call: Call) -> JSON:
        return self._described(call.values["service"])

    def _enable(self, call: Call) -> JSON:
        service = call.values["service"]
        if service not in self._cloud.data["services"]:
            self._cloud.data["services"].append(service)
            self._cloud.save()
        if self.disabled(service):
            self._cloud.faults.clear("google-api-off")
        kind = "type.googleapis.com/google.api.serviceusage.v1.EnableServiceResponse"
        return {
            "name": f"operations/acat.p2-{NUMBER}-{service}",
            "done": True,
            "response": {"@type": kind, "service": self._described(service)},
        }

    def _described(self, service: str) -> JSON:
        return {
            "name": f"projects/{NUMBER}/services/{service}",
            "parent": f"projects/{NUMBER}",
            "config": {"name": service, "title": title(service)},
            "state": "DISABLED" if self.disabled(service) else "ENABLED",
        }


def title(service: str) -> str:
    """What an API is called in words."""
    known = {
        "compute": "Compute Engine API",
        "container": "Kubernetes Engine API",
        "oslogin": "Cloud OS Login API",
        "cloudresourcemanager": "Cloud Resource Manager API",
        "serviceusage": "Service Usage API",
        "iamcredentials": "IAM Service Account Credentials API",
        "iap": "Cloud Identity-Aware Proxy API",
    }
    return known.get(service.partition(".")[0], service)
