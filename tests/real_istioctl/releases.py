"""The releases' own tools and files, as they are found on this machine.

ISTIOCTLS names them (paths, separated as PATH is); else `make real-tools` put them into the cache;
else the one on PATH is the only one. A release's samples are those of the Go module that its istioctl is built of.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.real_istioctl.tools import Istioctl


@cache
def istioctls() -> tuple[Istioctl, ...]:
    """Every release's istioctl that is here, the newest first; none where there is none."""
    named = [Path(path) for path in os.environ.get("ISTIOCTLS", "").split(os.pathsep) if path]
    cached = sorted((Path(os.environ["MESHVM_TUI_REAL_CACHE"]) / "meshvm-tui" / "real-tools").glob("**/istioctl*"))
    found = named or [path for path in cached if path.is_file() and os.access(path, os.X_OK)]
    if not found and (path := shutil.which("istioctl")):
        found = [Path(path)]
    tools = {tool.version: tool for tool in map(_istioctl, found)}
    return tuple(sorted(tools.values(), key=lambda tool: _numbers(tool.version), reverse=True))


def _istioctl(path: Path) -> Istioctl:
    said = subprocess.run(
        [str(path), "version", "--remote=false"], capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    return Istioctl(said.stdout.split()[-1], path)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def source_of(tool: Istioctl) -> Path | None:
    """The folder of the Go module of which this istioctl was built; None where it or Go is not here."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        return None
    home = {**os.environ, "HOME": pwd.getpwuid(os.getuid()).pw_dir}
    built = subprocess.run([go, "version", "-m", str(tool.path)], capture_output=True, encoding="utf-8", check=False)
    found = re.search(r"\sistio\.io/istio\s+(v\S+)", built.stdout)
    modules = subprocess.run([go, "env", "GOMODCACHE"], capture_output=True, encoding="utf-8", env=home, check=True)
    folder = Path(modules.stdout.strip()) / f"istio.io/istio@{found[1] if found else ''}"
    return folder if found and folder.is_dir() else None
