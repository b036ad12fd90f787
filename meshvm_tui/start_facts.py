"""What an onboarding needs of this computer, as home shows it while it is looked at: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fact(StrEnum):
    """What is looked at, in the order of the onboarding."""

    CLUSTER = "cluster"
    ACCESS = "access"
    ISTIOCTL = "istioctl"
    SSH = "ssh"
    ROOT = "root"


class Found(StrEnum):
    """How it stands: `later` is what cannot or need not be known yet."""

    LOOKING = "looking"
    THERE = "there"
    MISSING = "missing"
    LATER = "later"


@dataclass(frozen=True)
class StartFact:
    """One thing that was looked at."""

    fact: Fact
    found: Found
    words: str
