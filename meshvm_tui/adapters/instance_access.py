"""The way into one machine on Compute Engine: its address, a key for a while, and the host keys that it publishes.

The key goes into the instance's own metadata, or into the caller's OS Login profile where that is switched on (which
makes a VM ignore metadata keys). Both bear an expiry, and both are taken away again when the connections close.
"""

from __future__ import annotations

import contextlib
import getpass
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.adapters.instance_keys import TemporaryKey
from meshvm_tui.adapters.instance_login import LoginKind, LoginMetadata, login_metadata
from meshvm_tui.compute_ports import AccessState
from meshvm_tui.gcp.instance import GUEST_ATTRIBUTES, InstanceView
from meshvm_tui.gcp.places import Place, place_of
from meshvm_tui.gcp.ssh_keys import expires_at, host_keys, is_on, key_line, line_of, user_name, with_key, without_key
from meshvm_tui.problems import ActionNeeded, Cancelled, PermanentError, Problem, TransientError

if TYPE_CHECKING:
    from meshvm_tui.adapters.os_login import OsLogin
    from meshvm_tui.adapters.ssh_target import SshTarget
    from meshvm_tui.compute_ports import Compute
    from meshvm_tui.plan import Machine
    from meshvm_tui.ports import Secrets

JSON = dict[str, Any]
PROPAGATION_SECONDS = 60.0
HOST_KEY_SECONDS = 60.0
BOOT_SECONDS = 120.0
PAUSE_SECONDS = 1.0
REVOKE_SECONDS = 5.0
TRIES = 5
NOT_YET = ("MVM-402", "MVM-403", "MVM-408", "MVM-411", "MVM-412", "MVM-826", "MVM-828")
"""What a machine that boots says, or its network in its place."""
REFUSED = "MVM-406"


@dataclass(frozen=True)
class Ways:
    """What the access needs of its surroundings. `connect` gives a socket through IAP; `prove` logs in once."""

    compute: Callable[[], Compute]
    os_login: Callable[[], OsLogin]
    tunnel: Callable[[Place, InstanceView, int], Any]
    prove: Callable[[SshTarget], None]
    own_known_hosts: Path
    secrets: Secrets | None = None


class GceAccess:
    """Fulfils `compute_ports.InstanceAccess`. One for a machine, shared by its steps and its guest."""

    def __init__(self, machine: Machine, ways: Ways, now: Callable[[], float] = time.time) -> None:
        self._machine = machine
        self._ways = ways
        self._now = now
        self._key = TemporaryKey(now)
        self._lock = threading.Lock()
        self._target: SshTarget | None = None
        self._granted: tuple[LoginKind, Place] | None = None
        self._profile_user = ""
        self._published: tuple[str, ...] = ()
        self._proven = False
        self._project: tuple[float, JSON] | None = None

    def public_line(self) -> str:
        """Our key as a line of ssh-keys, with its expiry; "" where the plan names a key of the operator's own."""
        if self._machine.ssh.key:
            return ""
        return key_line(self._user(), self._key.public, self._key.extend())

    def look(self, instance: JSON) -> AccessState:
        """How it would be entered now. ActionNeeded MVM-831 where it has no address of the wanted kind."""
        view, found = InstanceView(instance), self._login(instance)
        address = self._address(view)
        open_, until = self._is_open(instance, found)
        if open_:
            self._settle(view, address, found)
        else:
            self._target = None
        return AccessState(
            way=self._machine.ssh.via.value,
            address=address,
            user=self._profile_user if found.kind is LoginKind.OS_LOGIN else self._user(),
            login=found.kind.value,
            open=open_,
            host_keys="guest attributes" if self._published else "",
            until=until,
        )

    def grant(self, instance: JSON, said: Callable[[str], None], cancelled: Callable[[], bool]) -> AccessState:
        """Puts the key where the instance takes it from and waits until it opens the instance. Raises MVM-829 where
        the instance does not take it, MVM-830, MVM-841, or what stands between us and its SSH port."""
        view, found = InstanceView(instance), self._login(instance)
        self._address(view)
        self._proven = False
        if found.kind is LoginKind.METADATA:
            instance = self._put(instance, said, cancelled)
        elif found.kind is LoginKind.OS_LOGIN:
            self._import(found)
        self._await_host_keys(view, found, said, cancelled)
        self._settle(view, self._address(view), found)
        self._await_login(said, cancelled)
        self._proven = True
        return self.look(instance)

    def target(self) -> SshTarget:
        """Where the guest connects to. TransientError MVM-829 while no key of ours opens the instance."""
        target = self._target
        if target is None:
            raise TransientError("MVM-829", f"{self._machine.name}: no key is in place yet")
        return target

    def revoke(self) -> None:
        """Takes the key away, within a few seconds; where that fails, its expiry ends it."""
        with self._lock:
            granted, self._granted, self._target, self._proven = self._granted, None, None, False
        if granted is None:
            return
        worker = threading.Thread(target=self._take_away, args=granted, name="meshvm-revoke", daemon=True)
        worker.start()
        worker.join(REVOKE_SECONDS)

    close = revoke

    def _user(self) -> str:
        return self._machine.ssh.user or user_name(getpass.getuser())

    def _place(self) -> Place:
        return place_of(self._machine, self._ways.compute().defaults())

    def _login(self, instance: JSON) -> LoginMetadata:
        own = bool(self._machine.ssh.key)
        return login_metadata(instance.get("metadata", {}), self._project_metadata(), own_key=own)

    def _project_metadata(self) -> JSON:
        """The project's, read again after a minute; what may not be read counts as empty."""
        if self._project is None or self._now() - self._project[0] > 60:
            try:
                project = self._ways.compute().project(self._place().project)
            except Problem as problem:
                if problem.code != "MVM-805":
                    raise
                project = {}
            self._project = (self._now(), project.get("commonInstanceMetadata", {}))
        return self._project[1]

    def _address(self, view: InstanceView) -> str:
        via = self._machine.ssh.via.value
        if via == "iap":
            return ""
        if via == "jump":
            raise ActionNeeded("MVM-416", f"{view.name}: ssh.via jump is for hosts; on Compute Engine IAP is the way")
        address = view.internal_address if via == "internal" else view.external_address
        if not address:
            raise ActionNeeded("MVM-831", f"{view.name} has no {via} address")
        return address

    def _is_open(self, instance: JSON, found: LoginMetadata) -> tuple[bool, str]:
        if found.kind is LoginKind.OWN_KEY:
            return True, ""
        if not self._proven or not self._key.is_fresh:
            return False, ""
        if found.kind is LoginKind.OS_LOGIN:
            return self._profile_user != "", _clock(self._key.expires)
        return self._is_in_place(instance), _clock(self._key.expires)

    def _is_in_place(self, instance: JSON) -> bool:
        """Whether our line stands in the instance's metadata and has time left."""
        if not self._key.is_fresh:
            return False
        until = expires_at(line_of(instance.get("metadata", {}), self._key.public))
        return until is not None and until > self._now()

    def _put(self, instance: JSON, said: Callable[[str], None], cancelled: Callable[[], bool]) -> JSON:
        """Our line in the instance's metadata: read, changed and sent back with its fingerprint, again where somebody
        else was faster."""
        place, compute = self._place(), self._ways.compute()
        name = self._machine.name
        for attempt in range(TRIES):
            if self._is_in_place(instance):
                break
            said(f"instances.setMetadata {name}: a key until {_clock(self._key.extend())}")
            metadata = with_key(instance.get("metadata", {}), self.public_line(), self._now())
            try:
                operation = compute.set_metadata(place.project, place.zone, name, metadata, str(uuid.uuid4()))
                self._granted = (LoginKind.METADATA, place)
                compute.wait(operation, lambda status, _percent: said(f"setMetadata: {status}"), cancelled)
            except TransientError as problem:
                if problem.code != "MVM-815" or attempt + 1 == TRIES:
                    raise
            instance = self._read(place)
        self._granted = (LoginKind.METADATA, place)
        return instance

    def _read(self, place: Place) -> JSON:
        found = self._ways.compute().instance(place.project, place.zone, self._machine.name)
        if found is None:
            raise PermanentError("MVM-819", f"{self._machine.name} is not there any more")
        return found

    def _import(self, found: LoginMetadata) -> None:
        if found.refusal:
            raise ActionNeeded("MVM-830", f"{self._machine.name}: {found.refusal}")
        place = self._place()
        self._profile_user = self._ways.os_login().add(self._key.public, self._key.extend(), place.project)
        self._granted = (LoginKind.OS_LOGIN, place)

    def _await_host_keys(
        self, view: InstanceView, found: LoginMetadata, said: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> None:
        """The guest agent writes them at the first boot; an instance that was not told to has none."""
        if self._machine.ssh.known_host or not is_on(GUEST_ATTRIBUTES, found.instance, found.project):
            return
        for _ in _moments(HOST_KEY_SECONDS, cancelled):
            self._publish(view)
            if self._published:
                return
            said("the instance has not published its host keys yet")

    def _publish(self, view: InstanceView) -> None:
        place = self._place()
        attributes = self._ways.compute().guest_attributes(place.project, place.zone, view.name, "hostkeys/")
        self._published = host_keys(dict(attributes))

    def _await_login(self, said: Callable[[str], None], cancelled: Callable[[], bool]) -> None:
        """A new key takes some seconds to get to the VM, and a new VM some more to boot."""
        last: Problem | None = None
        started = time.monotonic()
        for _ in _moments(BOOT_SECONDS, cancelled):
            try:
                self._ways.prove(self.target())
            except Problem as problem:
                if problem.code == REFUSED and time.monotonic() - started > PROPAGATION_SECONDS:
                    raise self._not_taken(problem) from problem
                if problem.code not in (*NOT_YET, REFUSED):
                    raise
                last = problem
                said(f"waiting for the SSH key to reach the instance: {problem.cause}")
            else:
                return
        if last is not None:
            raise self._not_taken(last) if last.code == REFUSED else last

    def _not_taken(self, problem: Problem) -> Problem:
        if self._machine.ssh.key:
            return problem
        return ActionNeeded("MVM-829", problem.cause, evidence=dict(problem.evidence))

    def _settle(self, view: InstanceView, address: str, found: LoginMetadata) -> None:
        from meshvm_tui.adapters.ssh_target import target_on_compute_engine

        if not self._published and is_on(GUEST_ATTRIBUTES, found.instance, found.project):
            self._publish(view)
        user = self._profile_user if found.kind is LoginKind.OS_LOGIN else self._user()
        place, port = self._place(), self._machine.ssh.port
        self._target = target_on_compute_engine(
            self._machine,
            address=address or view.name,
            user=user,
            known_as=f"compute.{view.id}",
            published=self._published,
            key=None if found.kind is LoginKind.OWN_KEY else self._key.private,
            connect=(lambda: self._ways.tunnel(place, view, port)) if not address else None,
            own_known_hosts=self._ways.own_known_hosts,
            secrets=self._ways.secrets,
        )

    def _take_away(self, kind: LoginKind, place: Place) -> None:
        # Nobody is left to tell: what stays of it ends by itself when its time has come.
        with contextlib.suppress(Problem, Cancelled):
            if kind is LoginKind.OS_LOGIN:
                self._ways.os_login().remove(self._key.public)
                return
            compute = self._ways.compute()
            for _ in range(TRIES):
                metadata = without_key(self._read(place).get("metadata", {}), self._key.public)
                if metadata is None:
                    return
                with contextlib.suppress(TransientError):
                    compute.set_metadata(place.project, place.zone, self._machine.name, metadata, str(uuid.uuid4()))
                    return


def _moments(seconds: float, cancelled: Callable[[], bool]) -> Iterator[None]:
    """One moment a second, the first at once. Raises Cancelled."""
    end = time.monotonic() + seconds
    while True:
        yield
        if time.monotonic() >= end:
            return
        for _ in range(10):
            if cancelled():
                raise Cancelled
            time.sleep(PAUSE_SECONDS / 10)


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M", time.localtime(seconds)) if seconds else ""
