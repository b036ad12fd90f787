"""What istiod's own Deployment says: its environment, its version, whether it serves. Pure."""

from __future__ import annotations

from typing import Any

from meshvm_tui.istio.releases import version_parts

JSON = dict[str, Any]


def is_available(deployment: JSON) -> bool:
    """Whether a Deployment's own condition says that it serves."""
    conditions = (deployment.get("status") or {}).get("conditions") or []
    return any(item.get("type") == "Available" and item.get("status") == "True" for item in conditions)


def environment_of(deployment: JSON) -> dict[str, str]:
    """The plain values of istiod's environment; those from fields and secrets are left out."""
    entries = discovery_container(deployment).get("env") or ()
    return {item["name"]: str(item["value"]) for item in entries if item.get("value") is not None}


def discovery_container(deployment: JSON) -> JSON:
    """istiod's own container among those of its Pods; empty where there is none."""
    containers = _containers(deployment)
    return next((item for item in containers if item.get("name") == "discovery"), containers[0] if containers else {})


def version_of(deployment: JSON) -> str:
    """The version by its image's tag where that is a version, else by its labels; "" where nothing says it.

    The label app.kubernetes.io/version is the chart's, which is 1.0.0 in every istioctl that was not built by a
    release of Istio."""
    labels = (deployment.get("metadata") or {}).get("labels") or {}
    tag = image_tag(discovery_container(deployment))
    said = (tag, labels.get("operator.istio.io/version"), labels.get("app.kubernetes.io/version"))
    return next((str(version) for version in said if version_parts(str(version or ""))), tag)


def image_tag(container: JSON) -> str:
    """The tag of a container's image without the flavour of the build; "" where it has none."""
    name, _, tag = str(container.get("image", "")).partition("@")[0].rpartition(":")
    return tag.removesuffix("-distroless").removesuffix("-debug") if name and "/" not in tag else ""


def _containers(deployment: JSON) -> list[JSON]:
    template = (deployment.get("spec") or {}).get("template") or {}
    return list((template.get("spec") or {}).get("containers") or ())
