"""Every test runs in an empty home: nothing of the operator's can be read or written, even by a mistake.

The environment is replaced while this file is imported, which is before any test module and the product.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_HOME = Path(tempfile.mkdtemp(prefix="meshvm-test-home-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

_EMPTY = {
    "HOME": _HOME,
    "XDG_CONFIG_HOME": _HOME / "config",
    "XDG_STATE_HOME": _HOME / "state",
    "XDG_CACHE_HOME": _HOME / "cache",
    "XDG_DATA_HOME": _HOME / "data",
    "KUBECONFIG": _HOME / "no-kubeconfig",
    "CLOUDSDK_CONFIG": _HOME / "no-gcloud",
    "GOOGLE_APPLICATION_CREDENTIALS": _HOME / "no-google-credentials.json",
    "MESHVM_TUI_STATE_DIR": _HOME / "meshvm-tui",
}
for _name, _value in _EMPTY.items():
    os.environ[_name] = str(_value)
os.environ["GCE_METADATA_HOST"] = "127.0.0.1:1"
# What is printed is wrapped to this, wherever the tests run.
os.environ["COLUMNS"] = "120"
for _name in ("SSH_AUTH_SOCK", "SSH_AGENT_PID", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"):
    os.environ.pop(_name, None)
