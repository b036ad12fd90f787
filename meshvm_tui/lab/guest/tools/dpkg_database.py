"""dpkg's own records on the VM: /var/lib/dpkg/status and info/, in dpkg's format, and reading a .deb."""

from __future__ import annotations

import io
import os
import tarfile

from meshvm_tui.lab.guest.tools import ground

STATUS = "/var/lib/dpkg/status"
INFO = "/var/lib/dpkg/info"
AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60


class BadPackage(Exception):
    """A file that is no Debian package."""


Fields = dict[str, str]


def read() -> dict[str, Fields]:
    """Every known package."""
    packages: dict[str, Fields] = {}
    for paragraph in "\n".join(ground.lines_of(STATUS)).split("\n\n"):
        fields = paragraph_of(paragraph)
        if "Package" in fields:
            packages[fields["Package"]] = fields
    return packages


def paragraph_of(text: str) -> Fields:
    """One paragraph of a control file."""
    fields: Fields = {}
    name = ""
    for line in text.splitlines():
        if line.startswith((" ", "\t")) and name:
            fields[name] += "\n" + line
        elif ":" in line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return fields


def write(packages: dict[str, Fields]) -> None:
    """Replaces the records."""
    paragraphs = ["".join(f"{name}: {value}\n" for name, value in fields.items()) for fields in packages.values()]
    ground.write(STATUS, "\n".join(paragraphs))


def info(package: str, kind: str) -> str:
    """Where a package's list, scripts and checksums lie."""
    return ground.place(f"{INFO}/{package}.{kind}")


def members(path: str) -> dict[str, bytes]:
    """The members of a .deb."""
    with open(path, "rb") as source:
        content = source.read()
    if not content.startswith(AR_MAGIC):
        raise BadPackage(f"'{path}' is not a Debian format archive")
    found, at = {}, len(AR_MAGIC)
    while at + AR_HEADER <= len(content):
        name = content[at : at + 16].decode("ascii", "replace").strip().rstrip("/")
        try:
            size = int(content[at + 48 : at + 58])
        except ValueError:
            raise BadPackage(f"'{path}': corrupt archive header") from None
        at += AR_HEADER
        if at + size > len(content):
            raise BadPackage(f"unexpected end of file in archive member header in {path}")
        found[name] = content[at : at + size]
        at += size + size % 2
    return found


def archive(found: dict[str, bytes], name: str) -> tarfile.TarFile:
    """control.tar or data.tar of a .deb, whatever compresses it."""
    for member, content in found.items():
        if member.startswith(f"{name}.tar"):
            try:
                return tarfile.open(fileobj=io.BytesIO(content))
            except tarfile.TarError as error:
                raise BadPackage(f"corrupt {member}: {error}") from None
    raise BadPackage(f"archive has no {name} member")


def lock_holder() -> bool:
    """Whether another package manager holds the lock, as the fault `dpkg-lock` says."""
    value = ground.fault("dpkg-lock")
    if value is None:
        return False
    # The fault lasts so many seconds from the first attempt, as unattended-upgrades does after a boot.
    mark = os.path.join(ground.STATE, "dpkg-lock")
    try:
        begun = os.stat(mark).st_mtime
    except OSError:
        with open(mark, "w", encoding="ascii"):
            begun = os.stat(mark).st_mtime
    import time

    return time.time() - begun < float(value or 3)
