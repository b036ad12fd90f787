"""Runs one tool: `python -I -S __main__.py TOOL [ARGUMENT]...`, quickly."""

import importlib
import os
import sys


def _run() -> int:
    here = os.path.abspath(__file__)
    for _ in range(4):
        here = os.path.dirname(here)
    sys.path.append(os.path.dirname(here))
    module = importlib.import_module(f"meshvm_tui.lab.guest.tools.{sys.argv[1]}")
    code = module.main(sys.argv[2:])
    sys.stdout.flush()
    return int(code)


if __name__ == "__main__":
    try:
        sys.exit(_run())
    except BrokenPipeError:
        os._exit(141)
    except KeyboardInterrupt:
        os._exit(130)
