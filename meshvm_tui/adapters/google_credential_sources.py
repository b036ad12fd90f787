"""Where a Google login may stand, and credentials of google.auth made from it.

Finding looks at variables and at files' dates only; reading opens the file; nothing here asks the network. Files are
read by the loader of their own type, as Google advises: the generic one takes any configuration.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from meshvm_tui.adapters.google_endpoints import checked_url, endpoint
from meshvm_tui.adapters.google_settings import ADC, ADC_FILE, ADC_VARIABLE, GcloudSettings
from meshvm_tui.problems import ActionNeeded

UNIVERSE = "googleapis.com"
TOKEN_HOST = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address)
_GENERATE = ":generateAccessToken"
JSON = Mapping[str, Any]


class Kind(StrEnum):
    """Who the credentials belong to, in the words of compute_ports.GoogleIdentity."""

    USER = "user"
    SERVICE_ACCOUNT = "service account"
    IMPERSONATED = "impersonated service account"
    METADATA = "metadata"
    EXTERNAL = "external"


@dataclass(frozen=True)
class Found:
    """Where credentials are. `mark` changes when the file does; `renew` is what helps where they have expired."""

    source: str
    path: str = ""
    is_token: bool = False
    mark: tuple[int, ...] = ()
    renew: str = ""


@dataclass(frozen=True)
class Made:
    """Credentials of google.auth for some scopes. `email` is "" where only Google can tell it."""

    credentials: Any
    kind: Kind
    email: str = ""


METADATA_SERVER = Found("metadata server")


def find(settings: GcloudSettings) -> Found | None:
    """Where the credentials are that are to be used, or None where nothing names any. Files are not opened."""
    if settings.environ.get("CLOUDSDK_AUTH_ACCESS_TOKEN", "").strip():
        renew = "Start again with a new token in CLOUDSDK_AUTH_ACCESS_TOKEN."
        return Found("CLOUDSDK_AUTH_ACCESS_TOKEN", is_token=True, renew=renew)
    token = settings.get("auth", "access_token_file")
    if token.value:
        renew = f"Write a new access token to {token.value}, then retry."
        return Found(f"{token.source} ({token.value})", token.value, True, _mark(token.value), renew)
    file = settings.credentials_file()
    if not file.value:
        return None
    renew = "" if file.source == ADC else f"Renew the login in {file.value}, or unset {file.source}, then retry."
    return Found(f"{file.source} ({file.value})", file.value, False, _mark(file.value), renew)


def nothing_found(settings: GcloudSettings) -> ActionNeeded:
    """MVM-801, with the places that were looked at."""
    words = f"{ADC_VARIABLE} is not set, {settings.folder / ADC_FILE} does not exist, and no metadata server answers"
    if (settings.folder / "credentials.db").exists():
        words += "; gcloud auth login alone makes no application default credentials"
    return ActionNeeded("MVM-801", words)


def make(found: Found, scopes: Sequence[str], settings: GcloudSettings) -> Made:
    """Reads them now. ActionNeeded MVM-803 where they cannot be used."""
    if found is METADATA_SERVER:
        from google.auth import compute_engine

        loader: Any = compute_engine.Credentials
        return Made(loader(scopes=list(scopes), universe_domain=UNIVERSE), Kind.METADATA)
    if found.is_token:
        return _from_token(found, settings)
    return _from_info(_read(found), found.source, scopes, settings)


def impersonate(made: Made, accounts: str, scopes: Sequence[str], settings: GcloudSettings) -> Made:
    """The credentials of a service account that these may impersonate. Several accounts, divided by commas, are a
    chain of delegates that ends with the one to become, as gcloud has it."""
    from google.auth import impersonated_credentials

    *delegates, target = [name.strip() for name in accounts.split(",")]
    if not target:
        raise ActionNeeded("MVM-808", f"auth/impersonate_service_account: {accounts!r} names no service account")
    url = f"{endpoint('iamcredentials', settings)}/v1/projects/-/serviceAccounts/{target}{_GENERATE}"
    loader: Any = impersonated_credentials.Credentials
    credentials = loader(
        source_credentials=made.credentials,
        target_principal=target,
        target_scopes=list(scopes),
        delegates=[f"projects/-/serviceAccounts/{name}" for name in delegates],
        iam_endpoint_override=url,
    )
    return Made(credentials, Kind.IMPERSONATED, target)


def token_host(settings: GcloudSettings) -> str:
    """Where users' tokens come from: Google's, or gcloud's auth/token_host (Private Service Connect)."""
    named = settings.get("auth", "token_host")
    return checked_url(named.value, named.source) if named.value else TOKEN_HOST


def _mark(path: str) -> tuple[int, ...]:
    try:
        stat = Path(path).stat()
    except OSError:
        return ()
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _from_token(found: Found, settings: GcloudSettings) -> Made:
    from google.oauth2.credentials import Credentials

    text = settings.environ.get("CLOUDSDK_AUTH_ACCESS_TOKEN", "")
    if found.path:
        text = _text(found)
    if len(text.split()) != 1 or not text.isascii():
        raise ActionNeeded("MVM-803", f"{found.source}: it holds no access token, or more than one")
    loader: Any = Credentials
    return Made(loader(token=text.strip()), Kind.USER)


def _read(found: Found) -> JSON:
    text = _text(found)
    try:
        info = json.loads(text)
    except ValueError as error:
        raise ActionNeeded("MVM-803", f"{found.source}: it is not a valid JSON file: {error}") from None
    if not isinstance(info, dict):
        raise ActionNeeded("MVM-803", f"{found.source}: it holds no JSON object")
    return info


def _text(found: Found) -> str:
    try:
        return Path(found.path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ActionNeeded("MVM-803", f"{found.source}: the file was not found") from None
    except UnicodeDecodeError:
        raise ActionNeeded("MVM-803", f"{found.source}: it is no UTF-8 text") from None
    except OSError as error:
        raise ActionNeeded("MVM-803", f"{found.source}: {error.strerror}") from None


def _from_info(info: JSON, source: str, scopes: Sequence[str], settings: GcloudSettings) -> Made:
    kind = info.get("type")
    maker = _MAKERS.get(kind) if isinstance(kind, str) else None
    if maker is None:
        expected = ", ".join(_MAKERS)
        raise ActionNeeded("MVM-803", f"{source}: its type is {kind}, expected one of {expected}")
    if (universe := info.get("universe_domain") or UNIVERSE) != UNIVERSE:
        raise ActionNeeded("MVM-803", f"{source}: its universe_domain is {universe}; only {UNIVERSE} can be used")
    try:
        return maker(info, source, scopes, settings)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        words = str(error) if isinstance(error, ValueError) else "a field is missing or of another type"
        raise ActionNeeded("MVM-803", f"{source}: {words}") from None


def _user(info: JSON, source: str, scopes: Sequence[str], settings: GcloudSettings) -> Made:
    from google.oauth2.credentials import Credentials

    # Their scopes were given at login; asking for others is refused. A token in the file would never be renewed.
    kept = {key: value for key, value in info.items() if key not in ("token", "expiry", "scopes")}
    loader: Any = Credentials
    credentials = loader.from_authorized_user_info(kept).with_token_uri(token_host(settings))
    return Made(credentials, Kind.USER, str(info.get("account") or ""))


def _service_account(info: JSON, source: str, scopes: Sequence[str], settings: GcloudSettings) -> Made:
    from google.oauth2 import service_account

    checked_url(str(info.get("token_uri") or TOKEN_HOST), f"{source}: token_uri")
    loader: Any = service_account.Credentials
    credentials = loader.from_service_account_info(info, scopes=list(scopes))
    return Made(credentials, Kind.SERVICE_ACCOUNT, credentials.service_account_email)


def _external(info: JSON, source: str, scopes: Sequence[str], settings: GcloudSettings) -> Made:
    from google.auth import aws, identity_pool, pluggable

    origin = info.get("credential_source") or {}
    loader: Any = identity_pool.Credentials
    if info.get("subject_token_type") == "urn:ietf:params:aws:token-type:aws4_request":
        loader = aws.Credentials
    elif origin.get("executable") is not None:
        loader = pluggable.Credentials
    credentials = loader.from_info(info, scopes=list(scopes))
    return Made(credentials, Kind.EXTERNAL, str(credentials.service_account_email or ""))


def _external_user(info: JSON, source: str, scopes: Sequence[str], settings: GcloudSettings) -> Made:
    from google.auth import external_account_authorized_user

    loader: Any = external_account_authorized_user.Credentials
    return Made(loader.from_info(info), Kind.EXTERNAL)


def _impersonated(info: JSON, source: str, scopes: Sequence[str], settings: GcloudSettings) -> Made:
    url = str(info["service_account_impersonation_url"])
    target = url.rpartition("/")[2].removesuffix(_GENERATE)
    if not url.endswith(_GENERATE) or not target:
        raise ValueError(f"service_account_impersonation_url names no service account: {url}")
    inner = dict(info["source_credentials"])
    if inner.get("type") == "impersonated_service_account":
        raise ValueError("its source_credentials are impersonated themselves")
    delegates = [str(name).rpartition("/")[2] for name in info.get("delegates") or ()]
    return impersonate(_from_info(inner, source, scopes, settings), ",".join([*delegates, target]), scopes, settings)


_MAKERS: dict[str, Callable[[JSON, str, Sequence[str], GcloudSettings], Made]] = {
    "authorized_user": _user,
    "service_account": _service_account,
    "external_account": _external,
    "external_account_authorized_user": _external_user,
    "impersonated_service_account": _impersonated,
}
