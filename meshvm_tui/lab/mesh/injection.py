"""Sidecar injection: which Pods get a proxy, which template, and what fails when istiod is away."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshvm_tui.lab.cluster_api.errors import ApiError
from meshvm_tui.lab.mesh import world

if TYPE_CHECKING:
    from meshvm_tui.lab.objects import Objects

INJECT = "sidecar.istio.io/inject"
REVISION = "istio.io/rev"
STATUS = "sidecar.istio.io/status"
TEMPLATES = "inject.istio.io/templates"
INJECTOR, TAG = "istio-sidecar-injector", "istio-revision-tag-"
PROXY = "istio-proxy"


class InjectionFailed(ApiError):
    """The webhook of an istiod that cannot be reached: the API server refuses the Pod with these words."""

    def __init__(self, host: str, namespace: str, why: str = "") -> None:
        super().__init__(
            500,
            "InternalError",
            'Internal error occurred: failed calling webhook "object.sidecar-injector.istio.io": failed to call '
            f'webhook: Post "https://{host}.{namespace}.svc:443/inject?timeout=10s": '
            + (why or f'no endpoints available for service "{host}"'),
        )


def inject(objects: Objects, pod: world.JSON, unreachable: str = "") -> world.JSON:
    """The Pod as the injector makes it; unchanged where it is not asked for or nobody listens.

    `unreachable` says why the API server does not reach any istiod, "" where it does."""
    revision = _wanted_revision(objects, pod)
    webhook = None if revision is None else _webhook(objects, revision)
    if webhook is None:
        return pod
    plane = _plane(objects, webhook)
    if unreachable or plane is None or not plane.available:
        hook = webhook["webhooks"][0]
        if hook.get("failurePolicy") == "Ignore":
            return pod
        service = hook["clientConfig"]["service"]
        raise InjectionFailed(service["name"], service["namespace"], unreachable)
    return _with_proxy(copy.deepcopy(pod), _image(objects, plane))


def _wanted_revision(objects: Objects, pod: world.JSON) -> str | None:
    labels = pod["metadata"].get("labels") or {}
    annotations = pod["metadata"].get("annotations") or {}
    home = objects.get(world.NAMESPACES, "", pod["metadata"]["namespace"]) or {"metadata": {}}
    home_labels: Mapping[str, str] = home["metadata"].get("labels") or {}
    asked = labels.get(INJECT, annotations.get(INJECT, ""))
    revision = labels.get(REVISION) or home_labels.get(REVISION) or ""
    if asked == "false" or home_labels.get("istio-injection") == "disabled":
        return None
    if asked == "true" or revision or home_labels.get("istio-injection") == "enabled":
        return "" if revision == "default" else revision
    return None


def _webhook(objects: Objects, revision: str) -> world.JSON | None:
    """The injector of a revision, or of the revision that a tag stands for; "" is the default."""
    names = {f"{prefix}{revision or 'default'}" for prefix in (f"{INJECTOR}-", TAG)} | (
        {INJECTOR} if not revision else set()
    )
    for webhook in objects.list(world.WEBHOOKS):
        if webhook["metadata"]["name"] in names:
            return webhook
    return None


def _plane(objects: Objects, webhook: world.JSON) -> world.ControlPlane | None:
    service = webhook["webhooks"][0]["clientConfig"]["service"]
    for plane in world.control_planes(objects):
        if (plane.namespace, plane.service) == (service["namespace"], service["name"]):
            return plane
    return None


def _image(objects: Objects, plane: world.ControlPlane) -> str:
    deployment = objects.get(world.DEPLOYMENTS, plane.namespace, plane.deployment) or {}
    image = deployment["spec"]["template"]["spec"]["containers"][0].get("image", "docker.io/istio/pilot:latest")
    return str(image).replace("/pilot:", "/proxyv2:")


def _with_proxy(pod: world.JSON, image: str) -> world.JSON:
    annotations = pod["metadata"].setdefault("annotations", {})
    gateway = annotations.get(TEMPLATES) == "gateway"
    annotations[STATUS] = '{"initContainers":["istio-init","istio-proxy"],"containers":null}'
    if gateway:
        annotations[STATUS] = '{"initContainers":null,"containers":["istio-proxy"]}'
        for container in pod["spec"].get("containers") or []:
            if container["name"] == PROXY and container.get("image", "auto") == "auto":
                container["image"] = image
        return pod
    labels = pod["metadata"].setdefault("labels", {})
    labels.setdefault("security.istio.io/tlsMode", "istio")
    # Istio's native sidecars: an init container that goes on running beside the others.
    pod["spec"]["initContainers"] = [
        *(pod["spec"].get("initContainers") or []),
        {"name": "istio-init", "image": image, "args": ["istio-iptables"]},
        {"name": PROXY, "image": image, "args": ["proxy", "sidecar"], "restartPolicy": "Always"},
    ]
    return pod
