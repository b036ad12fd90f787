"""Another tool's tampering: files of the sidecar that are changed after they were copied and before it is started.

The fault `tampered` names one file and what happens to it, `FILE:PATTERN=>TEXT`: every match of the regular expression
becomes the text; an empty pattern means the whole file, and both empty take the file away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

TAMPERED, HOSTS_MISSING = "tampered", "hosts-missing"
PLACES = {
    "cluster.env": "var/lib/istio/envoy/cluster.env",
    "mesh.yaml": "var/lib/istio/config/mesh",
    "root-cert.pem": "etc/certs/root-cert.pem",
    "hosts": "etc/hosts",
    "istio-token": "run/secrets/tokens/istio-token",
}
ISTIOD_LINES = r"(?m)^[^#\n]*\sistiod[-.].*\n"
START = "istio-start.sh"


def before_start(argv: Sequence[str], root: Path, state: Path) -> None:
    """Tampers where a command that is about to run is the sidecar's start and the fault is on."""
    if not argv or Path(argv[0]).name != START or "clean" in argv:
        return
    try:
        faults = json.loads((state / "faults").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if HOSTS_MISSING in faults:
        tamper(root, "hosts", ISTIOD_LINES, "")
    if TAMPERED in faults:
        name, _, change = faults[TAMPERED].partition(":")
        pattern, _, text = change.partition("=>")
        tamper(root, name, pattern, text)


def tamper(root: Path, name: str, pattern: str, text: str) -> None:
    """Changes one of the five files in its place, owner and mode as they are. KeyError where it is none of them."""
    place = root / PLACES[name]
    if not pattern and not text:
        place.unlink(missing_ok=True)
    elif place.exists():
        before = place.read_text(encoding="utf-8", errors="replace")
        place.write_text(re.sub(pattern, text, before) if pattern else text, encoding="utf-8")
