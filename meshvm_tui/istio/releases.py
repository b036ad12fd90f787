"""Istio's version numbers, and which releases this product was made for."""

from __future__ import annotations

import re

OLDEST, NEWEST = (1, 22), (1, 31)
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


def version_parts(version: str) -> tuple[int, int, int] | tuple[()]:
    """Major, minor and patch of `1.30.3`, `v1.30.3-distroless` or `1.30`; empty where it is no such number."""
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else ()


def is_supported(parts: tuple[int, int, int] | tuple[()]) -> bool:
    """Whether it is a release that this was made for: 1.22 to 1.31."""
    return bool(parts) and OLDEST <= parts[:2] <= NEWEST
