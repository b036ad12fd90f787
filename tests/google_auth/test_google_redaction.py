"""The last gate knows Google's tokens: they go, and what only looks a little like them stays."""

from __future__ import annotations

import pytest

from meshvm_tui.redaction import WITHOUT_TOKEN, redact


@pytest.mark.parametrize("token", ["ya29.a0AfB_by-C1.d2", "ya29.lab.eyJlIjoi.Zm9v", "1//0gAbCdEfGhIjKlMn-_xYz012345"])
@pytest.mark.parametrize("around", ["{}", "Authorization: Bearer {}", '{{"token": "{}"}}', "a={}&b=c", "'{}',"])
def test_a_token_goes(token: str, around: str) -> None:
    said = redact(around.format(token))
    assert said == around.format(WITHOUT_TOKEN)


@pytest.mark.parametrize(
    "text", ["http://127.0.0.1//some-long-path", "wss://h1//aaaaaaaaaaaaaaaa", "1//2", "maya29.example"]
)
def test_what_is_none_stays(text: str) -> None:
    assert redact(text) == text
