"""The SFTP subsystem (version 3), so that scp and sftp work on a lab VM. It runs inside the VM, as the login's user."""

from __future__ import annotations

import os
import stat
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

INIT, VERSION, STATUS, HANDLE, DATA, NAME, ATTRS = 1, 2, 101, 102, 103, 104, 105
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, UNSUPPORTED = 0, 1, 2, 3, 4, 8
READ, WRITE, APPEND, CREATE, TRUNCATE, EXCLUSIVE = 1, 2, 4, 8, 16, 32
HAS_SIZE, HAS_OWNER, HAS_MODE, HAS_TIMES = 1, 2, 4, 8
LONGEST = 1 << 18


@dataclass
class Packet:
    """A request's body, read from the front."""

    data: bytes

    def number(self) -> int:
        """An unsigned 32-bit number."""
        value: int = struct.unpack_from(">I", self.data)[0]
        self.data = self.data[4:]
        return value

    def large(self) -> int:
        """An unsigned 64-bit number."""
        value: int = struct.unpack_from(">Q", self.data)[0]
        self.data = self.data[8:]
        return value

    def text(self) -> bytes:
        """A counted string."""
        length = self.number()
        value, self.data = self.data[:length], self.data[length:]
        return value


@dataclass
class Server:
    """One session's open handles."""

    files: dict[bytes, int] = field(default_factory=dict)
    folders: dict[bytes, list[bytes]] = field(default_factory=dict)
    places: dict[bytes, bytes] = field(default_factory=dict)
    count: int = 0

    def answer(self, kind: int, packet: Packet) -> bytes:
        """The reply to one request, without its length."""
        if kind == INIT:
            return struct.pack(">BI", VERSION, 3)
        number = packet.data[:4]
        packet.number()
        work = KINDS.get(kind)
        try:
            return self._reply(number, *(work(self, packet) if work else status(UNSUPPORTED)))
        except FileNotFoundError:
            return self._reply(number, *status(NO_SUCH_FILE))
        except PermissionError:
            return self._reply(number, *status(PERMISSION_DENIED))
        except (OSError, KeyError) as error:
            return self._reply(number, *status(FAILURE, str(error)))

    def _reply(self, number: bytes, kind: int, body: bytes) -> bytes:
        return bytes([kind]) + number + body

    def handle(self, path: bytes) -> tuple[bytes, tuple[int, bytes]]:
        """A new handle's name, and the reply that tells it."""
        self.count += 1
        name = str(self.count).encode()
        self.places[name] = path
        return name, (HANDLE, text(name))

    def open(self, packet: Packet) -> tuple[int, bytes]:
        """Opens a file."""
        path, wanted = packet.text(), packet.number()
        mode = attributes(packet).get(HAS_MODE, (0o644,))[0]
        flags = os.O_RDWR if wanted & READ and wanted & WRITE else os.O_WRONLY if wanted & WRITE else os.O_RDONLY
        for bit, flag in ((APPEND, os.O_APPEND), (CREATE, os.O_CREAT), (TRUNCATE, os.O_TRUNC), (EXCLUSIVE, os.O_EXCL)):
            flags |= flag if wanted & bit else 0
        file = os.open(path, flags, mode & 0o7777)
        name, reply = self.handle(path)
        self.files[name] = file
        return reply

    def close(self, packet: Packet) -> tuple[int, bytes]:
        """Closes a file or a folder."""
        name = packet.text()
        if name in self.files:
            os.close(self.files.pop(name))
        self.folders.pop(name, None)
        return status(OK)

    def read(self, packet: Packet) -> tuple[int, bytes]:
        """A part of a file."""
        name, offset, length = packet.text(), packet.large(), packet.number()
        data = os.pread(self.files[name], min(length, LONGEST // 2), offset)
        return (DATA, text(data)) if data else status(EOF)

    def write(self, packet: Packet) -> tuple[int, bytes]:
        """Writes a part of a file."""
        name, offset = packet.text(), packet.large()
        os.pwrite(self.files[name], packet.text(), offset)
        return status(OK)

    def opendir(self, packet: Packet) -> tuple[int, bytes]:
        """Opens a folder."""
        path = packet.text()
        entries = [b".", b"..", *os.listdir(path)]
        name, reply = self.handle(path)
        self.folders[name] = entries
        return reply

    def readdir(self, packet: Packet) -> tuple[int, bytes]:
        """The next entries of a folder."""
        name = packet.text()
        entries, self.folders[name] = self.folders[name][:100], self.folders[name][100:]
        return names([(entry, os.path.join(self.places[name], entry)) for entry in entries]) if entries else status(EOF)

    def fstat(self, packet: Packet) -> tuple[int, bytes]:
        """What an open file is."""
        return ATTRS, shown(os.fstat(self.files[packet.text()]))

    def fsetstat(self, packet: Packet) -> tuple[int, bytes]:
        """Changes an open file's mode, size or times."""
        return change(self.places[packet.text()], packet)


def attributes(packet: Packet) -> dict[int, tuple[int, ...]]:
    """The attributes of a request, by flag."""
    flags = packet.number()
    found: dict[int, tuple[int, ...]] = {}
    if flags & HAS_SIZE:
        found[HAS_SIZE] = (packet.large(),)
    if flags & HAS_OWNER:
        found[HAS_OWNER] = (packet.number(), packet.number())
    if flags & HAS_MODE:
        found[HAS_MODE] = (packet.number(),)
    if flags & HAS_TIMES:
        found[HAS_TIMES] = (packet.number(), packet.number())
    return found


def change(path: bytes, packet: Packet) -> tuple[int, bytes]:
    """Changes a file's mode, size or times."""
    wanted = attributes(packet)
    if HAS_SIZE in wanted:
        os.truncate(path, wanted[HAS_SIZE][0])
    if HAS_MODE in wanted:
        os.chmod(path, wanted[HAS_MODE][0] & 0o7777)
    if HAS_TIMES in wanted:
        os.utime(path, (wanted[HAS_TIMES][0], wanted[HAS_TIMES][1]))
    return status(OK)


def text(value: bytes) -> bytes:
    """A counted string."""
    return struct.pack(">I", len(value)) + value


def status(code: int, words: str = "") -> tuple[int, bytes]:
    """How a request ended."""
    return STATUS, struct.pack(">I", code) + text(words.encode()) + text(b"")


def shown(found: os.stat_result) -> bytes:
    """A file's attributes."""
    flags = HAS_SIZE | HAS_OWNER | HAS_MODE | HAS_TIMES
    times = (int(found.st_atime), int(found.st_mtime))
    return struct.pack(">IQIIIII", flags, found.st_size, found.st_uid, found.st_gid, found.st_mode, *times)


def names(entries: list[tuple[bytes, bytes]]) -> tuple[int, bytes]:
    """Names with their long form and attributes."""
    body = struct.pack(">I", len(entries))
    for name, path in entries:
        found = os.lstat(path)
        long = f"{stat.filemode(found.st_mode)} {found.st_nlink} {found.st_size} ".encode() + name
        body += text(name) + text(long) + shown(found)
    return NAME, body


def real_path(_: Server, packet: Packet) -> tuple[int, bytes]:
    """A path as it is from the root."""
    path = os.path.realpath(packet.text() or b".")
    return NAME, struct.pack(">I", 1) + text(path) + text(path) + struct.pack(">I", 0)


def read_link(_: Server, packet: Packet) -> tuple[int, bytes]:
    """Where a link leads."""
    target = os.readlink(packet.text())
    return NAME, struct.pack(">I", 1) + text(target) + text(target) + struct.pack(">I", 0)


def done(work: Callable[[Packet], object]) -> Callable[[Server, Packet], tuple[int, bytes]]:
    """A request that only ends well or not."""

    def run(_: Server, packet: Packet) -> tuple[int, bytes]:
        work(packet)
        return status(OK)

    return run


KINDS: dict[int, Callable[[Server, Packet], tuple[int, bytes]]] = {
    3: Server.open,
    4: Server.close,
    5: Server.read,
    6: Server.write,
    7: lambda _, packet: (ATTRS, shown(os.lstat(packet.text()))),
    8: Server.fstat,
    9: lambda _, packet: change(packet.text(), packet),
    10: Server.fsetstat,
    11: Server.opendir,
    12: Server.readdir,
    13: done(lambda packet: os.unlink(packet.text())),
    14: done(lambda packet: os.mkdir(packet.text(), 0o755)),
    15: done(lambda packet: os.rmdir(packet.text())),
    16: real_path,
    17: lambda _, packet: (ATTRS, shown(os.stat(packet.text()))),
    18: done(lambda packet: os.rename(packet.text(), packet.text())),
    19: read_link,
}


def main(_: list[str]) -> int:
    """Serves until standard input ends."""
    server, source, out = Server(), sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(5)) == 5:
        length, kind = struct.unpack(">IB", head)
        if length > LONGEST:
            return 1
        reply = server.answer(kind, Packet(source.read(length - 1)))
        out.write(struct.pack(">I", len(reply)) + reply)
        out.flush()
    return 0
