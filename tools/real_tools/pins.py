"""What is built, and of which releases. Istio's tags carry no `v`, so Go knows its releases by commit and time."""

from __future__ import annotations

from dataclasses import dataclass

KUBERNETES = "1.36.1"
ETCD = "3.5.21"

ISTIO = {
    "1.31.0": "v0.0.0-20260827124520-eed52ebb66ad",
    "1.30.4": "v0.0.0-20260826214018-9739e10eb9d7",
    "1.31.0-april": "v0.0.0-20260423205519-b01690e6db7d",
}
"""Release to the version of its module; the last one is the development branch between 1.30 and 1.31."""

ISTIO_LIBRARIES = (
    ("istio.io/api", "v1.31.0-rc.0.0.20260824154656-b943409680a7"),
    ("istio.io/client-go", "v1.31.0-rc.0.0.20260824155257-512e1cfc6c15"),
    ("github.com/envoyproxy/go-control-plane/envoy", "v1.37.1-0.20260713214202-ca8ce173c36f"),
    ("github.com/envoyproxy/go-control-plane/contrib", "v1.36.1-0.20260713214202-ca8ce173c36f"),
)
"""Of every istioctl: older releases require commits of these that Go's checksum database no longer answers for."""


@dataclass(frozen=True)
class Build:
    """One program: its Go package, what its go.mod requires, its version flags, where it lands in the cache."""

    place: str
    package: str
    requires: tuple[tuple[str, str], ...]
    flags: tuple[tuple[str, str], ...] = ()
    staged: str = ""
    """The module whose own go.mod replaces modules by folders of its source; these are released as v0.N."""


def builds() -> tuple[Build, ...]:
    """Everything that `make real-tools` makes."""
    component = "k8s.io/component-base/version"
    major, minor, _ = KUBERNETES.split(".")
    numbers = (("gitVersion", f"v{KUBERNETES}"), ("gitMajor", major), ("gitMinor", minor))
    return (
        Build("kubebuilder/etcd", "go.etcd.io/etcd/server/v3", (("go.etcd.io/etcd/server/v3", f"v{ETCD}"),)),
        Build(
            "kubebuilder/kube-apiserver",
            "k8s.io/kubernetes/cmd/kube-apiserver",
            (("k8s.io/kubernetes", f"v{KUBERNETES}"),),
            tuple((f"{component}.{name}", value) for name, value in numbers),
            staged="k8s.io/kubernetes",
        ),
        *(_istioctl(release, version) for release, version in ISTIO.items()),
    )


def _istioctl(release: str, version: str) -> Build:
    place = "istio.io/istio/pkg/version"
    told = (("buildVersion", release), ("buildTag", release), ("buildHub", "docker.io/istio"), ("buildStatus", "Clean"))
    return Build(
        f"istioctl-{release}/istioctl",
        "istio.io/istio/istioctl/cmd/istioctl",
        (("istio.io/istio", version), *ISTIO_LIBRARIES),
        tuple((f"{place}.{name}", value) for name, value in told),
    )
