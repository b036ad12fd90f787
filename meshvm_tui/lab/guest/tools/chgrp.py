"""chgrp, in the lab's table of owners."""

from __future__ import annotations

from meshvm_tui.lab.guest.tools import chown


def main(arguments: list[str]) -> int:
    """chgrp [-R] GROUP FILE..."""
    return chown.main(arguments, "chgrp")
