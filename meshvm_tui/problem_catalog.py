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
    "MVM-110": Entry(
        "Another manager owns this field", "Agree with the other manager, or change the plan to its value."
    ),
    "MVM-111": Entry("The object changed since it was shown", "Review the changes again."),
    "MVM-112": Entry("The kubeconfig cannot be read", "Mend the file at the place it names."),
    "MVM-113": Entry("The credential plugin of the kubeconfig is not installed", "Install it, then retry."),
    "MVM-114": Entry("The credential plugin gave no credential", "Run it by hand and look at what it prints."),
    "MVM-115": Entry("The API server does not know this", "Check that its namespace, kind or owner exists."),
    "MVM-116": Entry("An object of that name exists already", "Look whose it is, or choose another name."),
    "MVM-117": Entry("The namespace is being deleted", "Wait until it is gone; it is tried again."),
    "MVM-118": Entry("A quota of the namespace is used up", "Free some of it, or ask for more."),
    "MVM-119": Entry("The API server answered with an error", "Read its words, then retry."),
    "MVM-120": Entry("Only looking is allowed here", "Leave the read-only mode to change something."),
    # 2xx: mesh and gateway
    "MVM-201": Entry("Istio is not installed in this cluster", "Choose install: install, or pick another cluster."),
    "MVM-202": Entry("istiod is not available yet", "Look at its Pods and Events."),
    "MVM-203": Entry("Auto-registration is switched off in istiod", "Switch it on, then retry."),
    "MVM-204": Entry("istiod does not run in that revision", "Set mesh.revision to one that runs."),
    "MVM-205": Entry("The running mesh has other IDs than the plan", "Set them to auto, or to what the mesh has."),
    "MVM-206": Entry("Upgrading a control plane is not done here", "Upgrade it by its own tool, then choose keep."),
    "MVM-207": Entry("Another kind of control plane serves this cluster", "Choose keep, or another cluster."),
    "MVM-208": Entry("istioctl is not installed", "Put istioctl on PATH, or make the gateway by apply."),
    "MVM-209": Entry("istioctl failed", "Read its words; running it again is safe."),
    "MVM-211": Entry("The existing gateway does not serve istiod", "Add port 15012 to it, or name another gateway."),
    "MVM-212": Entry("The gateway has no address yet", "Look at the Events of its Service; retry when it has one."),
    "MVM-213": Entry("The gateway will never get an address", "Set gateway.address, or make it a LoadBalancer."),
    "MVM-214": Entry("The gateway's host name cannot be resolved", "Wait for DNS, or set gateway.address."),
    "MVM-215": Entry("The gateway is not available yet", "Look at its Pods and Events."),
    # 7xx: plan, session and this computer
    "MVM-701": Entry("The plan is not valid", "Mend the fields named here."),
    "MVM-702": Entry("The plan cannot be read", "Check the path and that it is YAML."),
    # 9xx: unforeseen
    "MVM-901": Entry("Something unforeseen happened", "Send the log of this session with a report."),
}
