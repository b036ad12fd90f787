"""Istio's CustomResourceDefinitions, as far as the lab needs them: names, versions, columns and the fields that matter.

The field names and what is required follow the API that Istio publishes; what the lab has no judgement on is kept
as it comes (x-kubernetes-preserve-unknown-fields).
"""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

_STABLE = ("v1", "v1beta1", "v1alpha3")
_STRING: JSON = {"type": "string"}
_FREE: JSON = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_STRINGS: JSON = {"type": "object", "additionalProperties": _STRING}
_LIST_OF_STRINGS: JSON = {"type": "array", "items": _STRING}
_PORT: JSON = {"type": "integer", "minimum": 0, "maximum": 4294967295}
_FREE_LIST: JSON = {"type": "array", "items": _FREE}


def _object(*required: str, **properties: JSON) -> JSON:
    schema: JSON = {"type": "object", "properties": properties}
    return {**schema, "required": list(required)} if required else schema


_ENTRY_FIELDS: dict[str, JSON] = {
    "address": _STRING,
    "ports": {"type": "object", "additionalProperties": _PORT},
    "labels": _STRINGS,
    "network": _STRING,
    "locality": _STRING,
    "weight": _PORT,
    "serviceAccount": _STRING,
}
_ENTRY: JSON = {
    **_object(**_ENTRY_FIELDS),
    "x-kubernetes-validations": [{"rule": "has(self.address) || has(self.network)", "message": "Address is required"}],
}
_SECONDS: JSON = {"type": "integer", "minimum": 0}
_PROBE = _object(
    initialDelaySeconds=_SECONDS,
    timeoutSeconds=_SECONDS,
    periodSeconds=_SECONDS,
    successThreshold=_SECONDS,
    failureThreshold=_SECONDS,
    httpGet=_object(
        "port",
        path=_STRING,
        port=_PORT,
        host=_STRING,
        scheme=_STRING,
        httpHeaders={"type": "array", "items": _object(name=_STRING, value=_STRING)},
    ),
    tcpSocket=_object("port", host=_STRING, port=_PORT),
    exec=_object(command=_LIST_OF_STRINGS),
    grpc=_object(port=_PORT, service=_STRING),
)
_GROUP = _object(
    "template",
    metadata=_object(labels=_STRINGS, annotations=_STRINGS),
    template=_object(**_ENTRY_FIELDS),
    probe=_PROBE,
)
_SERVER = _object(
    "port",
    "hosts",
    port=_object("number", "protocol", "name", number=_PORT, protocol=_STRING, name=_STRING, targetPort=_PORT),
    bind=_STRING,
    hosts=_LIST_OF_STRINGS,
    tls=_FREE,
    defaultEndpoint=_STRING,
    name=_STRING,
)
_GATEWAY = _object(selector=_STRINGS, servers={"type": "array", "items": _SERVER})
_VIRTUAL_SERVICE = _object(
    hosts=_LIST_OF_STRINGS,
    gateways=_LIST_OF_STRINGS,
    exportTo=_LIST_OF_STRINGS,
    http=_FREE_LIST,
    tls={"type": "array", "items": _object("match", match=_FREE_LIST, route=_FREE_LIST)},
    tcp=_FREE_LIST,
)
_MTLS_MODE: JSON = {"type": "string", "enum": ["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]}
_PEER_AUTHENTICATION = _object(
    selector=_object(matchLabels=_STRINGS),
    mtls=_object(mode=_MTLS_MODE),
    portLevelMtls={"type": "object", "additionalProperties": _object(mode=_MTLS_MODE)},
)
_SERVICE_ENTRY = _object(
    "hosts",
    hosts=_LIST_OF_STRINGS,
    addresses=_LIST_OF_STRINGS,
    ports=_FREE_LIST,
    location=_STRING,
    resolution=_STRING,
    endpoints=_FREE_LIST,
    exportTo=_LIST_OF_STRINGS,
    workloadSelector=_object(labels=_STRINGS),
    subjectAltNames=_LIST_OF_STRINGS,
)

_AGE = ("Age", "date", ".metadata.creationTimestamp")
_NETWORKING: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...], JSON, tuple[tuple[str, str, str], ...]], ...] = (
    ("workloadgroups", "WorkloadGroup", ("wg",), _STABLE, _GROUP, (_AGE,)),
    ("workloadentries", "WorkloadEntry", ("we",), _STABLE, _ENTRY, (_AGE, ("Address", "string", ".spec.address"))),
    ("gateways", "Gateway", ("gw",), _STABLE, _GATEWAY, ()),
    (
        "virtualservices",
        "VirtualService",
        ("vs",),
        _STABLE,
        _VIRTUAL_SERVICE,
        (("Gateways", "string", ".spec.gateways"), ("Hosts", "string", ".spec.hosts"), _AGE),
    ),
    (
        "serviceentries",
        "ServiceEntry",
        ("se",),
        _STABLE,
        _SERVICE_ENTRY,
        (
            ("Hosts", "string", ".spec.hosts"),
            ("Location", "string", ".spec.location"),
            ("Resolution", "string", ".spec.resolution"),
            _AGE,
        ),
    ),
    ("destinationrules", "DestinationRule", ("dr",), _STABLE, _FREE, (("Host", "string", ".spec.host"), _AGE)),
    ("sidecars", "Sidecar", (), _STABLE, _FREE, ()),
    ("envoyfilters", "EnvoyFilter", (), ("v1alpha3",), _FREE, ()),
    ("proxyconfigs", "ProxyConfig", (), ("v1beta1",), _FREE, ()),
)
_SECURITY: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...], JSON, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "peerauthentications",
        "PeerAuthentication",
        ("pa",),
        ("v1", "v1beta1"),
        _PEER_AUTHENTICATION,
        (("Mode", "string", ".spec.mtls.mode"), _AGE),
    ),
    ("authorizationpolicies", "AuthorizationPolicy", ("ap",), ("v1", "v1beta1"), _FREE, ()),
    ("requestauthentications", "RequestAuthentication", ("ra",), ("v1", "v1beta1"), _FREE, ()),
)


def crd_objects() -> list[JSON]:
    """The definitions, ready to be created in an `Objects` or through the API."""
    made = [_definition("networking.istio.io", *row) for row in _NETWORKING]
    made += [_definition("security.istio.io", *row) for row in _SECURITY]
    telemetry = ("telemetries", "Telemetry", ("telemetry",), ("v1", "v1alpha1"), _FREE, (_AGE,))
    return [*made, _definition("telemetry.istio.io", *telemetry)]


def _definition(  # noqa: PLR0917 - one row of the tables above
    group: str,
    plural: str,
    kind: str,
    short: tuple[str, ...],
    versions: tuple[str, ...],
    spec: JSON,
    columns: tuple[tuple[str, str, str], ...],
) -> JSON:
    schema = {"type": "object", "properties": {"spec": spec, "status": _FREE}}
    if plural in {"workloadgroups", "workloadentries"}:
        schema["required"] = ["spec"]
    names: JSON = {
        "plural": plural,
        "singular": kind.lower(),
        "kind": kind,
        "listKind": f"{kind}List",
        "categories": ["istio-io", group.replace(".", "-")],
    }
    if short:
        names["shortNames"] = list(short)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "labels": {"app": "istio-pilot", "release": "istio"},
        },
        "spec": {
            "group": group,
            "names": names,
            "scope": "Namespaced",
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[0],
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                    "additionalPrinterColumns": [
                        {"name": name, "type": type_, "jsonPath": path} for name, type_, path in columns
                    ],
                }
                for version in versions
            ],
        },
    }
