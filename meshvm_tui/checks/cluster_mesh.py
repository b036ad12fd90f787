"""What about a control plane keeps VMs or gateways from working, though its Deployment looks well."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from meshvm_tui.findings import Finding, Severity, found

JSON = dict[str, Any]


def istiod_scale(deployment: Mapping[str, Any]) -> tuple[Finding, ...]:
    """A Deployment of no replicas keeps its condition Available: nothing is missing of nothing."""
    if (deployment.get("spec") or {}).get("replicas") != 0:
        return ()
    metadata = deployment.get("metadata") or {}
    return (found("MVM-244", f"Deployment {metadata.get('namespace')}/{metadata.get('name')}: spec.replicas is 0"),)


def injection_webhooks(configurations: Sequence[JSON], revision: str) -> tuple[Finding, ...]:
    """The webhooks that inject for a revision: there, with a certificate, and what happens while istiod is away.

    A gateway's Pod keeps the image `auto` where nothing injects it. `failurePolicy: Ignore` lets Pods start without
    a sidecar, and says nothing.
    """
    own = [item for item in configurations if _labels(item).get("istio.io/rev", "default") == revision]
    if not own:
        return (found("MVM-245", f"no MutatingWebhookConfiguration injects for revision {revision}"),)
    hooks = [(item["metadata"]["name"], hook) for item in own for hook in item.get("webhooks") or ()]
    bare = sorted({name for name, hook in hooks if not _has_certificate(hook)})
    lenient = sorted({name for name, hook in hooks if hook.get("failurePolicy") == "Ignore"})
    said = [found("MVM-245", f"{', '.join(bare)}: caBundle is empty")] if bare else []
    said += [found("MVM-248", f"{', '.join(lenient)}: Ignore", severity=Severity.INFO)] if lenient else []
    return tuple(said)


def istio_kinds(served: bool, api_version: str) -> tuple[Finding, ...]:
    """WorkloadGroups and WorkloadEntries of the version that the plan's objects are written in."""
    return () if served else (found("MVM-246", f"the API server serves no workloadgroups of {api_version}"),)


def discovery_selectors(config: Mapping[str, Any], namespace: str, labels: Mapping[str, str]) -> tuple[Finding, ...]:
    """istiod writes the root certificate only into namespaces that it looks at, and registers nothing in others."""
    selectors = config.get("discoverySelectors") or ()
    if not selectors or any(_selects(selector, labels) for selector in selectors):
        return ()
    told = ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "no labels"
    return (found("MVM-247", f"namespace {namespace} has {told}; discoverySelectors are {_in_words(selectors)}"),)


def ip_families(gateway: str, machines: Mapping[str, str]) -> tuple[Finding, ...]:
    """Machines whose own address is of another IP family than the gateway's."""
    family = _family(gateway)
    apart = [f"{name} {address}" for name, address in sorted(machines.items()) if _family(address) not in ("", family)]
    return (found("MVM-249", f"the gateway is {gateway}; {', '.join(apart)}"),) if family and apart else ()


def _family(address: str) -> str:
    try:
        return f"IPv{ipaddress.ip_address(address).version}"
    except ValueError:
        return ""


def _has_certificate(hook: Mapping[str, Any]) -> bool:
    client = hook.get("clientConfig") or {}
    return bool(client.get("caBundle") or client.get("url"))


def _labels(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(_holds(rule, labels) for rule in selector.get("matchExpressions") or ())


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = str(rule.get("key")), rule.get("values") or ()
    holds = {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return holds.get(str(rule.get("operator")), True)


def _in_words(selectors: Sequence[Any]) -> str:
    return "; ".join(
        ", ".join(
            [f"{key}={value}" for key, value in (item.get("matchLabels") or {}).items()]
            + [
                f"{rule.get('key')} {rule.get('operator')} {' '.join(rule.get('values') or ())}".strip()
                for rule in item.get("matchExpressions") or ()
            ]
        )
        for item in selectors
    )
