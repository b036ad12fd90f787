"""Every problem code with its title and what to do next. Codes never change their meaning.

1xx cluster and credentials · 2xx mesh and gateway · 3xx identity and registration · 4xx the VM over SSH ·
5xx files and installation · 6xx services and probes · 7xx plan, session and this computer · 9xx unforeseen.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """What is said of a code wherever it appears."""

    title: str
    next_action: str


CATALOG: dict[str, Entry] = {
    # 1xx: cluster and credentials
    "MVM-101": Entry("No kubeconfig was found", "Name one with --kubeconfig or KUBECONFIG."),
    "MVM-102": Entry("The kubeconfig has no such context", "Pick one of the contexts that it has."),
    "MVM-103": Entry("The Kubernetes API cannot be reached", "Check the address and the network, then retry."),
    "MVM-104": Entry("The API server's certificate is not trusted", "Check certificate-authority in the kubeconfig."),
    "MVM-105": Entry("The credential plugin of the kubeconfig failed", "Log in again as it says, then retry."),
    "MVM-106": Entry("The API server does not accept the credentials", "Log in again, then retry."),
    "MVM-107": Entry("A permission is missing", "Ask for the role that docs/permissions.md lists."),
    "MVM-108": Entry("The API server is overloaded", "It is tried again; raise its limits if this stays."),
    "MVM-109": Entry("The API server refused the object", "Mend the field that it names."),
    "MVM-110": Entry("Another manager owns this field", "Agree with the other manager, or change the plan to its value."),
    "MVM-111": Entry("The object changed since it was shown", "Review the changes again."),
    "MVM-112": Entry("The kubeconfig cannot be read", "Mend the file at the place it names."),
    "MVM-119": Entry("The API server answered with an error", "Read its words, then retry."),
    # 2xx: mesh and gateway
    "MVM-201": Entry("Istio is not installed in this cluster", "Choose install: install, or pick another cluster."),
    "MVM-202": Entry("istiod is not available yet", "Look at its Pods and Events."),
    # 7xx: plan, session and this computer
    "MVM-701": Entry("The plan is not valid", "Mend the fields named here."),
    "MVM-702": Entry("The plan cannot be read", "Check the path and that it is YAML."),
    # 9xx: unforeseen
    "MVM-901": Entry("Something unforeseen happened", "Send the log of this session with a report."),
}
