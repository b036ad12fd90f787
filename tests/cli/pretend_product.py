"""A stand-in for the product beside the lab: tells its arguments and KUBECONFIG, then ends with PRETEND_EXIT.

With PRETEND_EXIT=wait it waits for SIGTERM and ends with 4, as a cancelled run does.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Tells, and ends."""
    how = os.environ.get("PRETEND_EXIT", "0")
    if how == "wait":
        # Before it is heard of: whoever has read its words may end it at once.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print("product", *sys.argv[1:], os.environ["KUBECONFIG"], flush=True)
    if how == "wait":
        signal.sigwait({signal.SIGTERM})
    sys.exit(4 if how == "wait" else int(how))


if __name__ == "__main__":
    main()
