"""Methods of the APIs by path, and what one call of a method is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

JSON = dict[str, Any]
COMPUTE = "compute/v1/"
_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Call:
    """One request that was let in. `values` are those of its path; `query` has the last value of each name, and
    `queries` all of them; `email` is who asks."""

    path: str
    values: Mapping[str, str]
    query: Mapping[str, str]
    queries: Mapping[str, Sequence[str]]
    body: JSON
    email: str

    @property
    def zone(self) -> str:
        """The zone of the path; "" for what is global."""
        return self.values.get("zone", "")

    @property
    def resource(self) -> str:
        """What is asked for, as Compute Engine's errors name it: without the API before it."""
        return self.path.strip("/").removeprefix(COMPUTE)


@dataclass(frozen=True)
class Route:
    """One method: its path's template without the leading slash, its name as in the API's documents, what answers it,
    and the permissions that it needs: always, and for this body (`more`). `changes` are methods that take a
    requestId."""

    api: str
    verb: str
    template: str
    name: str
    answer: Callable[[Call], JSON | Awaitable[JSON]]
    permissions: tuple[str, ...] = ()
    changes: bool = False
    more: Callable[[JSON], tuple[str, ...]] = lambda body: ()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The template as a pattern of a whole path."""
        parts = _VARIABLE.split(self.template)
        literal = [re.escape(part) if index % 2 == 0 else f"(?P<{part}>[^/:]+)" for index, part in enumerate(parts)]
        return re.compile("/" + "".join(literal))


def compute(
    verb: str,
    template: str,
    name: str,
    answer: Callable[[Call], JSON | Awaitable[JSON]],
    *permissions: str,
    changes: bool = False,
) -> Route:
    """A method of Compute Engine, below a project."""
    return Route("compute", verb, f"{COMPUTE}projects/{{project}}/{template}", name, answer, permissions, changes)
