"""Generated examples: a mesh, a WorkloadGroup and the flags of one call of both tools."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.files.worlds import config_map, default_tag, gateway, service_account
from tests.real_istioctl import proxy_configs as proxies
from tests.real_istioctl.proxy_configs import PROBES, some
from tests.real_istioctl.texts import texts, written

JSON = dict[str, Any]
ROOT = "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n"
ANNOTATION = "proxy.istio.io/config"


@dataclass(frozen=True)
class Case:
    """What stands on the API server, the text for `-f` (None: the group is read by its name), and the flags.

    `faults` are the codes of what was made wrong on purpose: of several, the tools may name different ones first.
    `newest_only` is set where older releases are known to look for something else.
    """

    objects: tuple[JSON, ...]
    document: str | None
    flags: tuple[str, ...] = ()
    faults: frozenset[str] = frozenset()
    newest_only: bool = False


@dataclass(frozen=True)
class Place:
    """Where the control plane is, what the default tag says, and the revision that is asked for (None: no flag)."""

    namespace: str = "istio-system"
    default: str | None = None
    asked: str | None = None

    @property
    def suffix(self) -> str:
        """What the names of this control plane's ConfigMaps end in."""
        revision = self.asked or self.default or "default"
        return "" if revision == "default" else f"-{revision}"

    @property
    def newest_only(self) -> bool:
        """Before 1.31, the default tag was looked for under the name that it has in istio-system, wherever Istio is."""
        return self.namespace != "istio-system" and not self.asked and self.default == "rev-1"

    @property
    def flags(self) -> tuple[str, ...]:
        given = ("-i", self.namespace) if self.namespace != "istio-system" else ()
        return given if self.asked is None else (*given, "--revision", self.asked)


PLACES = st.one_of(
    st.just(Place()),
    st.builds(
        Place,
        st.sampled_from(("istio-system", "mesh")),
        st.sampled_from((None, "default", "rev-1")),
        st.sampled_from((None, "", "default", "rev-1", "rev-2")),
    ),
)

_LABEL_KEYS = st.sampled_from(
    (
        *("app", "version", "app.kubernetes.io/name", "app.kubernetes.io/version", "security.istio.io/tlsMode"),
        *("service.istio.io/canonical-name", "service.istio.io/canonical-revision", "topology.istio.io/network"),
    )
)
LABELS = st.dictionaries(st.one_of(_LABEL_KEYS, texts()), texts(), max_size=4)
_PORT_NAMES = st.one_of(st.sampled_from(("http", "grpc", "tcp-9", "tcp-10", "a_b", "<&>", "é")), texts())
_CONFIG_TEXTS = written(proxies.PROXY_CONFIGS)


def object_annotations(*, keys: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[JSON]:
    """Annotations, often with a proxy's configuration."""
    others = st.dictionaries(texts() if keys is None else keys, texts(), max_size=2)
    return st.builds(
        lambda other, own: {**other, **own}, others, st.fixed_dictionaries({}, optional={ANNOTATION: _CONFIG_TEXTS})
    )


def specs(
    ports: st.SearchStrategy[Any],
    *,
    names: st.SearchStrategy[str] = _PORT_NAMES,
    probes: st.SearchStrategy[Any] = PROBES,
) -> st.SearchStrategy[JSON]:
    """The spec of a WorkloadGroup."""
    template = some(
        serviceAccount=st.sampled_from(("vm", "default")),
        network=texts(),
        ports=st.dictionaries(names, ports, max_size=4),
        labels=LABELS,
        locality=texts(),
        weight=st.integers(0, 100),
    )
    return some(metadata=some(labels=LABELS, annotations=object_annotations()), template=template, probe=probes)


_PORTS = st.integers(1, 65535)
_HEADERS = st.lists(some(name=st.sampled_from(("a", "X-A_b")), value=texts()), max_size=2)
# What the schema of Istio's CRD lets through.
_SERVER_PROBES = st.one_of(
    st.just({}),
    st.builds(
        lambda port, more: {"httpGet": {"port": port, **more}},
        _PORTS,
        some(path=texts(), host=texts(), scheme=st.sampled_from(("", "HTTP", "HTTPS")), httpHeaders=_HEADERS),
    ),
    st.builds(lambda port, more: {"tcpSocket": {"port": port, **more}}, _PORTS, some(host=texts())),
    st.builds(lambda command: {"exec": {"command": command}}, st.lists(texts().filter(bool), max_size=3)),
    st.builds(lambda port, more: {"grpc": {"port": port, **more}}, _PORTS, some(service=texts())),
)
SERVER_PROBES = st.builds(
    lambda probe, more: {**probe, **more},
    _SERVER_PROBES,
    some(periodSeconds=proxies.NUMBERS, failureThreshold=proxies.NUMBERS),
)


@st.composite
def file_groups(draw: st.DrawFn) -> str:
    """A WorkloadGroup's text. Istio's tools check neither kind nor names."""
    name = draw(st.one_of(st.just("foo"), texts().filter(bool)))
    metadata = {"name": name, "namespace": "bar", **draw(some(labels=LABELS, annotations=object_annotations()))}
    head = draw(st.sampled_from(({}, {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroup"})))
    spec = draw(specs(proxies.as_number_or_text(st.one_of(proxies.PORTS, st.just(70000)))))
    return draw(written(st.just({**head, "metadata": metadata, "spec": spec})))


@st.composite
def wrong_groups(draw: st.DrawFn) -> str:
    """A group's text in which one value is of another kind."""
    spec = draw(proxies.one_wrong(specs(proxies.PORTS)))
    document = {"metadata": {"name": "foo", "namespace": "bar"}, "spec": spec}
    return draw(written(st.just(document)))


@st.composite
def server_groups(draw: st.DrawFn) -> JSON:
    """A WorkloadGroup that an API server with Istio's CRDs takes."""
    keys = st.sampled_from(("example.com/a", "b"))
    names = st.from_regex(r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,6}[a-zA-Z0-9])?", fullmatch=True)
    spec = draw(specs(_PORTS, names=names, probes=SERVER_PROBES))
    template = {"serviceAccount": "vm", **spec.get("template", {})}
    metadata = {"name": "foo", "namespace": "bar", "annotations": draw(object_annotations(keys=keys))}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadGroup",
        "metadata": metadata,
        "spec": {"metadata": {}, **spec, "template": template},
    }


MESHES = written(proxies.MESH_CONFIGS)

_ADDRESSES = st.sampled_from(
    (
        *("10.0.0.9", "fd00:10:96::2", "FD00::2", "::ffff:10.0.0.1", "::", "0.0.0.0", "fe80::1%eth0"),
        *("010.0.0.1", "10.0.0.256", " 10.0.0.1", "the-gateway", ""),
    )
)
_SWITCH = st.sampled_from(("", "=true", "=false", "=T", "=1", "=0", "=f", "=FALSE"))


@st.composite
def flags(draw: st.DrawFn) -> tuple[str, ...]:
    """Flags that do not say which group or control plane is meant."""
    given: list[str] = []
    values = {
        "--clusterID": st.one_of(st.sampled_from(("Kubernetes", "", "c1")), texts()),
        "--ingressIP": _ADDRESSES,
        "--ingressService": st.sampled_from(
            ("istio-eastwestgateway", "gw", "gw.edge", "a.b.c", "gw.", "", "none.edge")
        ),
        "--tokenDuration": st.sampled_from(("600", "3600", "86400", "599", "0", "-1")),
    }
    for name, value in values.items():
        if draw(st.booleans()):
            given += [f"{name}={draw(value)}"]
    if draw(st.booleans()):
        given += [f"{draw(st.sampled_from(('--internalIP', '--externalIP')))}={draw(st.one_of(_ADDRESSES, texts()))}"]
    given += [f"{name}{draw(_SWITCH)}" for name in ("--autoregister", "--capture-dns") if draw(st.booleans())]
    return tuple(given)


def objects(place: Place, mesh_text: str = "", /, **changes: JSON | None) -> tuple[JSON, ...]:
    """A cluster that lacks nothing. A change takes the place of the object of its name; None leaves it out."""
    values = json.dumps({"global": {"multiCluster": {"clusterName": "cluster-1"}}})
    tag = "istio-revision-tag-default" + ("" if place.namespace == "istio-system" else f"-{place.namespace}")
    found: dict[str, JSON | None] = {
        "mesh": config_map(f"istio{place.suffix}", place.namespace, mesh=mesh_text),
        "injector": config_map(f"istio-sidecar-injector{place.suffix}", place.namespace, values=values),
        "root": config_map("istio-ca-root-cert", "bar", **{"root-cert.pem": ROOT}),
        "account": service_account("vm", "bar"),
        "default_account": service_account("default", "bar"),
        "gateway": service(gateway(place=place.namespace, ingress=[{"ip": "10.0.0.1"}])),
        "tag": default_tag(place.default, tag) if place.default else None,
    }
    return tuple(one for one in {**found, **changes}.values() if one is not None)


def service(made: JSON) -> JSON:
    """A Service as a real API server takes it: with a port."""
    return {**made, "spec": {**made["spec"], "ports": [{"name": "tls-istiod", "port": 15012}]}}


WRONG_MESHES = written(
    proxies.one_wrong(st.fixed_dictionaries({"trustDomain": texts(), "defaultConfig": proxies.PROXY_CONFIGS}))
)


@st.composite
def changes(draw: st.DrawFn, place: Place) -> dict[str, JSON | None]:
    """What this cluster lacks, or has otherwise: mostly nothing."""
    values = st.sampled_from(('{"global":{}}', "{}", "", "{", "[]", '{"global":{"multiCluster":{"clusterName":5}}}'))
    ingress = st.sampled_from(([], [{}], [{"hostname": "lb.example.com"}], [{"ip": "fd00::1"}], [{"ip": "10.0.0.3"}]))
    external = st.sampled_from(([], ["192.0.2.7"], ["192.0.2.7", "192.0.2.8"]))
    made = {
        "mesh": st.none(),
        "root": st.one_of(st.none(), st.just(config_map("istio-ca-root-cert", "bar", **{"root-cert.pem": "no PEM\n"}))),
        "account": st.none(),
        "injector": st.one_of(
            st.none(),
            st.builds(
                lambda text: config_map(f"istio-sidecar-injector{place.suffix}", place.namespace, values=text), values
            ),
        ),
        "gateway": st.one_of(
            st.none(),
            st.builds(
                lambda found, ips: service(gateway(place=place.namespace, ingress=found, spec={"externalIPs": ips})),
                ingress,
                external,
            ),
        ),
        "another": st.builds(lambda: service(gateway("gw", "edge", ingress=[{"ip": "10.0.0.8"}]))),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(made)), unique=True, max_size=2))
    return {name: draw(made[name]) for name in chosen}


FAULTS = {
    "mesh": ("MVM-505",),
    "root": ("MVM-510",),
    "account": ("MVM-504",),
    "injector": ("MVM-507",),
    "gateway": ("MVM-508", "MVM-509"),
}


def faults_of(given: tuple[str, ...], *changed: str) -> frozenset[str]:
    """The codes of what these flags and changes may have made wrong; the gateway's address is always a guess."""
    codes = {code for name in ("gateway", *changed) for code in FAULTS.get(name, ())}
    too_short = any(f"--tokenDuration={seconds}" in given for seconds in ("599", "0", "-1"))
    return frozenset(codes | ({"MVM-109"} if too_short else set()))
