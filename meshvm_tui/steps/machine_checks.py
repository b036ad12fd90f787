"""What a machine must be before anything is put on it: pure functions from its observation to problems."""

from __future__ import annotations

from collections.abc import Callable

from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError
from meshvm_tui.steps.guest_facts import gateway_was_reached
from meshvm_tui.steps.guest_view import GuestView

CLOCK_TOLERANCE = 60.0
"""Seconds. A token's nbf and iat, and a fresh certificate's notBefore, leave no more."""

ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""What `uname -m` says, and what Debian and Istio call it."""

RPM_FAMILIES = ("rhel", "fedora", "centos", "suse", "opensuse", "amzn")
"""ID and ID_LIKE of /etc/os-release. Some of them have a dpkg as well, for building packages only."""

OPTIONAL_TOOLS = ("python3", "iptables")
"""iptables comes with the package; python3 is only the sample server's."""


def obstacle(view: GuestView) -> Problem | None:
    """The first thing that must be mended before this machine can be used; None where it is fit."""
    checks: tuple[Callable[[GuestView], Problem | None], ...] = (_privilege, _system, _tools, _clock, _gateway)
    for check in checks:
        if (problem := check(view)) is not None:
            return problem
    return None


def architecture(view: GuestView) -> str:
    """amd64 or arm64; "" for what Istio has no package for."""
    return ARCHITECTURES.get(view.text("os", "arch"), "")


def _privilege(view: GuestView) -> Problem | None:
    user, privilege, words = (view.text("who", name) for name in ("user", "privilege", "words"))
    if privilege in ("root", "sudo"):
        return None
    if privilege == "refused" and ("password" in words or "terminal" in words):
        return ActionNeeded("MVM-413", f"{user}: {words}")
    return ActionNeeded("MVM-414", f"{user}: {words or 'there is no sudo'}")


def _system(view: GuestView) -> Problem | None:
    name = view.text("os", "name") or "no /etc/os-release"
    if view.text("os", "systemd") != "yes":
        return PermanentError("MVM-420", f"{name}: there is no /run/systemd/system")
    family = {view.text("os", "id"), *view.text("os", "like").split()} & set(RPM_FAMILIES)
    if family:
        cause = f"{name} installs rpm packages ({', '.join(sorted(family))})"
        return PermanentError("MVM-421", f"{cause}; only the Debian package is supported, for no other was tried")
    if "dpkg" in view.text("os", "lacks").split():
        return PermanentError("MVM-421", f"{name} has no dpkg")
    if not architecture(view):
        return PermanentError("MVM-422", f"{name} runs on {view.text('os', 'arch')}")
    return None


def _tools(view: GuestView) -> Problem | None:
    lacking = [tool for tool in view.text("os", "lacks").split() if tool not in OPTIONAL_TOOLS]
    if not lacking:
        return None
    return ActionNeeded(
        "MVM-428",
        f"not found: {', '.join(lacking)}",
        next_action=f"Run apt-get install for {', '.join(lacking)} on it.",
    )


def _clock(view: GuestView) -> Problem | None:
    skew = view.facts.clock_skew
    if abs(skew) <= CLOCK_TOLERANCE:
        return None
    return ActionNeeded("MVM-423", f"it is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this computer")


def _gateway(view: GuestView) -> Problem | None:
    """By curl's exit codes: 7 refused, 28 no answer, 60 a certificate that is not trusted, others: TLS was ended."""
    code = view.text("gateway", "exit")
    if not code or gateway_was_reached(code):
        return None
    words = view.text("gateway", "words") or f"curl ended with {code}"
    cause = f"{view.text('gateway', 'address')}:15012 as {view.text('gateway', 'name')}: {words}"
    if code in ("51", "60"):
        return PermanentError("MVM-427", cause)
    return TransientError({"7": "MVM-424", "28": "MVM-425"}.get(code, "MVM-426"), cause)
