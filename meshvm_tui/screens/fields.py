"""One line of a form as data: what it edits, when it is there, what can be picked for it."""

from __future__ import annotations

from dataclasses import dataclass

from meshvm_tui.plan_fields import Kind


@dataclass(frozen=True)
class When:
    """A condition on another field: its text is one of these."""

    path: str
    texts: tuple[str, ...]
    kind: Kind = Kind.TEXT


@dataclass(frozen=True)
class Field:
    """One line of a form. `choices` are all that is valid.

    The line takes no room unless all of `when` is true. `pick` names the question whose answers can be picked, as long
    as all of `pick_when` is true; `about` are the fields that the answer depends on, each by the name that the
    question has for it. `hints` are other hints, each for as long as its conditions are true. `default` names the
    setting of gcloud that stands in for an empty value. `begins` a group, which stands apart where there is room.
    `variant` tells two lines of the same path apart.
    """

    path: str
    label: str
    kind: Kind = Kind.TEXT
    hint: str = ""
    choices: tuple[str, ...] = ()
    pick: str = ""
    when: tuple[When, ...] = ()
    pick_when: tuple[When, ...] = ()
    about: tuple[tuple[str, str], ...] = ()
    hints: tuple[tuple[tuple[When, ...], str], ...] = ()
    default: str = ""
    begins: bool = False
    variant: str = ""

    @property
    def name(self) -> str:
        """The path as a widget's id."""
        variant = f"-{self.variant}" if self.variant else ""
        return "field-" + self.path.replace(".", "-").replace("{machine}", "machine") + variant


def switch(path: str, label: str, hint: str = "", *, when: tuple[When, ...] = (), begins: bool = False) -> Field:
    """A line for yes or no."""
    return Field(path, label, Kind.SWITCH, hint, ("yes", "no"), when=when, begins=begins)


def part(
    path: str,
    label: str,
    hint: str = "",
    *,
    pick: str = "",
    about: tuple[tuple[str, str], ...] = (),
    when: tuple[When, ...] = (),
    begins: bool = False,
) -> Field:
    """A line for a part of the plan that can be left out."""
    return Field(path, label, Kind.PART, hint, ("yes", "no"), pick=pick, about=about, when=when, begins=begins)
