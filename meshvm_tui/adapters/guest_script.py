"""What is sent to a VM: the one script, its values as shell variables, and the tar that carries them.

The commands below are the only ones that are ever run over SSH. Nothing variable stands in them: values, files and
the password for sudo go over standard input.
"""

from __future__ import annotations

import io
import re
import shlex
import tarfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

PARTS = (
    "guest_base.sh",
    "guest_observe.sh",
    "guest_package.sh",
    "guest_apply.sh",
    "guest_guard.sh",
    "guest_samples.sh",
    "guest_main.sh",
)

OBSERVE_COMMAND = (
    "exec sh -c '"
    'if [ "$(id -u)" != 0 ] && sudo -n true </dev/null >/dev/null 2>&1; '
    'then exec sudo -n sh -s -- - "$SSH_CONNECTION"; fi; '
    'exec sh -s -- - "$SSH_CONNECTION"'
    "'"
)
"""Runs the script from standard input: values, then the script. Under sudo where that asks for no password."""

OBSERVE_AND_AUTHENTICATE = (
    "exec sh -c '"
    "LC_ALL=C; export LC_ALL; IFS= read -r p; "
    # One line and then the end: a wrong password is one failed try, not as many as the script has lines.
    r'printf "%s\n" "$p" | sudo -k -S -p "" true || exit; '
    r'{ printf "%s\n" "$p" "#meshvm script"; exec cat; } | sudo -k -S -p "" sh -c '
    # On from the mark, so that a password which sudo did not want is never read as a command.
    r'"while IFS= read -r l; do case \$l in \#meshvm\ script) break;; esac; done; exec sh -s -- - \"\$1\"" '
    'sh "$SSH_CONNECTION"'
    "'"
)
"""The same where sudo wants a password, which is the first line of standard input (and never an argument)."""

EXECUTE_COMMAND = (
    "exec sh -c '"
    'umask 077; trap "" PIPE; trap "exit 143" HUP TERM; '
    'd=$(mktemp -d /tmp/.meshvm.XXXXXXXX) || exit 1; trap "rm -rf $d" EXIT; '
    'if tar -xf - -C "$d" --no-same-owner; then '
    'if [ "$(id -u)" = 0 ]; then sh "$d/guest.sh" "$d" "$SSH_CONNECTION"; '
    'else LC_ALL=C sudo -n sh "$d/guest.sh" "$d" "$SSH_CONNECTION"; fi; '
    'else echo "the files did not arrive whole" >&2; false; fi'
    "'"
)
"""Unpacks a tar from standard input into a fresh 0700 folder and runs the script from there as root.

Where the connection is cut nobody listens any more: words that reach no one must not end the clean-up."""

EXECUTE_AND_AUTHENTICATE = (
    "exec sh -c '"
    'IFS= read -r p; umask 077; trap "" PIPE; trap "exit 143" HUP TERM; '
    'd=$(mktemp -d /tmp/.meshvm.XXXXXXXX) || exit 1; trap "rm -rf $d" EXIT; '
    'if tar -xf - -C "$d" --no-same-owner; then '
    r'printf "%s\n" "$p" | LC_ALL=C sudo -k -S -p "" sh "$d/guest.sh" "$d" "$SSH_CONNECTION"; '
    'else echo "the files did not arrive whole" >&2; false; fi'
    "'"
)
"""The same where sudo wants a password, which is the first line of standard input."""

PROOF_COMMAND = "true"
"""What is run over the second connection, after the sidecar's start."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_FILE = re.compile(r"[a-z0-9][a-z0-9.-]*")


@cache
def script() -> str:
    """guest.sh whole: its parts joined."""
    folder = files("meshvm_tui.adapters")
    return "\n".join(folder.joinpath(part).read_text(encoding="utf-8") for part in PARTS)


def variables(mode: str, values: Mapping[str, str]) -> str:
    """Values as shell variables MV_<NAME>, quoted so that nothing in them is ever executed."""
    lines = [f"MV_MODE={shlex.quote(mode)}"]
    for name, value in sorted(values.items()):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a value of guest.sh")
        lines.append(f"MV_{name}={shlex.quote(value)}")
    return "\n".join(lines) + "\n"


def observation(values: Mapping[str, str]) -> bytes:
    """What goes to standard input of `OBSERVE_COMMAND`."""
    return (variables("observe", values) + script()).encode()


def archive(
    mode: str, values: Mapping[str, str], contents: Mapping[str, bytes], paths: Mapping[str, Path]
) -> Iterator[bytes]:
    """The tar for `EXECUTE_COMMAND`, in pieces. The script comes last: without all before it, nothing runs."""
    small = {**contents, "values.sh": variables(mode, values).encode()}
    for name, path in paths.items():
        yield from _member_from_path(name, path)
    for name in sorted(small):
        yield _member(name, small[name])
    yield _member("guest.sh", script().encode())
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _header(name: str, size: int) -> bytes:
    if not _FILE.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a file that is sent")
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info.tobuf(tarfile.USTAR_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % tarfile.BLOCKSIZE)


def _member(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    out.write(_header(name, len(content)))
    out.write(content)
    out.write(_padding(len(content)))
    return out.getvalue()


def _member_from_path(name: str, path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    yield _header(name, size)
    with path.open("rb") as source:
        while piece := source.read(1 << 18):
            yield piece
    yield _padding(size)
