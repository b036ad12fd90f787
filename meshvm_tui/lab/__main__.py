"""`python -m meshvm_tui.lab serve --state DIR`: the lab without the product."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from meshvm_tui.lab.mesh.dataplane import NETWORK_VARIABLE

GRACE_VARIABLE = "MESHVM_LAB_GRACE"


def main(arguments: list[str] | None = None) -> int:
    """Serves until it is ended; 2 for a wrong command line, 1 where the lab cannot start."""
    parser = argparse.ArgumentParser(prog="python -m meshvm_tui.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="start everything on loopback and stay")
    serving.add_argument("--state", type=Path, required=True, help="folder of the lab's world")
    serving.add_argument("--fault", action="append", default=[], metavar="NAME[=VALUE]", help="see the command faults")
    serving.add_argument("--seed", type=int, default=0, help="decides delays and the order of independent events")
    serving.add_argument("--vms", type=int, default=1, help="how many VMs (default 1)")
    grace = float(os.environ.get(GRACE_VARIABLE) or 10)
    serving.add_argument(
        "--grace", type=float, default=grace, help="seconds until a disconnected VM's WorkloadEntry goes (default 10)"
    )
    serving.add_argument(
        "--pool",
        default="",
        metavar="CIDR",
        help=f"addresses of this computer to serve on, such as 10.77.5.128/27; {NETWORK_VARIABLE} names their network",
    )
    commands.add_parser("faults", help="list the faults")
    wanted = parser.parse_args(arguments)
    return _faults() if wanted.command == "faults" else _serve(wanted)


def _serve(wanted: argparse.Namespace) -> int:
    from meshvm_tui.lab.addresses import NoAddresses
    from meshvm_tui.lab.faults import UnknownFault
    from meshvm_tui.lab.guest.vm import VmFailed
    from meshvm_tui.lab.serve import LabBusy, Options, prepare, serve

    os.umask(0o077)
    options = Options(
        state=prepare(wanted.state),
        faults=tuple(fault if ":" in fault else fault.replace("=", ":", 1) for fault in wanted.fault),
        seed=wanted.seed,
        vms=wanted.vms,
        grace=wanted.grace,
        pool=wanted.pool,
    )
    try:
        asyncio.run(serve(options))
    except UnknownFault as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (LabBusy, NoAddresses, VmFailed, OSError) as error:
        sys.stderr.write(f"the lab cannot start: {error}\n")
        return 1
    return 0


def _faults() -> int:
    from meshvm_tui.lab.faults import CATALOG
    from meshvm_tui.lab.google.faults import GOOGLE_FAULTS
    from meshvm_tui.lab.guest.package import PACKAGE_FAULTS
    from meshvm_tui.lab.guest.vm import GUEST_FAULTS

    for name, words in sorted({**CATALOG, **GUEST_FAULTS, **PACKAGE_FAULTS, **GOOGLE_FAULTS}.items()):
        sys.stdout.write(f"{name:22} {words}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
