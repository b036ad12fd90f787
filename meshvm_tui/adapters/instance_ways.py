"""Joins the way into an instance with what it is made of: Compute Engine, OS Login, IAP and SSH."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.adapters.google_endpoints import iap_endpoint
from meshvm_tui.adapters.iap_tunnel import IapTarget, open_tunnel
from meshvm_tui.adapters.instance_access import GceAccess, Ways
from meshvm_tui.adapters.os_login import OsLogin
from meshvm_tui.problems import Cancelled

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_credentials import GoogleLogin
    from meshvm_tui.adapters.google_rest import GoogleRest
    from meshvm_tui.adapters.ssh_target import SshTarget
    from meshvm_tui.compute_ports import Compute
    from meshvm_tui.gcp.instance import InstanceView
    from meshvm_tui.gcp.places import Place
    from meshvm_tui.plan import Machine
    from meshvm_tui.ports import Secrets

TURN_SECONDS = 0.1


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


def log_in_once(target: SshTarget, cancelled: Callable[[], bool]) -> None:
    """Logs in and hangs up; the Problem that stands in the way is raised, and Cancelled at once when it is."""
    from meshvm_tui.adapters.ssh_connection import SshConnection

    connection, ended = SshConnection(target), threading.Event()
    failed: list[Exception] = []

    def log_in() -> None:
        try:
            connection.open()
        except Exception as error:  # noqa: BLE001 - raised in the thread that waits
            failed.append(error)
        finally:
            connection.close()
            ended.set()

    # A thread of its own, for a host that is silent is waited for longer than somebody waits who cancels.
    threading.Thread(target=log_in, name="meshvm-login", daemon=True).start()
    while not ended.wait(TURN_SECONDS):
        if cancelled():
            connection.close()
            raise Cancelled
    if failed:
        raise failed[0]
