"""The failure table: what goes wrong, what is said of it, and how a test makes it happen.

Titles and next actions are the catalogue's. `cause` is what the other system says, word for word; a name in braces
is a value that the test makes up and finds again there, and " … " stands for words that do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

FAULT = "`--fault {}`"


@dataclass(frozen=True)
class Row:
    """One failure. `name` is its case; `made` says how it is made, for the document."""

    name: str
    code: str
    exit_code: int
    cause: str
    made: str


@dataclass(frozen=True)
class Chapter:
    """Rows that belong together."""

    title: str
    rows: tuple[Row, ...]


def fault(name: str) -> str:
    """A fault of the lab, as the document names it."""
    return FAULT.format(name)


CLUSTER = Chapter(
    "The cluster and its credentials",
    (
        Row("no-kubeconfig", "MVM-101", 3, "no such file: {path}", "a path where no file is"),
        Row(
            "unknown-context", "MVM-102", 3, "no context '{context}' … there are: {known}", "a context of another file"
        ),
        Row(
            "kubeconfig-damaged",
            "MVM-112",
            1,
            "{path}, line 2 … found undefined alias '{alias}'",
            "a kubeconfig that is no YAML",
        ),
        Row("api-unreachable", "MVM-103", 1, "{server} … Connection refused", "a server where nobody listens"),
        Row(
            "api-unknown-name",
            "MVM-103",
            1,
            "{host} … Name or service not known",
            "a server's name that no resolver knows",
        ),
        Row(
            "api-untrusted", "MVM-104", 3, "{server} … certificate verify failed", "another authority in the kubeconfig"
        ),
        Row(
            "api-other-name",
            "MVM-104",
            3,
            "certificate is not valid for '{name}'",
            "another `tls-server-name` in the kubeconfig",
        ),
        Row("plugin-missing", "MVM-113", 3, "{plugin} is not on PATH … {hint}", "an exec plugin that is not installed"),
        Row("plugin-failing", "MVM-105", 3, "{plugin} … {words}", "an exec plugin that ends with an error"),
        Row("plugin-empty", "MVM-114", 3, "{plugin} … no JSON … {words}", "an exec plugin that prints no credential"),
        Row("api-unauthorized", "MVM-106", 3, "{words}", fault("api-401:WORDS")),
        Row(
            "api-forbidden",
            "MVM-107",
            3,
            'workloadgroups.networking.istio.io "{group}" is forbidden: User "lab-admin" cannot patch resource',
            fault("api-403:patch:workloadgroups"),
        ),
        Row("api-failing", "MVM-119", 1, "Internal error occurred: {words}", fault("api-500:WORDS")),
    ),
)

CHAPTERS = (CLUSTER,)


def rows() -> tuple[Row, ...]:
    """All rows."""
    return tuple(row for chapter in CHAPTERS for row in chapter.rows)
