"""What a machine has of its five files beside what it should have, and whether it needs a token.

A token is wanted only while the VM has no valid certificate of this identity, or where the one on it was altered.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshvm_tui.steps.agent_failure import token_subject
from meshvm_tui.steps.guest_facts import guest_view
from meshvm_tui.steps.guest_view import OWNED, PLACES, PROXY_USER, TOKEN, Place
from meshvm_tui.steps.mesh_facts import mesh_facts
from meshvm_tui.steps.saved_files import claims_are_good
from meshvm_tui.steps.wanted_files import differing, wanted_files
from meshvm_tui.steps.workload_certificate import WorkloadCertificate, read_certificate, spiffe_id

if TYPE_CHECKING:
    from meshvm_tui.istio.bootstrap_files import Deviation
    from meshvm_tui.ports import ReadPorts
    from meshvm_tui.steps.guest_view import GuestView
    from meshvm_tui.steps.step import Scope

TOKEN_MARGIN = 120.0
"""Seconds that a token must last for the agent to use it."""
MODES = {"cluster.env": "644", "mesh.yaml": "644", "root-cert.pem": "644", TOKEN: "600"}
KEY_PLACE = "/etc/certs/key.pem"


@dataclass(frozen=True)
class BootstrapState:
    """`wanted` is empty while the files cannot be made; `waits_for` and `message` then say why.

    `differences` name file and key, `other_changes` what else is put right; `place_token` says that the VM needs one.
    """

    view: GuestView
    wanted: Mapping[str, str]
    waits_for: str = ""
    message: str = ""
    differences: tuple[Deviation, ...] = ()
    wrong_places: tuple[str, ...] = ()
    other_changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    token_reason: str = ""
    certificate: WorkloadCertificate | None = None
    identity: str = ""
    foreign_certificate: str = field(default="")

    @property
    def place_token(self) -> bool:
        """Whether a token must be on the VM that is not there now."""
        return bool(self.token_reason)

    @property
    def to_place(self) -> tuple[str, ...]:
        """Everything that is not as it should be, in words."""
        token = (f"{TOKEN}: {self.token_reason}",) if self.token_reason else ()
        return (*map(str, self.differences), *self.wrong_places, *self.other_changes, *token)

    @property
    def needs_restart(self) -> bool:
        """Whether the agent must be started anew. A token alone it reads by itself, when it needs one."""
        return bool(self.differences or self.wrong_places or self.other_changes)

    @property
    def names_to_place(self) -> tuple[str, ...]:
        """The files to write, in their order."""
        named = {item.file for item in self.differences}
        named |= {line.partition(":")[0] for line in (*self.wrong_places, *self.other_changes)}
        return (*(name for name in self.wanted if name in named), *((TOKEN,) if self.place_token else ()))

    def exists(self, name: str) -> bool:
        """Whether the VM has the file, or our block in /etc/hosts."""
        return bool(self.view.files.get(name)) if name != TOKEN else self.view.has_token

    def found(self, name: str) -> str:
        """Its content on the VM; "" where it is not, and always for the token."""
        return self.view.files.get(name, "")

    def diff(self, name: str) -> str:
        """What would change in a file; of the token nothing but why."""
        if name == TOKEN:
            return f"+{TOKEN} ({self.token_reason})\n"
        before, after = self.found(name).splitlines(keepends=True), self.wanted[name].splitlines(keepends=True)
        lines = difflib.unified_diff(before, after, f"VM:{PLACES[name]}", f"wanted:{name}")
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def bootstrap_state(ports: ReadPorts, scope: Scope) -> BootstrapState:
    """The state of this machine; read once until something was applied."""
    return scope.recall("bootstrap-state", lambda: _compute(ports, scope))


def _compute(ports: ReadPorts, scope: Scope) -> BootstrapState:
    view = guest_view(ports, scope)
    wanted = wanted_files(ports, scope)
    if not wanted.files:
        return BootstrapState(view, {}, wanted.waits_for, wanted.message)
    workload = scope.plan.workload
    identity = spiffe_id(mesh_facts(ports, scope).trust_domain, workload.namespace, workload.service_account)
    certificate = read_certificate(view.certificate_chain, wanted.files["root-cert.pem"])
    valid = certificate is not None and certificate.is_valid_for(identity, view.now) and KEY_PLACE in view.places
    foreign = certificate is not None and (certificate.identity != identity or not certificate.trusted)
    return BootstrapState(
        view=view,
        wanted=wanted.files,
        differences=differing(wanted.files, view),
        wrong_places=_wrong_places(view),
        other_changes=_other_changes(view, wanted.files["hosts"], certificate if foreign else None),
        warnings=_warnings(view, certificate if valid else None),
        token_reason=_token_reason(view, valid, token_subject(scope.plan)),
        certificate=certificate,
        identity=identity,
        foreign_certificate=certificate.sha256 if certificate and foreign else "",
    )


def _token_reason(view: GuestView, has_certificate: bool, subject: str) -> str:
    """Why the VM needs a token; "" where it needs none."""
    if view.has_token and view.token_was_altered:
        return "not the one that was copied"
    place = view.places.get(PLACES[TOKEN])
    if place is not None and place != Place(PROXY_USER, MODES[TOKEN]):
        return f"owner {place.owner} and mode {place.mode}, wanted {PROXY_USER} and {MODES[TOKEN]}"
    if has_certificate or claims_are_good(view.token_claims, subject=subject, now=view.now, seconds=TOKEN_MARGIN):
        return ""
    return "no valid certificate of this identity and no token that lasts"


def _wrong_places(view: GuestView) -> tuple[str, ...]:
    """Files that are there with a wrong owner or mode, and folders of the wrong owner."""
    found = []
    for name, mode in MODES.items():
        place = view.places.get(PLACES[name])
        if place is not None and name != TOKEN and place != Place(PROXY_USER, mode):
            found.append(f"{name}: owner {place.owner} and mode {place.mode}, wanted {PROXY_USER} and {mode}")
    return tuple(found)


def _other_changes(view: GuestView, hosts: str, foreign: WorkloadCertificate | None) -> tuple[str, ...]:
    address = hosts.split(maxsplit=1)[0] if hosts.split() else ""
    found = [
        f"owner of {folder}: {view.places[folder].owner} becomes {PROXY_USER}"
        for folder in OWNED
        if folder in view.places and view.places[folder].owner != PROXY_USER
    ]
    shadowing = [line for line in view.other_istiod_lines if line.split()[0] != address]
    found += [f"hosts: line outside of our block put aside: {line}" for line in shadowing]
    if foreign is not None:
        whose = foreign.identity or "an unknown identity"
        found.append(f"/etc/certs: the certificate of {whose} is moved aside")
    return tuple(found)


def _warnings(view: GuestView, certificate: WorkloadCertificate | None) -> tuple[str, ...]:
    if certificate is None or view.has_token:
        return ()
    hours = (certificate.not_after - view.now) / 3600
    return (f"istio-token is gone, as after a reboot; the certificate lasts {hours:.0f} h more",)
