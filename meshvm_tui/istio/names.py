"""The names that Istio gives to the parts of one control plane; a revision is a part of each of them."""

from __future__ import annotations

DEFAULT_REVISION = "default"
ISTIOD_PORT = 15012
CLUSTER_DOMAIN = "svc.cluster.local"


def is_revisioned(revision: str) -> bool:
    """Whether names carry the revision: neither "" nor `default` does (since 1.10)."""
    return revision not in ("", DEFAULT_REVISION)


def revisioned(name: str, revision: str) -> str:
    """A name as this revision has it: `istio` or `istio-<revision>`."""
    return f"{name}-{revision}" if is_revisioned(revision) else name


def istiod_host(istio_namespace: str, revision: str) -> str:
    """The host name by which a VM knows istiod; the only one in `hosts`, and one that its certificate holds."""
    return f"{revisioned('istiod', revision)}.{istio_namespace}.svc"


def istiod_address(istio_namespace: str, revision: str) -> str:
    """Host and port where istiod answers configuration and certificate requests."""
    return f"{istiod_host(istio_namespace, revision)}:{ISTIOD_PORT}"


def default_tag_webhook(istio_namespace: str) -> str:
    """The MutatingWebhookConfiguration whose label istio.io/rev says which revision is the default one."""
    name = "istio-revision-tag-default"
    return name if istio_namespace == "istio-system" else f"{name}-{istio_namespace}"
