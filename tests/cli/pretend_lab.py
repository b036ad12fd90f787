"""A stand-in for the lab's process: `python pretend_lab.py serve`'s flags, and the three files it must write.

What it does is said by PRETEND_LAB: ready (the lab's behaviour), broken (dies with words), silent (never ready).
It writes `ended` into its folder when it was asked to end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path


def main() -> None:
    """Runs until SIGTERM."""
    state = Path(sys.argv[sys.argv.index("--state") + 1])
    how = os.environ.get("PRETEND_LAB", "ready")
    if how == "broken":
        sys.exit("no address is free in 127.0.0.0/8")
    (state / "arguments").write_text(" ".join(sys.argv[1:]))
    (state / "pid").write_text(str(os.getpid()))
    (state / "env.json").write_text(json.dumps({"KUBECONFIG": str(state / "kubeconfig")}))
    (state / "plan.yaml").write_text("apiVersion: meshvm-tui/v1\nkind: OnboardingPlan\n")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if how == "ready":
        (state / "ready").touch()
    signal.sigwait({signal.SIGTERM})
    (state / "ended").touch()


if __name__ == "__main__":
    main()
