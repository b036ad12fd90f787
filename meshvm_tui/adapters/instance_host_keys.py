"""The host keys that instances publish as guest attributes, asked for as seldom as that can be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from meshvm_tui.adapters.instance_waits import Patience, is_young
from meshvm_tui.gcp.ssh_keys import host_keys
from meshvm_tui.problems import Problem

if TYPE_CHECKING:
    from meshvm_tui.compute_ports import ComputeReader
    from meshvm_tui.gcp.instance import InstanceView
    from meshvm_tui.gcp.places import Place

AGAIN_SECONDS = 60.0
"""While an instance publishes none, a look asks again after so long."""


class PublishedKeys:
    """By instance id: one that is made anew under the same name has other keys."""

    def __init__(self, compute: Callable[[], ComputeReader], patience: Patience, now: Callable[[], float]) -> None:
        self._compute = compute
        self._patience = patience
        self._now = now
        self._found: dict[str, tuple[str, ...]] = {}
        self._asked: dict[str, float] = {}

    def known(self, view: InstanceView) -> tuple[str, ...]:
        """What was found so far, as `<type> <base64>`; asks nothing."""
        return self._found.get(view.id, ())

    def look(self, place: Place, view: InstanceView) -> tuple[str, ...]:
        """What is known, or else what it publishes now."""
        if not self.known(view) and self._now() - self._asked.get(view.id, -AGAIN_SECONDS) >= AGAIN_SECONDS:
            self._ask(place, view)
        return self.known(view)

    def wait(
        self,
        place: Place,
        view: InstanceView,
        said: Callable[[str], None],
        cancelled: Callable[[], bool],
        *,
        until: float,
    ) -> None:
        """The guest agent writes them at the first boot, so an instance that runs for long and has none gets none."""
        patience = self._patience.host_keys if is_young(view.body, self._now()) else 0.0
        for _ in self._patience.moments(patience, cancelled, until):
            self._ask(place, view)
            if self.known(view):
                return
            said("the instance has not published its host keys yet")

    def _ask(self, place: Place, view: InstanceView) -> None:
        """What may not be read counts as not published: the host key is then compared as SSH does."""
        self._asked[view.id] = self._now()
        try:
            attributes = self._compute().guest_attributes(place.project, place.zone, view.name, "hostkeys/")
        except Problem as problem:
            if problem.code != "MVM-805":
                raise
            return
        if found := host_keys(dict(attributes)):
            self._found[view.id] = found
