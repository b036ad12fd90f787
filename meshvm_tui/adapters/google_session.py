"""What a session of `requests` needs before it may carry a Google token.

Three habits of the library are in the way: it goes through the environment's proxy even to a loopback address, it puts
a login of ~/.netrc in the place of the token, and its calls under way cannot be ended from another thread.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from meshvm_tui.adapters.google_endpoints import is_loopback
from meshvm_tui.adapters.google_settings import GcloudSettings
from meshvm_tui.adapters.open_connections import OpenConnections


def fit(session: Any, connections: OpenConnections, settings: GcloudSettings) -> None:
    """Fits a requests.Session (google.auth's AuthorizedSession is one): no retries and no netrc, loopback without a
    proxy, gcloud's own certificate authorities where it has some, and all its connections in `connections`."""
    from requests.adapters import HTTPAdapter

    authorities = settings.get("core", "custom_ca_certs_file").value

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *given: Any, **named: Any) -> None:
            super().init_poolmanager(*given, **named)
            connections.watch(self.poolmanager)

        def proxy_manager_for(self, proxy: Any, **named: Any) -> Any:
            manager = super().proxy_manager_for(proxy, **named)
            connections.watch(manager)
            return manager

        def send(self, request: Any, *given: Any, **named: Any) -> Any:
            if is_loopback(urlsplit(request.url).hostname or ""):
                named["proxies"] = {}
            if authorities:  # not the session's own attribute: REQUESTS_CA_BUNDLE would stand before it
                named["verify"] = authorities
            return super().send(request, *given, **named)

    session.mount("https://", Adapter(max_retries=0))
    session.mount("http://", Adapter(max_retries=0))
    session.auth = _as_it_is


def _as_it_is(request: Any) -> Any:
    """A login that adds nothing: where a session has one, requests does not look into ~/.netrc."""
    return request
