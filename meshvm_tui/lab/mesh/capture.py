"""What a VM's iptables would do to a new plaintext connection from outside, by what its sidecar has written down."""

from __future__ import annotations

import json
from pathlib import Path

from meshvm_tui.lab.mesh.agent.outbound import NAMES_FILE


def cuts_plaintext(root: Path, port: int) -> bool:
    """Whether the sidecar of the VM with this root redirects the port and lets no plaintext through.

    SSH on a port that is not excluded is lost this way as soon as the sidecar of a STRICT mesh runs."""
    try:
        told = json.loads((root / NAMES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not told["strict"] or port in told["excluded"]:
        return False
    return told["inbound"] == "*" or str(port) in told["inbound"].split(",")
