"""ServiceAccount tokens: what is taken, and the words for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.lab.clock import Clock
from meshvm_tui.lab.tokens import TokenRejected, Tokens


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(tmp_path: Path, clock: Clock) -> Tokens:
    return Tokens(tmp_path / "tokens", clock, account_uid=lambda namespace, name: "uid-1" if name == "sa" else None)


def mint(tokens: Tokens, name: str = "sa", uid: str = "uid-1", seconds: float = 3600) -> str:
    return tokens.mint("ns", name, uid, ["istio-ca"], seconds)[0]


def rejection(tokens: Tokens, jwt: str, audience: str = "istio-ca") -> str:
    with pytest.raises(TokenRejected) as caught:
        tokens.review(jwt, audience)
    return str(caught.value)


def test_a_good_token_gives_its_claims(tokens: Tokens, clock: Clock) -> None:
    jwt, expires = tokens.mint("ns", "sa", "uid-1", ["istio-ca"], 3600)
    claims = tokens.review(jwt, "istio-ca")
    assert claims["sub"] == "system:serviceaccount:ns:sa"
    assert claims["exp"] == expires
    assert abs(expires - clock.now() - 3600) < 5


def test_the_key_outlives_the_process(tokens: Tokens, tmp_path: Path) -> None:
    assert Tokens(tmp_path / "tokens").review(mint(tokens), "istio-ca")["aud"] == ["istio-ca"]
    assert (tmp_path / "tokens" / "service-account-key.pem").stat().st_mode & 0o777 == 0o600


def test_an_expired_token(tokens: Tokens, clock: Clock) -> None:
    jwt = mint(tokens)
    clock.shift(3601)
    assert rejection(tokens, jwt) == "[invalid bearer token, service account token has expired]"


def test_a_token_of_the_future(tokens: Tokens, clock: Clock) -> None:
    jwt = mint(tokens)
    clock.shift(-3600)
    assert rejection(tokens, jwt) == "[invalid bearer token, service account token is not valid yet]"


def test_another_audience(tokens: Tokens) -> None:
    assert rejection(tokens, mint(tokens), "api") == (
        '[invalid bearer token, token audiences ["istio-ca"] is invalid for the target audiences ["api"]]'
    )


def test_an_account_that_was_made_anew(tokens: Tokens) -> None:
    assert "service account UID (uid-1) does not match claim (uid-0)" in rejection(tokens, mint(tokens, uid="uid-0"))


def test_an_account_that_is_gone(tokens: Tokens) -> None:
    assert 'serviceaccounts "gone" not found' in rejection(tokens, mint(tokens, "gone"))


def test_foreign_and_forged_tokens(tokens: Tokens, tmp_path: Path) -> None:
    header, body, signature = mint(tokens).split(".")
    for jwt in (
        mint(Tokens(tmp_path / "other")),
        f"{header}.{body[:-4]}AAAA.{signature}",
        f"{header}.{body}.",
        "not-a-token",
        "a.b.c",
        "",
    ):
        assert rejection(tokens, jwt) == "invalid bearer token"
