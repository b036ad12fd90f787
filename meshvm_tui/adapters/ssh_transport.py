"""The encrypted side of a connection: paramiko's transport with what it leaves out, and the login over it.

paramiko logs what a server says when it hangs up and tells nobody; it asks for key types in an order of its own, so
that a server shows a key which cannot be compared; and it tries keys without counting what they cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import paramiko

from meshvm_tui.adapters.ssh_errors import NO_VERDICT
from meshvm_tui.problems import ActionNeeded, PermanentError

if TYPE_CHECKING:
    from meshvm_tui.adapters.ssh_host_keys import HostKeys

BANNER_SECONDS = 10.0
LOGIN_SECONDS = 15.0
KEEPALIVE_SECONDS = 10


class Transport(paramiko.Transport):
    """A transport over a socket or a channel. `farewell` is what the server said when it ended the connection."""

    farewell = ""

    def __init__(self, sock: Any, known: HostKeys) -> None:
        super().__init__(sock)
        self.daemon = True
        self.banner_timeout = BANNER_SECONDS
        self.auth_timeout = self.channel_timeout = LOGIN_SECONDS
        security = self.get_security_options()
        types = set(known.preferred_types())
        if "ssh-rsa" in types:
            types |= {"rsa-sha2-512", "rsa-sha2-256"}
        offered = list(security.key_types)
        # Those first that can be compared, as ssh does.
        security.key_types = sorted(offered, key=lambda kind: kind not in types)

    def greet(self) -> paramiko.PKey:
        """Agrees on keys; gives the server's host key, with which nothing was done yet."""
        self.start_client(timeout=LOGIN_SECONDS)
        return self.get_remote_server_key()

    def log_in(self, user: str, offers: Iterable[tuple[str, paramiko.PKey]]) -> None:
        """Tries one key after another. Raises a Problem where none is accepted, or paramiko's own errors."""
        tried: list[str] = []
        refused: paramiko.AuthenticationException | None = None
        for name, key in offers:
            tried.append(f"{name} ({key.fingerprint})")
            try:
                more = self.auth_publickey(user, key)
            except paramiko.BadAuthenticationType:
                raise
            except paramiko.AuthenticationException as error:
                if not self.is_active() or NO_VERDICT in str(error):
                    raise
                refused = error
                continue
            if more:
                raise PermanentError("MVM-406", f"{user}: it took the key and wants {', '.join(more)} as well")
            self.set_keepalive(KEEPALIVE_SECONDS)
            return
        if refused is None:
            raise ActionNeeded("MVM-407", f"{user}: no key is named in the plan, none is in ssh-agent or ~/.ssh")
        raise PermanentError("MVM-406", f"{user}: {refused} It took none of: {', '.join(tried)}") from refused

    def _parse_disconnect(self, message: paramiko.Message) -> None:
        message.get_int()
        self.farewell = message.get_text()
        message.rewind()
        super()._parse_disconnect(message)  # type: ignore[misc]
