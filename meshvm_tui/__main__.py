"""`python -m meshvm_tui` and the console script."""

from __future__ import annotations

import os
import sys

from meshvm_tui.cli import run


def main() -> None:
    """Runs the command line and ends with its exit code."""
    _open_what_is_closed()
    sys.exit(run(sys.argv[1:]))


def _open_what_is_closed() -> None:
    """Input, output and errors that were closed (`<&-`) are there again: nothing comes in, errors go nowhere, and
    output fails when it is written.

    A file that is opened later would else get their number, and be read or written as if it were one of them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # The lowest free number is the closed one.
            os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))


if __name__ == "__main__":
    main()
