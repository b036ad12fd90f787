"""Joins the way into an instance with what it is made of: Compute Engine, OS Login, IAP and SSH."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.adapters.google_endpoints import iap_endpoint
from meshvm_tui.adapters.iap_tunnel import IapTarget, open_tunnel
from meshvm_tui.adapters.instance_access import GceAccess, Ways
from meshvm_tui.adapters.os_login import OsLogin

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_credentials import GoogleLogin
    from meshvm_tui.adapters.google_rest import GoogleRest
    from meshvm_tui.adapters.ssh_target import SshTarget
    from meshvm_tui.compute_ports import Compute
    from meshvm_tui.gcp.instance import InstanceView
    from meshvm_tui.gcp.places import Place
    from meshvm_tui.plan import Machine
    from meshvm_tui.ports import Secrets


def open_access(
    machine: Machine,
    compute: Compute,
    *,
    rest: GoogleRest,
    login: GoogleLogin,
    own_known_hosts: Path,
    secrets: Secrets | None,
) -> GceAccess:
    """The access to one machine; nothing is asked before it is used."""

    def tunnel(place: Place, view: InstanceView, port: int) -> Any:
        target = IapTarget(place.project, place.zone, view.name, "nic0", port)
        authorities = login.settings.get("core", "custom_ca_certs_file").value
        return open_tunnel(iap_endpoint(), lambda: login.access_token().token, target, authorities=authorities)

    ways = Ways(
        compute=lambda: compute,
        os_login=lambda: OsLogin(rest, login.identity().email),
        tunnel=tunnel,
        prove=log_in_once,
        own_known_hosts=own_known_hosts,
        secrets=secrets,
    )
    return GceAccess(machine, ways)


def log_in_once(target: SshTarget) -> None:
    """Logs in and hangs up; the Problem that stands in the way is raised."""
    from meshvm_tui.adapters.ssh_connection import SshConnection

    connection = SshConnection(target)
    try:
        connection.open()
    finally:
        connection.close()
