"""Compute Engine's metadata server as a VM sees it: https://cloud.google.com/compute/docs/metadata/overview."""

from __future__ import annotations

from meshvm_tui.lab.guest.tools import ground
from meshvm_tui.lab.guest.tools.http_exchange import Answer

FILE = "metadata.json"  # in the VM's lab state: path below /computeMetadata/v1/ -> value; only instances have it
ADDRESS = "169.254.169.254"
_NAMES = (ADDRESS, "metadata.google.internal", "metadata")
_ROOT, _FLAVOR = "computeMetadata/v1/", "metadata-flavor: google"
_WRONG_ID = "google-wrong-id"


def answer(host: str, path: str, headers: list[str]) -> Answer | None:
    """What it says to a GET of `path`, without its first slash; None where this VM is no instance, or for others."""
    held: dict[str, str] = ground.read_json(FILE, {}) if host in _NAMES else {}
    if not held:
        return None
    if not any(" ".join(header.lower().split()) == _FLAVOR for header in headers):
        return _said(403, "Forbidden", "Missing Metadata-Flavor:Google header.\n")
    name = path.partition("?")[0].removeprefix(_ROOT)
    if not path.startswith(_ROOT) or name not in held:
        return _said(404, "Not Found", f"The requested URL /{path} was not found on this server.\n")
    text = held[name]
    return _said(200, "OK", text[::-1] if name == "instance/id" and ground.fault(_WRONG_ID) is not None else text)


def _said(status: int, reason: str, text: str) -> Answer:
    headers = {"metadata-flavor": "Google", "content-type": "application/text", "server": "Metadata Server for VM"}
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return Answer(status, ("\r\n".join(lines) + "\r\n\r\n").encode(), text.encode(), headers)
