"""which."""

from __future__ import annotations

import shutil


def main(arguments: list[str]) -> int:
    """which NAME..."""
    found = [shutil.which(name) for name in arguments if not name.startswith("-")]
    print("\n".join(path for path in found if path), end="\n" if any(found) else "")
    return 0 if found and all(found) else 1
