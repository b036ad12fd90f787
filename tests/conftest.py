"""Every test runs in an empty home: nothing of the operator's can be read or written, even by a mistake.

The environment is replaced while this file is imported, which is before any test module and the product.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tools.tiers import TIERS

# Images and programs that the tiers with real software made once are found again by every run.
os.environ.setdefault("MESHVM_TUI_REAL_CACHE", os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"))

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
    "MESHVM_TUI_CONFIG_DIR": _HOME / "config" / "meshvm-tui",
}
for _name, _value in _EMPTY.items():
    os.environ[_name] = str(_value)
os.environ["GCE_METADATA_HOST"] = "127.0.0.1:1"
os.environ["NO_GCE_CHECK"] = "true"
# What is printed is wrapped to this, wherever the tests run.
os.environ["COLUMNS"] = "120"
_OPERATORS = ("SSH_AUTH_SOCK", "SSH_AGENT_PID", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "MESHVM_TUI_IAP_ENDPOINT")
for _name in (*_OPERATORS, *(name for name in os.environ if name.startswith("CLOUDSDK_"))):
    if _name not in _EMPTY:
        os.environ.pop(_name, None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says what was left out and why, so that a green run never passes for more than it was."""
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    for reason, count in sorted(left_out.items()):
        terminalreporter.write_line(f"{count} left out: {reason}")
    for tier in TIERS.values():
        if tier.marker and f"not {tier.marker}" in config.option.markexpr:
            needs = f" (needs {tier.needs})" if tier.needs else ""
            terminalreporter.write_line(f"NOT RUN here: {tier.proves}. {tier.command} runs them{needs}")
