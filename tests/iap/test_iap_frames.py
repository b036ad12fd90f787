"""The relay's frames, and the bookkeeping of who has what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from meshvm_tui.adapters.iap_frames import (
    ACK,
    CONNECTED,
    DATA,
    RECONNECTED,
    Frame,
    FrameError,
    Ledger,
    ack_frame,
    data_frame,
    decode,
)


def test_frames_as_they_are_on_the_wire() -> None:
    assert data_frame(b"abc") == bytes.fromhex("0004 00000003 616263")
    assert ack_frame(40_000) == bytes.fromhex("0007 0000000000009c40")
    assert decode(bytes.fromhex("0001 00000003 736964")) == Frame(CONNECTED, b"sid")
    assert decode(bytes.fromhex("0002 0000000000000005")) == Frame(RECONNECTED, count=5)
    assert decode(bytes.fromhex("0004 00000001 61 ffff")) == Frame(DATA, b"a")
    assert decode(bytes.fromhex("0007 0000000100000000")) == Frame(ACK, count=1 << 32)
    assert decode(b"\x00\x63") == Frame(99)


@pytest.mark.parametrize(
    "message", [b"", b"\x00", b"\x00\x01", b"\x00\x04\x00\x00\x00\x02a", b"\x00\x07\x00", data_frame(b"x" * 16385)]
)
def test_a_frame_that_is_cut_short_or_too_long_is_refused(message: bytes) -> None:
    with pytest.raises(FrameError):
        decode(message)


def test_it_is_time_to_acknowledge_beyond_two_full_frames() -> None:
    ledger = Ledger()
    assert not ledger.take(b"x" * 16384)
    assert not ledger.take(b"x" * 16384)
    assert ledger.take(b"x")


@pytest.mark.parametrize("count", [3, 11])
def test_the_relay_cannot_have_less_than_before_or_more_than_was_sent(count: int) -> None:
    ledger = Ledger()
    ledger.keep(b"0123456789")
    ledger.confirm(4)
    with pytest.raises(FrameError):
        ledger.confirm(count)


@given(some.lists(some.tuples(some.binary(min_size=1, max_size=40), some.floats(0, 1)), max_size=30))
def test_what_is_not_confirmed_is_what_would_be_sent_again(steps: list[tuple[bytes, float]]) -> None:
    ledger, everything = Ledger(), b""
    for data, share in steps:
        ledger.keep(data)
        everything += data
        ledger.confirm(ledger.confirmed + int(share * (ledger.sent - ledger.confirmed)))
        assert b"".join(ledger.to_send_again()) == everything[ledger.confirmed :]
        assert ledger.sent == len(everything)
