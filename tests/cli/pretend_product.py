"""A stand-in for the product beside the lab: tells its arguments and KUBECONFIG, then ends with PRETEND_EXIT.

With PRETEND_EXIT=wait it waits for SIGTERM and ends with 4, as a cancelled run does.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Tells, and ends."""
    print("product", *sys.argv[1:], os.environ["KUBECONFIG"], flush=True)
    how = os.environ.get("PRETEND_EXIT", "0")
    if how != "wait":
        sys.exit(int(how))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
    signal.pause()


if __name__ == "__main__":
    main()
