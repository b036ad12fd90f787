"""Istio's ProxyConfig and ReadinessProbe, field by field, as of Istio 1.31.

istioctl drops what its own version does not know; so does this, and it says which fields it left out.
"""

from __future__ import annotations

from meshvm_tui.istio.proto_json import (
    INT32,
    UINT32,
    Field,
    Message,
    boolean,
    choice,
    double,
    duration,
    enum,
    enums,
    int64,
    mapping,
    message,
    scalar,
    string,
    strings,
    wrapper,
)

_STRING, _STRINGS, _BOOL = scalar(string), scalar(strings), scalar(boolean)
_INT32, _UINT32, _DOUBLE = scalar(INT32), scalar(UINT32), scalar(double)
_DURATION, _SET_BOOL, _SET_INT32, _SET_INT64 = wrapper(duration), wrapper(boolean), wrapper(INT32), wrapper(int64)
_TEXTS = scalar(mapping(string, ""))

READINESS_PROBE = Message(
    {
        "initialDelaySeconds": _INT32,
        "timeoutSeconds": _INT32,
        "periodSeconds": _INT32,
        "successThreshold": _INT32,
        "failureThreshold": _INT32,
        "httpGet": message(
            {
                "path": _STRING,
                "port": _UINT32,
                "host": _STRING,
                "scheme": _STRING,
                "httpHeaders": message({"name": _STRING, "value": _STRING}, shape="list"),
            },
            oneof="method",
        ),
        "tcpSocket": message({"host": _STRING, "port": _UINT32}, oneof="method"),
        "exec": message({"command": _STRINGS}, oneof="method"),
        "grpc": message({"port": _UINT32, "service": _STRING}, oneof="method"),
    }
)

_TLS = {
    "mode": scalar(enum("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")),
    "clientCertificate": _STRING,
    "privateKey": _STRING,
    "caCertificates": _STRING,
    "credentialName": _STRING,
    "subjectAltNames": _STRINGS,
    "sni": _STRING,
    "insecureSkipVerify": _SET_BOOL,
    "caCrl": _STRING,
}
_ADDRESS = {"address": _STRING}
_NAMED_DEFAULT = {"name": _STRING, "defaultValue": _STRING}
_TRACE_CONTEXT = enum("UNSPECIFIED", "W3C_TRACE_CONTEXT", "GRPC_BIN", "CLOUD_TRACE_CONTEXT", "B3")

_TRACING = message(
    {
        "zipkin": message(_ADDRESS, oneof="tracer"),
        "lightstep": message({"address": _STRING, "accessToken": _STRING}, oneof="tracer"),
        "datadog": message(_ADDRESS, oneof="tracer"),
        "stackdriver": message(
            {
                "debug": _BOOL,
                "maxNumberOfAttributes": _SET_INT64,
                "maxNumberOfAnnotations": _SET_INT64,
                "maxNumberOfMessageEvents": _SET_INT64,
            },
            oneof="tracer",
        ),
        "openCensusAgent": message(
            {"address": _STRING, "context": scalar(enums(_TRACE_CONTEXT, "UNSPECIFIED"))}, oneof="tracer"
        ),
        "customTags": message(
            {
                "literal": message({"value": _STRING}, oneof="type"),
                "environment": message(_NAMED_DEFAULT, oneof="type"),
                "header": message(_NAMED_DEFAULT, oneof="type"),
            },
            shape="map",
        ),
        "maxPathTagLength": _UINT32,
        "sampling": _DOUBLE,
        "tlsSettings": message(_TLS),
        "enableIstioTags": _SET_BOOL,
    }
)

_REMOTE_SERVICE = message(
    {
        "address": _STRING,
        "tlsSettings": message(_TLS),
        "tcpKeepalive": message({"probes": _UINT32, "time": _DURATION, "interval": _DURATION}),
    }
)

_CLIENT_CERT = enum("UNDEFINED", "SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
_DISABLED, _ENABLED = message({"disabled": _SET_BOOL}), message({"enabled": _SET_BOOL})
_PROXY_HEADERS = message(
    {
        "forwardedClientCert": scalar(_CLIENT_CERT),
        "setCurrentClientCertDetails": message(dict.fromkeys(("subject", "cert", "chain", "dns", "uri"), _SET_BOOL)),
        "requestId": _DISABLED,
        "server": message({"disabled": _SET_BOOL, "value": _STRING}),
        "attemptCount": _DISABLED,
        "envoyDebugHeaders": _DISABLED,
        "metadataExchangeHeaders": message({"mode": scalar(enum("UNDEFINED", "IN_MESH"))}),
        "preserveHttp1HeaderCase": _SET_BOOL,
        "xForwardedHost": _ENABLED,
        "xForwardedPort": _ENABLED,
    }
)

_POLLED = {"pollDelay": _DURATION, "fallback": _SET_BOOL}
_UNDERSCORES, _SLASHES = "HEADERS_WITH_UNDERSCORES_", "PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED"
_CONNECTION_SETTINGS = message(
    {
        "profile": scalar(enum("SIDECAR", "EDGE")),
        "listenerPerConnectionBufferLimitBytes": _SET_INT32,
        "clusterPerConnectionBufferLimitBytes": _SET_INT32,
        "httpIdleTimeout": _DURATION,
        "httpMaxConnectionDuration": _DURATION,
        "httpDrainTimeout": _DURATION,
        "httpRequestTimeout": _DURATION,
        "httpRequestHeadersTimeout": _DURATION,
        "httpStreamIdleTimeout": _DURATION,
        "httpMaxStreamDuration": _DURATION,
        "httpMaxConcurrentStreams": _SET_INT32,
        "http2InitialStreamWindowSize": _SET_INT32,
        "http2InitialConnectionWindowSize": _SET_INT32,
        "httpHeadersWithUnderscoresAction": scalar(
            enum(*(_UNDERSCORES + name for name in ("UNSPECIFIED", "ALLOW", "REJECT_REQUEST", "DROP_HEADER")))
        ),
        "httpMergeSlashes": _SET_BOOL,
        "httpPathWithEscapedSlashesAction": scalar(
            enum(_SLASHES, "KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD")
        ),
        "listenerConnectionLimit": _SET_INT32,
        "globalDownstreamConnectionLimit": _SET_INT32,
    }
)


def _tracing_service_name() -> Field:
    names = ("APP_LABEL_AND_NAMESPACE", "CANONICAL_NAME_ONLY", "CANONICAL_NAME_AND_NAMESPACE")
    read = enum(*names)
    # In a oneof the zero value is written, too.
    return choice("clusterName", lambda value, path: read(value, path) or names[0])


PROXY_CONFIG = Message(
    {
        "configPath": _STRING,
        "binaryPath": _STRING,
        "serviceCluster": choice("clusterName", string),
        "tracingServiceName": _tracing_service_name(),
        "drainDuration": _DURATION,
        "discoveryAddress": _STRING,
        "discoveryRefreshDelay": _DURATION,
        "zipkinAddress": _STRING,
        "statsdUdpAddress": _STRING,
        "envoyMetricsServiceAddress": _STRING,
        "proxyAdminPort": _INT32,
        "availabilityZone": _STRING,
        "controlPlaneAuthPolicy": scalar(enum("NONE", "MUTUAL_TLS", INHERIT=1000)),
        "customConfigFile": _STRING,
        "statNameLength": _INT32,
        "concurrency": _SET_INT32,
        "proxyBootstrapTemplatePath": _STRING,
        "interceptionMode": scalar(enum("REDIRECT", "TPROXY", "NONE")),
        "tracing": _TRACING,
        "sds": message({"enabled": _BOOL, "k8sSaJwtPath": _STRING}),
        "envoyAccessLogService": _REMOTE_SERVICE,
        "envoyMetricsService": _REMOTE_SERVICE,
        "proxyMetadata": _TEXTS,
        "runtimeValues": _TEXTS,
        "statusPort": _INT32,
        "extraStatTags": _STRINGS,
        "gatewayTopology": message(
            {
                "numTrustedProxies": _UINT32,
                "forwardClientCertDetails": scalar(_CLIENT_CERT),
                "proxyProtocol": message({}),
            }
        ),
        "terminationDrainDuration": _DURATION,
        "meshId": _STRING,
        "readinessProbe": Field(message(READINESS_PROBE.fields).read, keeps_zero=True),
        "proxyStatsMatcher": message(
            {"inclusionPrefixes": _STRINGS, "inclusionSuffixes": _STRINGS, "inclusionRegexps": _STRINGS}
        ),
        "holdApplicationUntilProxyStarts": _SET_BOOL,
        "caCertificatesPem": _STRINGS,
        "image": message({"imageType": _STRING}),
        "privateKeyProvider": message(
            {"cryptomb": message(_POLLED, oneof="provider"), "qat": message(_POLLED, oneof="provider")}
        ),
        "proxyHeaders": _PROXY_HEADERS,
        "fileFlushInterval": _DURATION,
        "fileFlushMinSizeKb": _UINT32,
        "statsCompression": _SET_BOOL,
        "connectionSettings": _CONNECTION_SETTINGS,
    }
)
