"""A machine's bootstrap files on the operator's own disk: 0600 in a 0700 folder, each whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from meshvm_tui.steps.guest_view import TOKEN, claims_of


def save(folder: Path, files: Mapping[str, str], token: str) -> None:
    """Writes the files, and the token where there is one; an old token goes."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    for name, content in files.items():
        _write(folder / name, content)
    if token:
        _write(folder / TOKEN, token)
    else:
        remove_token(folder)


def load(folder: Path | None, names: tuple[str, ...]) -> dict[str, str]:
    """The files that are there, by name; nothing where there is no folder."""
    found = {}
    for name in names if folder else ():
        try:
            found[name] = (Path(folder or "") / name).read_bytes().decode(errors="replace")
        except OSError:
            continue
    return found


def remove_token(folder: Path | None) -> None:
    """Takes the token off this computer, once the VM has its certificate."""
    if folder is not None:
        (folder / TOKEN).unlink(missing_ok=True)


def token_is_good(token: str, *, subject: str, now: float, seconds: float) -> bool:
    """Whether a token is the workload's, for istiod, and lasts so many seconds more."""
    parts = token.split(".")
    return len(parts) == 3 and claims_are_good(claims_of(parts[1]), subject=subject, now=now, seconds=seconds)


def claims_are_good(claims: Mapping[str, object], *, subject: str, now: float, seconds: float) -> bool:
    """The same, of a token of which only the claims are known."""
    audiences, expires = claims.get("aud"), claims.get("exp")
    for_istiod = audiences == "istio-ca" or (isinstance(audiences, list) and "istio-ca" in audiences)
    lasting = isinstance(expires, int | float) and expires > now + seconds
    return for_istiod and lasting and claims.get("sub") == subject


def _write(path: Path, content: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
