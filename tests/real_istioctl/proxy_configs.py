"""Generated ProxyConfigs and MeshConfigs: every field, in every form that protobuf's JSON reads."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.real_istioctl.texts import env_names, texts

JSON = dict[str, Any]
S = st.SearchStrategy[Any]

BOOLS = st.booleans()
DURATIONS = st.sampled_from(("45s", "1m30s", "1.5s", "0s", "100ms", "1h", "0.000001s", "2us", "-3s"))
PORTS = st.one_of(st.sampled_from((0, 80, 8080, 15020, 15021, 15090, 65535)), st.integers(1, 65535))
NUMBERS = st.one_of(st.integers(0, 3), st.sampled_from((100, 2**31 - 1)))


def some(**fields: S) -> S:
    """A mapping with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def some_but_few(fields: dict[str, S]) -> S:
    """A mapping with up to five of many fields."""
    names = st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=5)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: fields[name] for name in chosen}))


def as_number_or_text(numbers: S) -> S:
    """Protobuf's JSON takes a number between quotes, too."""
    return st.one_of(numbers, numbers.map(str))


METADATA = st.dictionaries(env_names(), texts(), max_size=4)
_TEXT_LIST = st.lists(texts(), max_size=3)
_ADDRESS = some(address=texts())
_HEADER = some(name=texts(), value=texts())
_HANDLERS = (
    some(
        httpGet=some(path=texts(), port=PORTS, host=texts(), scheme=texts(), httpHeaders=st.lists(_HEADER, max_size=2))
    ),
    some(tcpSocket=some(host=texts(), port=PORTS)),
    some(exec=some(command=_TEXT_LIST)),
    some(grpc=some(port=PORTS, service=texts())),
)
_TIMES = some(
    initialDelaySeconds=as_number_or_text(NUMBERS),
    timeoutSeconds=NUMBERS,
    periodSeconds=NUMBERS,
    successThreshold=NUMBERS,
    failureThreshold=NUMBERS,
)
PROBES: S = st.builds(lambda times, handler: {**times, **handler}, _TIMES, st.one_of(*_HANDLERS))

_TLS = some(
    mode=st.sampled_from(("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL", 0, 2)),
    clientCertificate=texts(),
    caCertificates=texts(),
    sni=texts(),
    subjectAltNames=_TEXT_LIST,
    insecureSkipVerify=BOOLS,
)
_TRACERS = st.one_of(
    some(zipkin=_ADDRESS),
    some(lightstep=some(address=texts(), accessToken=texts())),
    some(datadog=_ADDRESS),
    some(stackdriver=some(debug=BOOLS, maxNumberOfAttributes=as_number_or_text(st.integers(0, 2**62)))),
    some(
        openCensusAgent=some(address=texts(), context=st.lists(st.sampled_from(("B3", "GRPC_BIN", 1, 0)), max_size=2))
    ),
)
_TAG = st.one_of(
    some(literal=some(value=texts())),
    some(environment=some(name=texts(), defaultValue=texts())),
    some(header=some(name=texts(), defaultValue=texts())),
)
_TRACING = st.builds(
    lambda tracer, more: {**tracer, **more},
    _TRACERS,
    some(
        customTags=st.dictionaries(texts(), _TAG, max_size=2),
        maxPathTagLength=NUMBERS,
        sampling=st.one_of(st.sampled_from((0, 1, 100, 99.9, 0.1, 1e-7, 1e22, "1.5")), st.floats(0, 100)),
        tlsSettings=_TLS,
        enableIstioTags=BOOLS,
    ),
)
_REMOTE = some(address=texts(), tlsSettings=_TLS, tcpKeepalive=some(probes=NUMBERS, time=DURATIONS, interval=DURATIONS))
_POLLED = some(pollDelay=DURATIONS, fallback=BOOLS)
_CLIENT_CERT = st.sampled_from(("UNDEFINED", "SANITIZE", "APPEND_FORWARD", "ALWAYS_FORWARD_ONLY", 0, 3))
_HEADERS = some(
    forwardedClientCert=_CLIENT_CERT,
    setCurrentClientCertDetails=some(subject=BOOLS, cert=BOOLS, chain=BOOLS, dns=BOOLS, uri=BOOLS),
    requestId=some(disabled=BOOLS),
    server=some(disabled=BOOLS, value=texts()),
    attemptCount=some(disabled=BOOLS),
    metadataExchangeHeaders=some(mode=st.sampled_from(("UNDEFINED", "IN_MESH"))),
)

_FIELDS: dict[str, S] = {
    "configPath": texts(),
    "binaryPath": texts(),
    "serviceCluster": texts(),
    "tracingServiceName": st.sampled_from(("APP_LABEL_AND_NAMESPACE", "CANONICAL_NAME_ONLY", 0, 2)),
    "drainDuration": DURATIONS,
    "discoveryAddress": st.sampled_from(("", "istiod.mesh.svc:15012", "istiod.istio-system.svc:15012", "other:1")),
    "discovery_address": texts(),
    "zipkinAddress": texts(),
    "statsdUdpAddress": texts(),
    "proxyAdminPort": PORTS,
    "availabilityZone": texts(),
    "controlPlaneAuthPolicy": st.sampled_from(("NONE", "MUTUAL_TLS", "INHERIT", 0, 1000)),
    "customConfigFile": texts(),
    "statNameLength": NUMBERS,
    "concurrency": as_number_or_text(NUMBERS),
    "interceptionMode": st.sampled_from(("REDIRECT", "TPROXY", "NONE", 0, 2)),
    "tracing": _TRACING,
    "sds": some(enabled=BOOLS, k8sSaJwtPath=texts()),
    "envoyAccessLogService": _REMOTE,
    "envoyMetricsService": _REMOTE,
    "proxyMetadata": METADATA,
    "proxy_metadata": METADATA,
    "runtimeValues": st.dictionaries(texts(), texts(), max_size=2),
    "statusPort": as_number_or_text(PORTS),
    "extraStatTags": _TEXT_LIST,
    "gatewayTopology": some(numTrustedProxies=NUMBERS, forwardClientCertDetails=_CLIENT_CERT, proxyProtocol=some()),
    "terminationDrainDuration": DURATIONS,
    "meshId": texts(),
    "readinessProbe": PROBES,
    "proxyStatsMatcher": some(inclusionPrefixes=_TEXT_LIST, inclusionSuffixes=_TEXT_LIST, inclusionRegexps=_TEXT_LIST),
    "holdApplicationUntilProxyStarts": BOOLS,
    "caCertificatesPem": _TEXT_LIST,
    "image": some(imageType=texts()),
    "privateKeyProvider": st.one_of(some(cryptomb=_POLLED), some(qat=_POLLED)),
    "proxyHeaders": _HEADERS,
    "aFieldOfTomorrow": st.one_of(texts(), NUMBERS, some(a=texts())),
}
PROXY_CONFIGS = some_but_few(_FIELDS)

# Something of another kind than the field takes, or nothing.
WRONG = st.sampled_from((None, True, 5, 1.5, "words", [], ["a"], {}, {"a": "b"}, "2020-01-01"))


@st.composite
def one_wrong(draw: st.DrawFn, documents: S) -> Any:
    """A document with one of its values in the place of another kind; unchanged where it has none."""
    document = draw(documents)
    places = [*_places(document)]
    if not places:
        return document
    holder, key = draw(st.sampled_from(places))
    holder[key] = draw(WRONG)
    return document


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += [(value, key), *_places(item)]
    return found


MESH_CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "trustDomain": st.one_of(st.just("cluster.local"), texts()),
        "defaultConfig": st.one_of(st.just({}), PROXY_CONFIGS, st.just({"proxyMetadata": {"A": "b"}})),
        "rootNamespace": st.just("istio-system"),
        "enablePrometheusMerge": BOOLS,
        "accessLogFile": st.just("/dev/stdout"),
        "defaultProviders": st.just({"metrics": ["prometheus"]}),
        "extensionProviders": st.just([{"name": "p", "prometheus": {}}]),
        "somethingOfTomorrow": texts(),
    },
)
