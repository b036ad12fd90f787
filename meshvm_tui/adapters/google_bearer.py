"""Credentials of google.auth that ask a GoogleLogin for the token of each request."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_credentials import GoogleLogin


def bearer(login: GoogleLogin, scopes: tuple[str, ...]) -> Any:
    """A google.auth.credentials.Credentials; the class is made here, so that importing this loads nothing of Google."""
    from google.auth.credentials import Credentials

    base: Any = Credentials
    sent = threading.local()

    class Bearer(base):  # type: ignore[misc]
        @property
        def quota_project_id(self) -> str:
            """What goes into x-goog-user-project; "" is not sent."""
            return login.quota_project()

        def refresh(self, request: Any) -> None:
            """A session calls this after a 401: the token that this thread sent is not given again."""
            self._take(refused=getattr(sent, "token", ""))

        def before_request(self, request: Any, method: str, url: str, headers: Any) -> None:
            """Sets the headers of one request."""
            sent.token = self._take()
            self.apply(headers, sent.token)

        def _take(self, refused: str = "") -> str:
            token = login.access_token(scopes, refused=refused)
            self.token = token.token
            self.expiry = token.expiry.replace(tzinfo=None) if token.expiry else None
            return token.token

    return Bearer()
