"""What a namespace or the cluster will refuse: quotas that are used up, Pod Security, policy engines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meshvm_tui.findings import Finding, Severity, found

JSON = dict[str, Any]
ENFORCE = "pod-security.kubernetes.io/enforce"
# istio-init adds NET_ADMIN, which Pod Security allows only at the level `privileged`.
_WITHOUT_NET_ADMIN = ("baseline", "restricted")
_ENGINES = {"gatekeeper": "Gatekeeper", "kyverno": "Kyverno"}
_QUANTITY = re.compile(r"(\d+)")


def quota_room(quotas: Sequence[JSON], needed: Mapping[str, int]) -> tuple[Finding, ...]:
    """Quotas that count objects (`services.loadbalancers`, `pods`) and have no room for `needed` more of them."""
    full = []
    for quota in quotas:
        metadata, status = quota.get("metadata") or {}, quota.get("status") or {}
        hard, used = status.get("hard") or {}, status.get("used") or {}
        for name, more in needed.items():
            for key in (name, f"count/{name}"):
                limit, taken = _count(hard.get(key)), _count(used.get(key)) or 0
                if limit is not None and taken + more > limit:
                    where = f"{metadata.get('namespace')}/{metadata.get('name')}"
                    full.append(f"ResourceQuota {where}: {key} {taken} of {limit} used, {more} more wanted")
    return tuple(found("MVM-133", words) for words in full)


def pod_security(namespace: str, labels: Mapping[str, str], *, cni: bool) -> tuple[Finding, ...]:
    """A namespace in which the sidecar's init container is refused, unless Istio's CNI does its work."""
    level = labels.get(ENFORCE, "")
    if cni or level not in _WITHOUT_NET_ADMIN:
        return ()
    return (found("MVM-132", f"namespace {namespace} enforces Pod Security {level!r}, and istio-init adds NET_ADMIN"),)


def policy_engines(webhooks: Iterable[str]) -> tuple[Finding, ...]:
    """Engines that check objects against a site's own policies, by the names of their webhooks."""
    seen = {engine: name for name in sorted(webhooks) for sign, engine in _ENGINES.items() if sign in name}
    return tuple(
        found("MVM-134", f"{engine} ({name})", severity=Severity.INFO) for engine, name in sorted(seen.items())
    )


def _count(value: Any) -> int | None:
    """A plain count; None for none, and for quantities of other things such as `10Gi`."""
    match = _QUANTITY.fullmatch(str(value))
    return int(match[1]) if match else None
