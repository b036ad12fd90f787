"""The frames of IAP's TCP forwarding (SSH Relay v4), and which bytes each side is known to have.

Binary websocket messages, one frame each, big-endian, a tag of 16 bits first: 1 CONNECT_SUCCESS_SID (length 32, sid),
2 RECONNECT_SUCCESS_ACK (64 bits: bytes that the relay has), 4 DATA (length 32, at most 16384 bytes), 7 ACK (64 bits:
all bytes received so far). A tag that is not known is passed over.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

CONNECTED, RECONNECTED, DATA, ACK = 1, 2, 4, 7
LONGEST_DATA = 16384
ACK_EVERY = 2 * LONGEST_DATA
WINDOW = 4 * 1024 * 1024
"""Bytes that may be on their way without the relay having confirmed them; they are kept to be sent again."""
_TAG, _SHORT, _LONG = struct.Struct(">H"), struct.Struct(">HI"), struct.Struct(">HQ")


class FrameError(ValueError):
    """The relay does not keep to its protocol."""


@dataclass(frozen=True)
class Frame:
    """One frame: `data` of CONNECTED and DATA, `count` of RECONNECTED and ACK."""

    tag: int
    data: bytes = b""
    count: int = 0


def decode(message: bytes) -> Frame:
    """A frame as the relay sends it; what follows its length is no part of it."""
    try:
        (tag,) = _TAG.unpack_from(message)
        if tag in (CONNECTED, DATA):
            _, length = _SHORT.unpack_from(message)
            data = message[_SHORT.size : _SHORT.size + length]
            if len(data) != length or (tag == DATA and length > LONGEST_DATA):
                raise FrameError(f"a frame of tag {tag} says {length} bytes and has {len(data)}")
            return Frame(tag, data)
        if tag in (RECONNECTED, ACK):
            return Frame(tag, count=_LONG.unpack_from(message)[1])
    except struct.error as error:
        raise FrameError(f"a frame of {len(message)} bytes is cut short") from error
    return Frame(tag)


def data_frame(data: bytes) -> bytes:
    """DATA."""
    return _SHORT.pack(DATA, len(data)) + data


def ack_frame(count: int) -> bytes:
    """ACK."""
    return _LONG.pack(ACK, count)


@dataclass
class Ledger:
    """What was sent and not confirmed, and what was received and not acknowledged."""

    received: int = 0
    acknowledged: int = 0
    sent: int = 0
    confirmed: int = 0
    _unconfirmed: list[bytes] = field(default_factory=list)

    @property
    def has_room(self) -> bool:
        """Whether more may be sent before the relay confirms what it has."""
        return self.sent - self.confirmed < WINDOW

    def keep(self, data: bytes) -> None:
        """Remembers what is being sent."""
        self._unconfirmed.append(data)
        self.sent += len(data)

    def take(self, data: bytes) -> bool:
        """Counts what was received; whether it is time to acknowledge."""
        self.received += len(data)
        return self.received - self.acknowledged > ACK_EVERY

    def confirm(self, count: int) -> None:
        """The relay has so many bytes. FrameError where that cannot be."""
        if not self.confirmed <= count <= self.sent:
            raise FrameError(f"the relay confirms {count} bytes; {self.confirmed} to {self.sent} are possible")
        drop = count - self.confirmed
        self.confirmed = count
        while drop and self._unconfirmed:
            first = self._unconfirmed[0]
            if len(first) > drop:
                self._unconfirmed[0] = first[drop:]
                return
            drop -= len(self._unconfirmed.pop(0))

    def to_send_again(self) -> tuple[bytes, ...]:
        """What the relay has not confirmed, in its order."""
        return tuple(self._unconfirmed)
