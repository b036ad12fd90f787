"""timedatectl."""

from __future__ import annotations

import time

from meshvm_tui.lab.guest.tools import ground


def main(arguments: list[str]) -> int:
    """timedatectl [status | show [-p NAME] [--value]]"""
    synchronised = "no" if ground.fault("clock-off") is not None else "yes"
    if "show" in arguments:
        print(f"Timezone=Etc/UTC\nNTP=yes\nNTPSynchronized={synchronised}")
        return 0
    stamp = time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime(ground.now()))
    print(
        f"           Universal time: {stamp}\nSystem clock synchronized: {synchronised}\n"
        "              NTP service: active"
    )
    return 0
