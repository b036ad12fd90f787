"""The values that the API server fills in for what a manifest leaves open, kind by kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

JSON = dict[str, Any]
_NODE_PORTS = (30000, 32768)


def apply_defaults(kind: str, obj: JSON) -> None:
    """Fills in, in place, what depends on the object alone; whoever writes the object owns these fields."""
    match kind:
        case "Namespace":
            _namespace(obj)
        case "Service":
            _service(obj)
        case "Pod":
            _pod_spec(obj.setdefault("spec", {}))
            obj["spec"].setdefault("enableServiceLinks", True)
        case "Deployment":
            _deployment(obj)
        case "ReplicaSet":
            obj.setdefault("spec", {}).setdefault("replicas", 1)
            _template(obj)
        case "Secret":
            _secret(obj)
        case "RoleBinding" | "ClusterRoleBinding":
            _binding(obj)
        case "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration":
            _webhooks(kind, obj)
        case "CustomResourceDefinition":
            _definition(obj)


def allocate(kind: str, obj: JSON, siblings: Callable[[], Sequence[JSON]]) -> None:
    """Fills in, in place, what the server gives by itself; nobody owns these fields.

    `siblings` gives the objects of the same kind, for what must be unique."""
    match kind:
        case "Namespace" if "deletionTimestamp" not in obj["metadata"]:
            obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
        case "Service" if obj["spec"]["type"] != "ExternalName":
            _addresses(obj["spec"], siblings)
            for ingress in obj.get("status", {}).get("loadBalancer", {}).get("ingress") or ():
                if ingress.get("ip"):
                    ingress.setdefault("ipMode", "VIP")
        case "Pod":
            account = obj["spec"].setdefault("serviceAccountName", "default")
            obj["spec"].setdefault("serviceAccount", account)


def initial_status(kind: str, obj: JSON, now: str) -> None:
    """The status with which an object of a built-in kind is born."""
    match kind:
        case "Namespace":
            obj["status"] = {"phase": "Active"}
        case "Service":
            obj["status"] = {"loadBalancer": {}}
        case "Pod":
            obj["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
        case "Deployment" | "ReplicaSet":
            obj["status"] = {} if kind == "Deployment" else {"replicas": 0}
        case "CustomResourceDefinition":
            obj["status"] = _definition_status(obj, now)


def _namespace(obj: JSON) -> None:
    labels = obj["metadata"].setdefault("labels", {})
    if obj["metadata"].get("name"):
        labels["kubernetes.io/metadata.name"] = obj["metadata"]["name"]


def _secret(obj: JSON) -> None:
    import base64

    obj.setdefault("type", "Opaque")
    for key, value in obj.pop("stringData", {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(str(value).encode()).decode()


def _binding(obj: JSON) -> None:
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in {"User", "Group"}:
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")
    if isinstance(obj.get("roleRef"), dict):
        obj["roleRef"].setdefault("apiGroup", "rbac.authorization.k8s.io")


def _webhooks(kind: str, obj: JSON) -> None:
    for hook in obj.get("webhooks") or ():
        hook.setdefault("failurePolicy", "Fail")
        hook.setdefault("matchPolicy", "Equivalent")
        hook.setdefault("namespaceSelector", {})
        hook.setdefault("objectSelector", {})
        hook.setdefault("timeoutSeconds", 10)
        if kind == "MutatingWebhookConfiguration":
            hook.setdefault("reinvocationPolicy", "Never")
        for rule in hook.get("rules") or ():
            rule.setdefault("scope", "*")


def _definition(obj: JSON) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict) or not isinstance(spec.get("names"), dict):
        return
    names = spec["names"]
    if isinstance(names.get("kind"), str):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})


def _definition_status(obj: JSON, now: str) -> JSON:
    conditions = [
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]
    stored = [version["name"] for version in obj["spec"]["versions"] if version.get("storage")]
    return {
        "conditions": [
            {"type": type_, "status": "True", "reason": reason, "message": text, "lastTransitionTime": now}
            for type_, reason, text in conditions
        ],
        "acceptedNames": obj["spec"]["names"],
        "storedVersions": stored,
    }


def _service(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["type"] == "ExternalName":
        return
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] in {"LoadBalancer", "NodePort"}:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _addresses(spec: JSON, siblings: Callable[[], Sequence[JSON]]) -> None:
    if not spec.get("clusterIP"):
        spec["clusterIP"] = _free_address(siblings())
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in {"LoadBalancer", "NodePort"}:
        _node_ports(spec, siblings)


def _free_address(services: Sequence[JSON]) -> str:
    taken = {service.get("spec", {}).get("clusterIP") for service in services}
    return next(
        address
        for third in range(256)
        for fourth in range(10, 250)
        if (address := f"10.96.{third}.{fourth}") not in taken
    )


def _node_ports(spec: JSON, siblings: Callable[[], Sequence[JSON]]) -> None:
    wanting = [port for port in spec.get("ports") or () if not port.get("nodePort")]
    if not wanting:
        return
    taken = {port.get("nodePort") for one in siblings() for port in one.get("spec", {}).get("ports") or ()}
    taken |= {port.get("nodePort") for port in spec["ports"]}
    free = (port for port in range(*_NODE_PORTS) if port not in taken)
    for port in wanting:
        port["nodePort"] = next(free)


def _deployment(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")
    _template(obj)


def _template(obj: JSON) -> None:
    template = obj["spec"].get("template")
    if isinstance(template, dict):
        _pod_spec(template.setdefault("spec", {}))


def _pod_spec(spec: JSON) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    if spec.get("serviceAccountName"):
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        if isinstance(container, dict):
            _container(container)


def _container(container: JSON) -> None:
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition(":")[2]
    container.setdefault("imagePullPolicy", "Always" if tag in {"", "latest"} else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            _probe(container[name])


def _probe(probe: JSON) -> None:
    for key, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        probe.setdefault(key, value)
    if isinstance(probe.get("httpGet"), dict):
        probe["httpGet"].setdefault("path", "/")
        probe["httpGet"].setdefault("scheme", "HTTP")
