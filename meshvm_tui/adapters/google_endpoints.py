"""Where Google's APIs are: Google's own hosts, or what gcloud's settings name instead.

gcloud's section `api_endpoint_overrides` is honoured, by variable or by configuration, as it is for gcloud itself;
Google's client libraries know nothing of it. A token never leaves in the clear: http and ws only to a loopback address.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from meshvm_tui.problems import ActionNeeded

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_settings import GcloudSettings

SECTION = "api_endpoint_overrides"
IAP_VARIABLE = "MESHVM_TUI_IAP_ENDPOINT"
IAP_ENDPOINT = "wss://tunnel.cloudproxy.app/v4"
ENDPOINTS = {
    "compute": "https://compute.googleapis.com",
    "container": "https://container.googleapis.com",
    "oslogin": "https://oslogin.googleapis.com",
    "serviceusage": "https://serviceusage.googleapis.com",
    "cloudresourcemanager": "https://cloudresourcemanager.googleapis.com",
    "iamcredentials": "https://iamcredentials.googleapis.com",
}
# gcloud's override of Compute Engine names the version as well; the client library adds it by itself.
_COMPUTE_VERSION = "/compute/v1"


def endpoint(api: str, settings: GcloudSettings) -> str:
    """The base URL of an API, without a trailing slash. Compute Engine's ends before `/compute/v1`, ready for the
    client library's `api_endpoint`. ActionNeeded MVM-839 for an override that cannot be used."""
    override = settings.get(SECTION, api)
    if not override.value:
        return ENDPOINTS[api]
    base = checked_url(override.value, override.source)
    return base.removesuffix(_COMPUTE_VERSION) if api == "compute" else base


def iap_endpoint(environ: Mapping[str, str] = os.environ) -> str:
    """The websocket URL of IAP's relay, without a trailing slash. ActionNeeded MVM-839 where it cannot be used."""
    named = environ.get(IAP_VARIABLE, "")
    return checked_url(named, IAP_VARIABLE, ("wss", "ws")) if named else IAP_ENDPOINT


def checked_url(url: str, source: str, schemes: tuple[str, str] = ("https", "http")) -> str:
    """The URL without a trailing slash. ActionNeeded MVM-839 where it is none of these schemes, or would send a token
    in the clear to another computer; `source` says where the URL came from."""
    safe, clear = schemes
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ActionNeeded("MVM-839", f"{source}: {url}: {error}") from None
    if parts.username is not None:
        raise ActionNeeded("MVM-839", f"{source}: the URL of {host} holds a login of its own")
    if parts.scheme not in schemes or not host or parts.query or parts.fragment:
        raise ActionNeeded("MVM-839", f"{source}: {url} is no {safe}:// URL of a host and a path")
    if parts.scheme == clear and not is_loopback(host):
        raise ActionNeeded("MVM-839", f"{source}: {url} would send tokens in the clear")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host of a URL is this computer; names are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
