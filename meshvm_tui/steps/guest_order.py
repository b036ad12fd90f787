"""What is sent to a VM to be executed: values, files, and the package where it comes from this computer."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from meshvm_tui.ports import GuestOrder
from meshvm_tui.problems import PermanentError, TransientError
from meshvm_tui.steps.agent_log import fatal_pattern
from meshvm_tui.steps.bootstrap_state import BootstrapState, bootstrap_state
from meshvm_tui.steps.guest_facts import guest_view, istiod_host
from meshvm_tui.steps.guest_view import TOKEN
from meshvm_tui.steps.saved_files import load
from meshvm_tui.steps.sidecar_package import SENT_NAME, PackageSource, package_source

if TYPE_CHECKING:
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.step import Scope

HELD_TOKEN = "!istio-token"  # noqa: S105 (a key of the run's memory)
CANARY = "storage.googleapis.com"
"""A name of the world outside. Where it was found before the sidecar's start, it must be found after it."""
GUARD_SECONDS = 180
"""After these the VM stops a sidecar that no new connection has confirmed; longer than its start and its proof take."""

DPKG_PAUSE = 2
"""Seconds between two tries for dpkg's lock; it is waited for two minutes at most, and not past the step's deadline."""


def apply_order(ports: ReadPorts, scope: Scope) -> GuestOrder:
    """Everything that the VM needs for package, files and unit. Raises a Problem where a file cannot be made yet."""
    state = bootstrap_state(ports, scope)
    if not state.wanted:
        raise TransientError("MVM-535", state.message)
    view = guest_view(ports, scope)
    source = package_source(ports, scope, view)
    values = values_of(source, host=istiod_host(ports, scope), foreign=state.foreign_certificate)
    values["DPKG_TRIES"] = str(max(1, min(60, int(scope.remaining() / DPKG_PAUSE) - 1)))
    paths: dict[str, Path] = {}
    if source is not None and source.path and not source.is_installed(view):
        paths[SENT_NAME] = Path(source.path)
    contents = {name: content.encode() for name, content in state.wanted.items()}
    if state.place_token:
        contents[TOKEN] = _token(scope, state).encode()
    return GuestOrder("apply", values, contents, paths)


def values_of(source: PackageSource | None, *, host: str, foreign: str) -> dict[str, str]:
    """What guest.sh is told of the package, of istiod's name, and of a certificate of another identity."""
    values = {
        "ISTIOD_HOST": host,
        "FATAL": fatal_pattern(),
        "FOREIGN_CERT": foreign,
        "CANARY": CANARY,
        "DEADMAN": str(GUARD_SECONDS),
    }
    if source is not None:
        values |= {"VERSION": source.version, "PACKAGE_SHA256": source.sha256, "PACKAGE_URL": source.url}
        if _host_of(source.url):
            values["CANARY"] = _host_of(source.url)
    return values


def confirm_order(host: str) -> GuestOrder:
    """The last word after the proof: the guard is taken away, the unit starts at boot."""
    return GuestOrder("confirm", {"ISTIOD_HOST": host})


def _token(scope: Scope, state: BootstrapState) -> str:
    """The token of this run, or the one that an earlier run saved."""
    held = str(scope.memo.get(HELD_TOKEN) or load(scope.files_dir, (TOKEN,)).get(TOKEN, ""))
    if not held:
        raise PermanentError("MVM-305", f"{state.token_reason}, and bootstrap-files has not made one in this run")
    return held


def _host_of(url: str) -> str:
    """The name of a URL's host; "" where it is an address, which needs no look-up."""
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return ""
