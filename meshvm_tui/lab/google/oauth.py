"""Google's token endpoint, and tokens of other service accounts (iamcredentials.googleapis.com v1)."""

from __future__ import annotations

import re
from typing import Any

from meshvm_tui.lab.clock import rfc3339
from meshvm_tui.lab.google.catalogue import ACCOUNT, ACCOUNTS
from meshvm_tui.lab.google.errors import GoogleError, denied
from meshvm_tui.lab.google.routes import Call, Route
from meshvm_tui.lab.google.state import Cloud
from meshvm_tui.lab.google.tokens import LIFETIME, AssertionRefused, Bearer

JSON = dict[str, Any]
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLES_ENDPOINT = "https://oauth2.googleapis.com/token"
_SECONDS = re.compile(r"(\d+)s")
_LONGEST = 3600  # seconds, as long as no policy of the organization allows more


class TokenRefused(Exception):
    """An answer of the token endpoint that is no success; these have a shape of their own (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str, **more: str) -> None:
        super().__init__(description)
        self.body: JSON = {"error": error, "error_description": description, **more}


class OAuth:
    """Gives tokens, and judges what requests bring along."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def routes(self) -> list[Route]:
        """generateAccessToken, with which one account acts as another."""
        path = "v1/projects/{holder}/serviceAccounts/{account}:generateAccessToken"
        name = "projects.serviceAccounts.generateAccessToken"
        return [Route("iamcredentials", "POST", path, name, self._generate)]

    def token(self, form: dict[str, str], own_url: str) -> JSON:
        """What the token endpoint gives for a form. Raises `TokenRefused`."""
        if self._cloud.faults.active("google-login-expired"):
            raise TokenRefused(
                "invalid_grant", "reauth related error (invalid_rapt)", error_subtype="invalid_rapt", error_uri=_REAUTH
            )
        if form.get("grant_type") != GRANT:
            raise TokenRefused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        try:
            claims = self._cloud.tokens.assertion(form.get("assertion", ""))
        except AssertionRefused as refused:
            raise TokenRefused("invalid_grant", str(refused)) from None
        if claims.get("aud") not in (own_url, GOOGLES_ENDPOINT):
            raise TokenRefused("invalid_grant", "Invalid JWT: Failed audience check.")
        if claims.get("iss") != ACCOUNT:
            raise TokenRefused("invalid_grant", "Invalid grant: account not found")
        scopes = str(claims.get("scope", "")).split()
        if not scopes:
            raise TokenRefused("invalid_scope", "Empty or missing scope not allowed.")
        return {
            "access_token": self._cloud.tokens.mint(ACCOUNT, scopes),
            "expires_in": LIFETIME,
            "token_type": "Bearer",
        }

    def bearer(self, authorization: str, api: str) -> Bearer | None:
        """Who asks: by an access token, or by a JWT that the service account has signed itself for this API."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or self._cloud.faults.active("google-login-expired"):
            return None
        if token.count(".") == 2 and token.startswith("ey"):
            return self._self_signed(token, api)
        return self._cloud.tokens.bearer(token)

    def _self_signed(self, token: str, api: str) -> Bearer | None:
        try:
            claims = self._cloud.tokens.assertion(token)
        except AssertionRefused:
            return None
        scopes = tuple(str(claims.get("scope", "")).split())
        if claims.get("iss") != ACCOUNT or claims.get("sub", ACCOUNT) != ACCOUNT:
            return None
        if not scopes and claims.get("aud") != f"https://{api}.googleapis.com/":
            return None
        return Bearer(ACCOUNT, scopes or (f"https://www.googleapis.com/auth/{api}", _ANY))

    def _generate(self, call: Call) -> JSON:
        account = call.values["account"]
        permission = "iam.serviceAccounts.getAccessToken"
        known = {number: email for email, number in ACCOUNTS.items()}
        email = known.get(account, account)
        if email not in ACCOUNTS or self._cloud.faults.value("google-permission") == permission:
            raise denied(permission, f"projects/-/serviceAccounts/{account}")
        scopes = [str(scope) for scope in call.body.get("scope") or ()]
        if not scopes:
            raise GoogleError(400, "Request must contain a valid scope.")
        lifetime = _SECONDS.fullmatch(str(call.body.get("lifetime", f"{_LONGEST}s")))
        if not lifetime or not 0 < int(lifetime[1]) <= _LONGEST:
            raise GoogleError(400, "Request must contain a lifetime of at most 3600 seconds.")
        seconds = int(lifetime[1])
        ends = rfc3339(self._cloud.clock.now() + seconds)
        return {"accessToken": self._cloud.tokens.mint(email, scopes, seconds), "expireTime": ends}


_ANY = "https://www.googleapis.com/auth/cloud-platform"
_REAUTH = "https://support.google.com/a/answer/9368756"
