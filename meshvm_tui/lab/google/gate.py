"""What every request passes before a method answers it: faults, who asks, and whether they may."""

from __future__ import annotations

import asyncio

from meshvm_tui.lab.faults import Faults, FirstRequests
from meshvm_tui.lab.google import catalogue
from meshvm_tui.lab.google.catalogue import NUMBER, PROJECT
from meshvm_tui.lab.google.errors import (
    GoogleError,
    denied,
    error_info,
    forbidden,
    not_found,
    service_disabled,
    too_many,
    unauthenticated,
    unavailable,
)
from meshvm_tui.lab.google.oauth import OAuth
from meshvm_tui.lab.google.projects_api import ProjectsApi, title
from meshvm_tui.lab.google.routes import Call, Route
from meshvm_tui.lab.google.tokens import CLOUD_PLATFORM

_SCOPES = {"compute": ("compute", "compute.readonly"), "oslogin": ("compute",), "iamcredentials": ("iam",)}


class Gate:
    """Lets a request through, or raises the `GoogleError` that it gets."""

    def __init__(self, faults: Faults, oauth: OAuth, projects: ProjectsApi) -> None:
        self._faults = faults
        self._oauth = oauth
        self._projects = projects
        self._first = FirstRequests(faults)

    async def delay(self) -> None:
        """Waits where google-slow says so."""
        if self._faults.active("google-slow"):
            await asyncio.sleep(float(self._faults.value("google-slow") or 1))

    def check_load(self, api: str) -> None:
        """google-429 and google-503."""
        if self._first.due("google-429"):
            raise too_many(f"{api}.googleapis.com", NUMBER)
        if self._first.due("google-503"):
            raise unavailable()

    def who(self, authorization: str, route: Route) -> str:
        """The email of who asks."""
        bearer = self._oauth.bearer(authorization, route.api)
        if bearer is None:
            raise unauthenticated(missing=not authorization)
        own = [f"https://www.googleapis.com/auth/{scope}" for scope in _SCOPES.get(route.api, ())]
        if not {CLOUD_PLATFORM, *own} & set(bearer.scopes):
            info = error_info(
                "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", {"service": f"{route.api}.googleapis.com"}
            )
            words = "Request had insufficient authentication scopes."
            raise GoogleError(403, words, "insufficientPermissions", details=[info])
        return bearer.email

    def check_project(self, route: Route, call: Call) -> None:
        """The project, the zone and the region of the path exist, the API is on, and nothing is forbidden."""
        project = call.values.get("project", PROJECT)
        public = route.name in ("images.list", "images.get", "images.getFromFamily", "imageFamilyViews.get")
        if project not in (PROJECT, NUMBER) and not (public and project in catalogue.IMAGE_PROJECTS):
            if route.api == "compute":
                raise not_found(f"projects/{project}")
            raise _no_project(project)
        if self._projects.disabled(f"{route.api}.googleapis.com"):
            raise service_disabled(f"{route.api}.googleapis.com", title(f"{route.api}.googleapis.com"), NUMBER)
        lacking = self._faults.value("google-permission") if self._faults.active("google-permission") else ""
        if lacking and lacking in (*route.permissions, *route.more(call.body)):
            resource = _resource(route, call)
            raise forbidden(lacking, resource) if route.api == "compute" else denied(lacking, resource)
        if route.api == "compute":
            _check_place(call, project)


def _check_place(call: Call, project: str) -> None:
    zone, region = call.zone, call.values.get("region")
    # imageFamilyViews takes - for any zone.
    if zone and zone not in (*catalogue.ZONES, "-"):
        raise not_found(f"projects/{project}/zones/{zone}")
    if region and region not in catalogue.REGIONS and not call.resource.endswith(f"regions/{region}"):
        raise not_found(f"projects/{project}/regions/{region}")


def _resource(route: Route, call: Call) -> str:
    """What a permission is asked for: the resource that an insert would make, the one that a verb is for."""
    if route.name.endswith(".insert") and call.body.get("name"):
        return f"{call.resource}/{call.body['name']}"
    method = route.template.rpartition("/")[2]
    return call.resource if "{" in method else call.resource.removesuffix(f"/{method}")


def _no_project(project: str) -> GoogleError:
    info = error_info("IAM_PERMISSION_DENIED", "googleapis.com", {"resource": f"projects/{project}"})
    return GoogleError(403, f"Permission denied on resource project {project}.", details=[info])
