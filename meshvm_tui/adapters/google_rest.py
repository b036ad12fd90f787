"""Google's APIs as plain REST and JSON, over google.auth's session.

No retries of its own but one: a 401 is answered once with a fresh token. Every open socket is known, so that closing
ends calls under way. google.auth and requests are loaded with the first call, in the caller's worker thread.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from meshvm_tui import __version__
from meshvm_tui.adapters.google_endpoints import endpoint
from meshvm_tui.adapters.google_errors import problem_from, problem_from_body
from meshvm_tui.adapters.google_session import fit
from meshvm_tui.adapters.open_connections import OpenConnections
from meshvm_tui.compute_ports import JSON
from meshvm_tui.problems import PermanentError, TransientError

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_credentials import GoogleLogin

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
Query = Mapping[str, str | Sequence[str]]


class GoogleRest:
    """GET, POST and DELETE of Google's APIs as one login. Threads may share it.

    `api` is a word of `google_endpoints` (container, oslogin, serviceusage, cloudresourcemanager, iamcredentials,
    compute); `path` goes on from its base URL, such as `v1/projects/p/locations/-/clusters`, and is quoted here.
    `doing` is what the evidence of a problem says. Every failure is a Problem."""

    def __init__(self, login: GoogleLogin) -> None:
        self._login = login
        self._lock = threading.Lock()
        self._connections = OpenConnections()
        self._session: Any = None

    def get(self, api: str, path: str, query: Query | None = None, *, doing: str) -> JSON:
        """One GET and its JSON."""
        return self._ask("GET", self._url(api, path), doing, params=query)

    def post(self, api: str, path: str, body: JSON, query: Query | None = None, *, doing: str) -> JSON:
        """One POST of JSON and its JSON."""
        return self._ask("POST", self._url(api, path), doing, params=query, json=body)

    def patch(self, api: str, path: str, body: JSON, query: Query | None = None, *, doing: str) -> JSON:
        """One PATCH of JSON and its JSON."""
        return self._ask("PATCH", self._url(api, path), doing, params=query, json=body)

    def delete(self, api: str, path: str, query: Query | None = None, *, doing: str) -> JSON:
        """One DELETE and its JSON; {} where the answer is empty."""
        return self._ask("DELETE", self._url(api, path), doing, params=query)

    def close(self) -> None:
        """Ends calls under way and closes every socket; further calls are a TransientError MVM-804."""
        self._connections.close()
        with self._lock:
            if self._session is not None:
                self._session.close()

    def _url(self, api: str, path: str) -> str:
        return f"{endpoint(api, self._login.settings)}/{quote(path, safe='/:@-._~')}"

    def _ask(self, method: str, url: str, doing: str, **more: Any) -> JSON:
        try:
            response = self._open().request(
                method,
                url,
                headers={"Accept": "application/json", "User-Agent": f"meshvm-tui/{__version__}"},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                **more,
            )
        except Exception as error:  # noqa: BLE001  three libraries with a root each; problem_from knows them
            raise problem_from(error, doing) from None
        if not 200 <= response.status_code < 300:
            raise problem_from_body(response.status_code, response.content, doing)
        return _json(response, doing)

    def _open(self) -> Any:
        from google.auth.transport.requests import AuthorizedSession

        with self._lock:
            if self._connections.closed:
                raise TransientError("MVM-804", "the connection to Google was closed here")
            if self._session is None:
                session: Any = AuthorizedSession
                self._session = session(self._login.credentials(), max_refresh_attempts=1)
                fit(self._session, self._connections, self._login.settings)
            return self._session


def _json(response: Any, doing: str) -> JSON:
    if not response.content.strip():
        return {}
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        words = response.content[:200].decode(errors="replace")
        raise PermanentError("MVM-840", f"{doing}: the answer is no JSON object: {words}", evidence={"request": doing})
    return answer
