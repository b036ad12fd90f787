"""Secrets are taken out of whatever goes through."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshvm_tui.events import StepLogged, StepState
from meshvm_tui.redaction import redact, redacted

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"
KEY = "-----BEGIN EC PRIVATE KEY-----\nMIIEabc\n-----END EC PRIVATE KEY-----"
words = st.text(alphabet=" abc.:\n\"'", max_size=20)


@given(before=words, after=words)
def test_a_token_never_stays(before: str, after: str) -> None:
    assert redact(f"{before} {TOKEN}{after}").count("c3lz") == 0
    assert "eyJzdWIi" not in redact(f"{before} {TOKEN}{after}")


@given(before=words, after=words)
def test_a_private_key_never_stays(before: str, after: str) -> None:
    assert "MIIEabc" not in redact(before + KEY + after)
    assert "MIIEabc" not in redact(before + KEY.replace("\n", "\\n") + after)


def test_a_key_that_is_cut_off_goes_whole() -> None:
    assert redact("x -----BEGIN PRIVATE KEY-----\nMIIEabc") == "x <private key removed>"


def test_a_certificate_stays() -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----"
    assert redact(text) == text


def test_values_are_walked_through_and_keep_their_types() -> None:
    value = {"a": [TOKEN, 1, None], "b": (StepState.FAILED, KEY)}
    assert redacted(value) == {"a": ["<token removed>", 1, None], "b": (StepState.FAILED, "<private key removed>")}
    event = StepLogged("t", "s", "step", "", "guest", TOKEN)
    assert redacted(event).text == "<token removed>"
    clean = StepLogged("t", "s", "step", "", "guest", "fine")
    assert redacted(clean) is clean
