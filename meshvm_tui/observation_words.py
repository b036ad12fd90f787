"""Which details of an observation are worth saying beside its message: what stands there already is not said twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshvm_tui.events import Observation

LISTS = ("may", "may not")
"""Lists for logs and `--json`; for people another detail says how many, and findings name what lacks."""
STATES = ("there", "not there", "different")
"""What a detail says of an object that the message names."""
SHORT = 3
"""Letters up to which a value may stand in a message by chance."""


def worth_saying(observation: Observation, message: str) -> Iterator[tuple[str, str]]:
    """The details that say more than the message does."""
    for name, value in observation.details:
        said = name in message if value in STATES else len(value) > SHORT and value in message
        if value and name not in LISTS and not said:
            yield name, value
