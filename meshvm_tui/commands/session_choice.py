"""Which session a plan file belongs to."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.session_store import OpenSession, SessionStore


def default_name(plan: Plan) -> str:
    """What a session is called where nobody named it: as its workload, as far as a folder's name goes."""
    return plan.workload.name[:63].rstrip(".-")


def origin_of(path: Path) -> str:
    """A hash of the plan file, to know later whether it is still the same."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hold(store: SessionStore, name: str, plan: Plan, path: Path) -> OpenSession:
    """The session of that name, held and with this plan; a new one where there is none."""
    if not store.exists(name):
        return store.create(name, plan, origin=origin_of(path))
    held = store.open(name)
    held.save(replace(held.session, plan=plan, origin=origin_of(path)))
    return held
