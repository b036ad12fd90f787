"""A machine's five files for showing: what each holds, and how what the VM has differs. Never a byte of a token."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meshvm_tui.events import FileStanding, FileView, Observation
from meshvm_tui.steps.guest_view import PLACES, TOKEN, claims_of

if TYPE_CHECKING:
    from meshvm_tui.steps.bootstrap_state import BootstrapState

ORDER = ("root-cert.pem", TOKEN, "cluster.env", "mesh.yaml", "hosts")


def with_files(observation: Observation, state: BootstrapState, token: str = "") -> Observation:
    """The observation with the files that belong to it; `token` is one that was made and is not on the VM yet."""
    views = tuple(_token(state, token) if name == TOKEN else _text(state, name) for name in ORDER)
    return replace(observation, files=views)


def _text(state: BootstrapState, name: str) -> FileView:
    found, place = state.found(name), PLACES[name]
    if not state.wanted:
        note = "as it is on the VM; what is wanted is not known yet" if found else ""
        return FileView(name, place, FileStanding.UNKNOWN, content=found, note=note)
    wanted = state.wanted[name]
    said = tuple(_about(name, line) for line in (*map(str, state.differences), *state.wrong_places) if _of(name, line))
    if not state.exists(name):
        return FileView(name, place, FileStanding.MISSING, content=wanted)
    standing = FileStanding.DIFFERS if said else FileStanding.SAME
    return FileView(
        name, place, standing, content=wanted, diff=state.diff(name) if found != wanted else "", differs=said
    )


def _token(state: BootstrapState, made: str) -> FileView:
    place, on_vm = PLACES[TOKEN], state.view.has_token
    if not state.wanted:
        return FileView(TOKEN, place, FileStanding.UNKNOWN, expires=_end(state.view.token_claims) if on_vm else 0.0)
    if made:
        note = "made, and ready to be copied"
        return FileView(TOKEN, place, FileStanding.MISSING, note=note, expires=token_end(made))
    if state.place_token:
        standing = FileStanding.DIFFERS if on_vm else FileStanding.MISSING
        differs = (state.token_reason,) if on_vm else ()
        note = "" if on_vm else "one is made right before it is copied"
        expires = _end(state.view.token_claims) if on_vm else 0.0
        return FileView(TOKEN, place, standing, differs=differs, note=note, expires=expires)
    if on_vm:
        return FileView(TOKEN, place, FileStanding.SAME, expires=_end(state.view.token_claims))
    return FileView(TOKEN, place, FileStanding.NOT_NEEDED, note="the VM has its certificate")


def token_end(token: str) -> float:
    """When a token ends, by its own word; 0 where it says nothing."""
    parts = token.split(".")
    return _end(claims_of(parts[1])) if len(parts) == 3 else 0.0


def _end(claims: object) -> float:
    end = claims.get("exp") if isinstance(claims, dict) else None
    return float(end) if isinstance(end, int | float) else 0.0


def _of(name: str, line: str) -> bool:
    return line.startswith((f"{name}:", f"{name} "))


def _about(name: str, line: str) -> str:
    return line.removeprefix(name).lstrip(": ")
