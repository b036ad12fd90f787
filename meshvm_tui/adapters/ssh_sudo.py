"""The password that sudo wants on one machine: asked for when it is wanted, in memory while it is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from meshvm_tui.adapters.ssh_errors import WANTS_PASSWORD, sudo_evidence
from meshvm_tui.ports import SecretKind
from meshvm_tui.problems import ActionNeeded

if TYPE_CHECKING:
    from meshvm_tui.adapters.ssh_target import SshTarget

TRIES = 3
"""How often it is asked for, as sudo does."""
WRONG = "MVM-434"
T = TypeVar("T")


class SudoPassword:
    """`target` finds the machine, whose user is meant. `known` is "" until a password has worked."""

    def __init__(self, target: Callable[[], SshTarget], cancelled: Callable[[], bool]) -> None:
        self._target = target
        self._cancelled = cancelled
        self.known = ""

    def with_password(self, work: Callable[[str], T], words: str) -> T:
        """What `work` gives with a password that the operator gave; `words` are sudo's own, which ask for it."""
        target = self._target()
        where, secrets = target.where, target.secrets
        problem = ActionNeeded("MVM-413", f"{where}: {words}", evidence=sudo_evidence(where))
        if secrets is None:
            raise problem
        for _ in range(TRIES):
            given = secrets.ask(SecretKind.SUDO, where, self._cancelled)
            if given is None:
                break
            try:
                result = work(given)
            except ActionNeeded as failure:
                if failure.code != WRONG:
                    raise
                problem = failure
                secrets.reject(SecretKind.SUDO, where)
                continue
            self.known = given
            return result
        raise problem


def asks_for_password(topics: Mapping[str, Any]) -> str:
    """sudo's words where an observation was made without root because of a password; "" otherwise."""
    who = topics.get("who", {})
    words = str(who.get("words", ""))
    asks = who.get("privilege") == "refused" and any(sign in words.lower() for sign in WANTS_PASSWORD)
    return words if asks else ""
