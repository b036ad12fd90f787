"""The way into one machine on Compute Engine: its address, a key for a while, and the host keys that it publishes.

The key goes into the instance's own metadata, or into the caller's OS Login profile where that is switched on (which
makes a VM ignore metadata keys). Both bear an expiry, and both are taken away again when the connections close.
"""

from __future__ import annotations

import getpass
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshvm_tui.adapters.instance_grants import GrantedKeys, clock
from meshvm_tui.adapters.instance_host_keys import PublishedKeys
from meshvm_tui.adapters.instance_keys import TemporaryKey
from meshvm_tui.adapters.instance_login import LoginKind, LoginMetadata, login_metadata
from meshvm_tui.adapters.instance_waits import Patience, is_young
from meshvm_tui.compute_ports import AccessState
from meshvm_tui.gcp.instance import GUEST_ATTRIBUTES, InstanceView
from meshvm_tui.gcp.places import Place, place_of
from meshvm_tui.gcp.ssh_keys import is_on, user_name
from meshvm_tui.problems import ActionNeeded, Cancelled, Problem, TransientError

if TYPE_CHECKING:
    from meshvm_tui.adapters.os_login import OsLogin
    from meshvm_tui.adapters.ssh_target import SshTarget
    from meshvm_tui.compute_ports import Compute
    from meshvm_tui.plan import Machine
    from meshvm_tui.ports import Secrets

JSON = dict[str, Any]
PROJECT_SECONDS = 60.0
NOT_YET = ("MVM-402", "MVM-403", "MVM-408", "MVM-411", "MVM-412", "MVM-826", "MVM-828")
"""What a machine that boots says, or its network in its place."""
REFUSED = "MVM-406"
NOT_ALLOWED = "MVM-805"


@dataclass(frozen=True)
class Ways:
    """What the access needs of its surroundings. `tunnel` gives a socket through IAP; `prove` logs in once, until it
    is cancelled."""

    compute: Callable[[], Compute]
    os_login: Callable[[], OsLogin]
    tunnel: Callable[[Place, InstanceView, int], Any]
    prove: Callable[[SshTarget, Callable[[], bool]], None]
    own_known_hosts: Path
    secrets: Secrets | None = None


class GceAccess:
    """Fulfils `compute_ports.InstanceAccess`. One for a machine, shared by its steps and its guest."""

    def __init__(
        self, machine: Machine, ways: Ways, now: Callable[[], float] = time.time, patience: Patience | None = None
    ) -> None:
        self._machine = machine
        self._ways = ways
        self._now = now
        self._patience = patience or Patience()
        self._key = TemporaryKey(now)
        self._granted = GrantedKeys(machine.name, self._key, ways.compute, ways.os_login)
        self._published = PublishedKeys(ways.compute, self._patience, now)
        self._granting = threading.Lock()
        self._ended = threading.Event()
        self._target: SshTarget | None = None
        self._profile_user = ""
        self._proven = ""
        self._project: tuple[float, JSON] | None = None

    def public_line(self) -> str:
        """Our key as a line of ssh-keys, with its expiry; "" where the instance will not take it from there: the plan
        names a key of the operator's own, or OS Login is on in the project."""
        if self._login({}).kind is not LoginKind.METADATA:
            return ""
        return self._granted.line(self._user(), self._place())

    def look(self, instance: JSON) -> AccessState:
        """How it would be entered now. ActionNeeded MVM-831 where it has no address of the wanted kind."""
        view, found = InstanceView(instance), self._login(instance)
        address = self._address(view)
        until = self._until(view, found)
        open_ = found.kind is LoginKind.OWN_KEY or (self._proven == view.id and self._key.is_fresh(until))
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
            host_keys="guest attributes" if self._published.known(view) else "",
            until=clock(until) if open_ else "",
        )

    def grant(
        self, instance: JSON, said: Callable[[str], None], cancelled: Callable[[], bool], *, seconds: float
    ) -> AccessState:
        """Puts the key where the instance takes it from and waits until it opens the instance, all of it within so
        many seconds. Raises MVM-829 where the instance does not take it, MVM-830, MVM-841, or what stands between us
        and its SSH port."""
        until = self._patience.clock() + seconds

        def ended() -> bool:
            return cancelled() or self._ended.is_set()

        with self._granting:
            if ended():
                raise Cancelled
            view, found = InstanceView(instance), self._login(instance)
            address = self._address(view)
            self._proven = ""
            if found.kind is LoginKind.METADATA:
                instance = self._granted.put(instance, self._user(), self._place(), said, ended)
            elif found.kind is LoginKind.OS_LOGIN:
                self._profile_user = self._granted.add_to_profile(self._place())
            if self._publishes(found):
                self._published.wait(self._place(), view, said, ended, until=until)
            self._settle(view, address, found)
            self._await_login(view, said, ended, until)
            self._proven = view.id
            return self.look(instance)

    def target(self) -> SshTarget:
        """Where the guest connects to. TransientError MVM-829 while no key of ours opens the instance."""
        target = self._target
        if target is None:
            raise TransientError("MVM-829", f"{self._machine.name}: no key is in place yet")
        return target

    def revoke(self) -> None:
        """Takes the key away, within a moment; where that fails, its expiry ends it. Nothing is granted afterwards."""
        self._ended.set()
        self._target, self._proven = None, ""
        worker = threading.Thread(target=self._take_away, name="meshvm-revoke", daemon=True)
        worker.start()
        worker.join(self._patience.revoke)

    def _take_away(self) -> None:
        # What is being granted at this moment is put first and then taken away.
        with self._granting:
            self._granted.take_away()

    def _user(self) -> str:
        return self._machine.ssh.user or user_name(_login_here())

    def _place(self) -> Place:
        return place_of(self._machine, self._ways.compute().defaults())

    def _login(self, instance: JSON) -> LoginMetadata:
        """ActionNeeded MVM-830 where no plain key will do."""
        own = bool(self._machine.ssh.key)
        found = login_metadata(instance.get("metadata", {}), self._project_metadata(), own_key=own)
        if found.refusal:
            raise ActionNeeded("MVM-830", f"{self._machine.name}: {found.refusal}")
        return found

    def _project_metadata(self) -> JSON:
        """The project's, read again after a minute; what may not be read counts as empty."""
        if self._project is None or self._now() - self._project[0] >= PROJECT_SECONDS:
            try:
                project = self._ways.compute().project(self._place().project)
            except Problem as problem:
                if problem.code != NOT_ALLOWED:
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

    def _until(self, view: InstanceView, found: LoginMetadata) -> float:
        """When our key ends where it stands; 0 where it does not stand there."""
        if found.kind is LoginKind.METADATA:
            return self._granted.until(view.body)
        return self._key.expires if found.kind is LoginKind.OS_LOGIN and self._profile_user else 0.0

    def _publishes(self, found: LoginMetadata) -> bool:
        """Whether host keys are to be had from the instance, and needed."""
        return not self._machine.ssh.known_host and is_on(GUEST_ATTRIBUTES, found.instance, found.project)

    def _await_login(
        self, view: InstanceView, said: Callable[[str], None], cancelled: Callable[[], bool], until: float
    ) -> None:
        """A new key takes some seconds to get to the VM, and a new VM some more to boot."""
        last: Problem | None = None
        refused: float | None = None
        for _ in self._patience.moments(self._patience.boot, cancelled, until):
            try:
                self._ways.prove(self.target(), cancelled)
                return
            except Problem as problem:
                if problem.code not in (*NOT_YET, REFUSED):
                    raise
                last = problem
            if last.code == REFUSED:
                refused = self._patience.clock() if refused is None else refused
                if self._patience.clock() - refused >= self._refused_patience(view):
                    break
            said(f"waiting for the SSH key to reach the instance: {last.cause}")
        if last is not None:
            raise self._not_taken(last) if last.code == REFUSED else last

    def _refused_patience(self, view: InstanceView) -> float:
        """A key that the operator put there long ago does not become right by waiting."""
        settled = self._machine.ssh.key and not is_young(view.body, self._now())
        return 0.0 if settled else self._patience.propagation

    def _not_taken(self, problem: Problem) -> Problem:
        if self._machine.ssh.key:
            return problem
        return ActionNeeded("MVM-829", problem.cause, evidence=dict(problem.evidence))

    def _settle(self, view: InstanceView, address: str, found: LoginMetadata) -> None:
        from meshvm_tui.adapters.ssh_target import target_on_compute_engine

        place, port = self._place(), self._machine.ssh.port
        self._target = target_on_compute_engine(
            self._machine,
            address=address or view.name,
            user=self._profile_user if found.kind is LoginKind.OS_LOGIN else self._user(),
            known_as=f"compute.{view.id}",
            published=self._published.look(place, view) if self._publishes(found) else (),
            key=None if found.kind is LoginKind.OWN_KEY else self._key.private,
            connect=(lambda: self._ways.tunnel(place, view, port)) if not address else None,
            own_known_hosts=self._ways.own_known_hosts,
            secrets=self._ways.secrets,
        )


def _login_here() -> str:
    """The operator's login; "" where this computer knows no name for the user id."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
