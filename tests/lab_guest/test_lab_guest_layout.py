"""A VM's folder: how the lab's Python is started in it."""

from __future__ import annotations

import subprocess
import sys

# Python 3.11's sysconfig answers None to the second of two threads that ask it first; many rounds make it likely.
SIDE_BY_SIDE = """
import sys, sysconfig, threading
from meshvm_tui.lab.guest.layout import Interpreter
wanted = "lib" if sysconfig.get_config_var("Py_ENABLE_SHARED") else ""
sys.setswitchinterval(1e-6)
found = []
def ask(start):
    start.wait()
    found.append(Interpreter.running().library)
for _ in range(50):
    sysconfig._CONFIG_VARS = None
    for name in [name for name in sys.modules if name.startswith("_sysconfigdata")]:
        del sys.modules[name]
    start = threading.Barrier(4)
    threads = [threading.Thread(target=ask, args=(start,)) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
print(found.count(wanted))
"""


def test_vms_that_are_made_side_by_side_all_find_the_labs_python() -> None:
    run = subprocess.run([sys.executable, "-c", SIDE_BY_SIDE], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout == "200\n"
