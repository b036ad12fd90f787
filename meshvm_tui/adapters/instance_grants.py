"""Where the temporary key was put: into an instance's metadata or into an OS Login profile, and out of it again.

What may have been put is noted before it is sent: an answer that gets lost leaves nothing behind.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from meshvm_tui.adapters.instance_login import LoginKind
from meshvm_tui.gcp.ssh_keys import expires_at, key_line, line_of, with_key, without_key
from meshvm_tui.problems import Cancelled, PermanentError, TransientError

if TYPE_CHECKING:
    from meshvm_tui.adapters.instance_keys import TemporaryKey
    from meshvm_tui.adapters.os_login import OsLogin
    from meshvm_tui.compute_ports import Compute
    from meshvm_tui.gcp.places import Place

JSON = dict[str, Any]
TRIES = 5
"""How often a change is made anew after somebody else's."""
MOVED = "MVM-815"

_log = logging.getLogger(__name__)


class GrantedKeys:
    """The key of one machine in all places where it stands."""

    def __init__(
        self, name: str, key: TemporaryKey, compute: Callable[[], Compute], os_login: Callable[[], OsLogin]
    ) -> None:
        self._name = name
        self._key = key
        self._compute = compute
        self._os_login = os_login
        self._places: set[tuple[LoginKind, Place]] = set()
        self._lock = threading.Lock()

    def line(self, user: str, place: Place) -> str:
        """The key's line of ssh-keys for a body that is going to be sent."""
        self._note(LoginKind.METADATA, place)
        return key_line(user, self._key.public, self._key.extend())

    def until(self, instance: JSON) -> float:
        """When the line in an instance's metadata ends, in seconds since the epoch; 0 where it has none."""
        return expires_at(line_of(instance.get("metadata", {}), self._key.public)) or 0.0

    def put(
        self,
        instance: JSON,
        user: str,
        place: Place,
        said: Callable[[str], None],
        cancelled: Callable[[], bool],
    ) -> JSON:
        """The line in the instance's metadata: read, changed and sent back with its fingerprint, again where somebody
        else was faster. Gives the instance as it is then."""
        for attempt in range(TRIES):
            if self._key.lasts(self.until(instance)):
                self._note(LoginKind.METADATA, place)
                return instance
            if cancelled():
                raise Cancelled
            line = self.line(user, place)
            said(f"instances.setMetadata {self._name}: a key until {clock(self._key.expires)}")
            try:
                metadata = with_key(instance.get("metadata", {}), line, self._key.now())
                self._send(metadata, place, said, cancelled)
            except TransientError as problem:
                if problem.code != MOVED or attempt + 1 == TRIES:
                    raise
            instance = self._read(place)
        return instance

    def add_to_profile(self, place: Place) -> str:
        """The key in the caller's OS Login profile; gives the user name on VMs."""
        self._note(LoginKind.OS_LOGIN, place)
        return self._os_login().add(self._key.public, self._key.extend(), place.project)

    def take_away(self) -> None:
        """Out of every place again. Nobody is left to tell what fails: it ends by itself when its time has come."""
        with self._lock:
            places, self._places = self._places, set()
        for kind, place in places:
            try:
                if kind is LoginKind.OS_LOGIN:
                    self._os_login().remove(self._key.public)
                else:
                    self._take_line(place)
            except Exception as error:  # noqa: BLE001 - whatever it is, closing goes on
                _log.info("%s: the temporary key stays until its end: %s", self._name, error)

    def _note(self, kind: LoginKind, place: Place) -> None:
        with self._lock:
            self._places.add((kind, place))

    def _send(self, metadata: JSON, place: Place, said: Callable[[str], None], cancelled: Callable[[], bool]) -> None:
        compute = self._compute()
        operation = compute.set_metadata(place.project, place.zone, self._name, metadata, str(uuid.uuid4()))
        compute.wait(operation, lambda status, _percent: said(f"setMetadata: {status}"), cancelled)

    def _read(self, place: Place) -> JSON:
        found = self._compute().instance(place.project, place.zone, self._name)
        if found is None:
            raise PermanentError("MVM-819", f"{self._name} is not there any more")
        return found

    def _take_line(self, place: Place) -> None:
        for attempt in range(TRIES):
            instance = self._compute().instance(place.project, place.zone, self._name)
            metadata = without_key((instance or {}).get("metadata", {}), self._key.public)
            if metadata is None:
                return
            try:
                self._send(metadata, place, _log.info, lambda: False)
            except TransientError:
                if attempt + 1 == TRIES:
                    raise
            else:
                return


def clock(seconds: float) -> str:
    """A time since the epoch as hours and minutes here; "" for none."""
    return time.strftime("%H:%M", time.localtime(seconds)) if seconds else ""
