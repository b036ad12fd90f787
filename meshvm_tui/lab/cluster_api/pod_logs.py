"""Logs of Pods, as the kubelet would give them through the API server."""

from __future__ import annotations

from aiohttp import web

from meshvm_tui.lab.cluster_api.errors import bad_request
from meshvm_tui.lab.cluster_api.hooks import Hooks
from meshvm_tui.lab.cluster_api.request_info import RequestInfo
from meshvm_tui.lab.objects import Objects


def pod_log(objects: Objects, hooks: Hooks, request: web.Request, info: RequestInfo) -> web.Response:
    """The answer to GET pods/log; `container` and `tailLines` are understood."""
    pod = objects.need(info.kind, info.namespace, info.name)
    names = [one["name"] for one in pod["spec"].get("containers", ())]
    names += [one["name"] for one in pod["spec"].get("initContainers", ())]
    container = request.query.get("container", "")
    if not container and len(pod["spec"].get("containers", ())) > 1:
        listed = " ".join(one["name"] for one in pod["spec"]["containers"])
        raise bad_request(f"a container name must be specified for pod {info.name}, choose one of: [{listed}]")
    container = container or names[0]
    if container not in names:
        raise bad_request(f"container {container} is not valid for pod {info.name}")
    if not pod["spec"].get("nodeName"):
        return web.Response(status=204)
    text = hooks.pod_log(info.namespace, info.name, container)
    tail = request.query.get("tailLines", "")
    if tail.isdigit():
        text = "".join(text.splitlines(keepends=True)[-int(tail) :]) if int(tail) else ""
    return web.Response(text=text)
