"""The Google login: application default credentials as Google's libraries find them, and what gcloud puts on top.

The order is gcloud's access token (CLOUDSDK_AUTH_ACCESS_TOKEN, auth/access_token_file), gcloud's
auth/credential_file_override, GOOGLE_APPLICATION_CREDENTIALS, the file of `gcloud auth application-default login`, and
the metadata server (cloud.google.com/docs/authentication/application-default-credentials). `google.auth.default` is
not asked: it may start gcloud for a second or two. Impersonation and the quota project are applied here, for
google.auth knows nothing of gcloud's properties.

google.auth is loaded with the first token, in the caller's worker thread. A file that has changed is read anew with the
next request, so that a login in another terminal is enough to go on with the same session.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from meshvm_tui.adapters.google_credential_sources import (
    METADATA_SERVER,
    TOKEN_HOST,
    Found,
    Kind,
    Made,
    find,
    impersonate,
    make,
    nothing_found,
    token_host,
)
from meshvm_tui.adapters.google_errors import problem_from
from meshvm_tui.adapters.google_metadata import MetadataServer
from meshvm_tui.adapters.google_session import fit
from meshvm_tui.adapters.google_settings import GcloudSettings
from meshvm_tui.adapters.open_connections import OpenConnections
from meshvm_tui.compute_ports import GoogleDefaults, GoogleIdentity, Setting
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem, TransientError

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
USERINFO_EMAIL = "https://www.googleapis.com/auth/userinfo.email"
SCOPES = (CLOUD_PLATFORM, USERINFO_EMAIL)
TIMEOUT = (5.0, 30.0)
"""Seconds for the connection and for each answer of a token endpoint."""
_AUTO = "auto"
_DOING = "asking for an access token"
_USERINFO = "https://openidconnect.googleapis.com/v1/userinfo"


class AccessToken(NamedTuple):
    """An OAuth access token and when it ends (UTC; None where that is not known). Its representation hides it."""

    token: str
    expiry: datetime | None

    def __repr__(self) -> str:
        return f"AccessToken(until {self.expiry})"


class GoogleLogin:
    """One login for everything that is asked of Google. Threads may share it.

    `impersonate` and `quota_project` are the plan's: `auto` is what gcloud's settings say, "" is none. Every failure is
    a Problem of 80x, and none is remembered: the next call tries again with what is there then."""

    def __init__(self, settings: GcloudSettings, impersonate: str = _AUTO, quota_project: str = _AUTO) -> None:
        self.settings = settings
        self._impersonate = impersonate
        self._quota_project = quota_project
        self._lock = threading.RLock()
        self._connections = OpenConnections()
        self._transport: Any = None
        self._status = 0
        self._found: Found | None = None
        self._made: dict[tuple[str, ...], Made] = {}
        self._email = ""

    def credentials(self, scopes: Sequence[str] = SCOPES) -> Any:
        """Credentials of google.auth for its sessions and for Google's client libraries.

        They hold no key: each request asks this login for its token. So they stay good over `forget` and a new login.
        They raise a Problem where there is no token; `problem_from` gives it on. Unlike those of a service account
        key they never sign a token themselves (GKE and IAP refuse those) and start no thread of their own that asks
        iamcredentials.googleapis.com for a regional access boundary, whatever the endpoints are."""
        from meshvm_tui.adapters.google_bearer import bearer

        return bearer(self, tuple(scopes))

    def access_token(self, scopes: Sequence[str] = SCOPES, *, refused: str = "") -> AccessToken:
        """A token of OAuth that is valid now: for Google's APIs, GKE and IAP alike. A new one where the last one was
        `refused`. May ask the network, for TIMEOUT at most three times."""
        with self._lock:
            made = self._current(tuple(scopes))
            credentials = made.credentials
            if refused and credentials.token == refused and self._holds_token():
                raise self._problem(ActionNeeded("MVM-802", f"{self._source()}: Google refuses this access token"))
            if not credentials.valid or (refused and credentials.token == refused):
                self._mint(credentials)
            expiry = credentials.expiry.replace(tzinfo=UTC) if credentials.expiry else None
            return AccessToken(str(credentials.token), expiry)

    def identity(self) -> GoogleIdentity:
        """Who Google takes us for. Gets a token, so that it is known to work."""
        with self._lock:
            token = self.access_token()
            made = self._current(SCOPES)
            email = made.email or self._email or _email_of(made.credentials) or self._ask_email(token)
            self._email = email
            kind = made.kind
            if kind is Kind.USER and email.endswith(".gserviceaccount.com"):
                kind = Kind.SERVICE_ACCOUNT
            return GoogleIdentity(kind=kind.value, source=self._source(), email=email)

    def defaults(self, *, project: str = "", region: str = "", zone: str = "", cluster: str = "") -> GoogleDefaults:
        """gcloud's defaults after these flags, with the plan's impersonation and quota project. The metadata server
        is asked for the project where the login comes from there and nothing else names one."""
        found = self.settings.defaults(project=project, region=region, zone=zone, cluster=cluster)
        if not found.project.value and find(self.settings) is None:
            here = self._here
            found = replace(found, project=Setting(here, METADATA_SERVER.source) if here else Setting())
        if self._impersonate != _AUTO:
            found = replace(found, impersonate_service_account=_planned(self._impersonate))
        return found if self._quota_project == _AUTO else replace(found, quota_project=_planned(self._quota_project))

    def quota_project(self) -> str:
        """The project that is charged for requests (x-goog-user-project); "" where Google chooses."""
        return self.settings.quota_project().value if self._quota_project == _AUTO else self._quota_project

    def renew(self) -> None:
        """Gets a new token now, whatever the last one was good for."""
        with self._lock:
            made = self._current(SCOPES)
            if not self._holds_token():
                self._mint(made.credentials)

    def forget(self) -> None:
        """Forgets token and credentials: the next request reads them anew."""
        with self._lock:
            self._found, self._email = None, ""
            self._made.clear()

    def close(self) -> None:
        """Ends a token request under way and closes the sockets; there are no further ones."""
        self._connections.close()
        if self._transport is not None:
            self._transport.session.close()

    def _current(self, scopes: tuple[str, ...]) -> Made:
        """The credentials as they stand in the file now."""
        found = find(self.settings) or self._metadata()
        if found != self._found:
            self.forget()
            self._found = found
        if scopes not in self._made:
            made = make(found, scopes, self.settings)
            if accounts := self._accounts():
                made = impersonate(made, accounts, scopes, self.settings)
            self._made[scopes] = made
        return self._made[scopes]

    def _metadata(self) -> Found:
        if self._found is not METADATA_SERVER and not MetadataServer(self.settings.environ).answers():
            raise nothing_found(self.settings)
        return METADATA_SERVER

    @functools.cached_property
    def _here(self) -> str:
        """The project of the VM that this runs on; "" where it is none. It does not change."""
        return MetadataServer(self.settings.environ).project()

    def _accounts(self) -> str:
        named = self.settings.get("auth", "impersonate_service_account").value
        return named if self._impersonate == _AUTO else self._impersonate

    def _mint(self, credentials: Any) -> None:
        try:
            credentials.refresh(self._request())
        except Exception as error:  # noqa: BLE001  google.auth and requests have a root each; problem_from knows both
            problem = _refresh_problem(error, self._status)
            if self._found is METADATA_SERVER and self._status == 404:
                problem = ActionNeeded("MVM-801", f"this VM has no service account: {problem.cause}")
            problem = self._problem(problem)
            self.forget()
            raise problem from None

    def _request(self) -> Any:
        from google.auth.transport.requests import Request
        from requests import Session

        if self._connections.closed:
            raise TransientError("MVM-804", "the connection to Google was closed here")
        if self._transport is None:
            session = Session()
            fit(session, self._connections, self.settings)
            self._transport = Request(session)
        return self._send

    def _send(self, *given: Any, **asked: Any) -> Any:
        """One request of google.auth (or of ours) to a token endpoint, with a timeout and its status kept."""
        self._status = 0
        answer = self._transport(*given, **{"timeout": TIMEOUT, **asked})
        self._status = answer.status
        return answer

    def _problem(self, problem: Problem) -> Problem:
        """The same problem with where the credentials came from, and with what renews just these."""
        renew = self._found.renew if self._found and problem.code == "MVM-802" else ""
        evidence = {**problem.evidence, "credentials": self._source()}
        return type(problem)(
            problem.code,
            problem.cause,
            title=problem.title,
            next_action=renew or problem.next_action,
            evidence=evidence,
        )

    def _source(self) -> str:
        source = self._found.source if self._found else ""
        return f"{source}, impersonating {self._accounts()}" if self._accounts() else source

    def _holds_token(self) -> bool:
        """Whether there is nothing but a token, which nobody here can renew."""
        return bool(self._found and self._found.is_token and not self._accounts())

    def _ask_email(self, token: AccessToken) -> str:
        """The email that a user's token stands for, by OpenID Connect's userinfo; "" where it does not say."""
        host = token_host(self.settings)
        url = _USERINFO if host == TOKEN_HOST else "{0.scheme}://{0.netloc}/v1/userinfo".format(urlsplit(host))
        try:
            answer = self._request()(url=url, method="GET", headers={"Authorization": f"Bearer {token.token}"})
            return str(json.loads(answer.data).get("email") or "") if answer.status == 200 else ""
        except Exception:  # noqa: BLE001  whoever it is, the token works without it
            return ""


def _refresh_problem(error: Exception, status: int) -> Problem:
    """The problem of a token that was not given; `status` is that of the last answer.

    google.auth takes an answer without JSON for final even where it is a 502, and does not reckon with a login page
    that answers in the token endpoint's place with 200."""
    if isinstance(error, (TypeError, KeyError, AttributeError)) or type(error) is ValueError:
        words = f"{_DOING}: the token endpoint's answer is none of OAuth (a proxy or a login page?)"
        return PermanentError("MVM-840", words, evidence={"request": _DOING})
    problem = problem_from(error, _DOING)
    if (status >= 500 or status == 429) and not isinstance(problem, TransientError):
        return TransientError("MVM-817", problem.cause, evidence=problem.evidence)
    return problem


def _email_of(credentials: Any) -> str:
    """What the credentials themselves tell after a token was got: a service account, or the ID token of a user."""
    email = getattr(credentials, "service_account_email", None)
    if email and email != "default":
        return str(email)
    id_token = getattr(credentials, "id_token", None)
    if not id_token:
        return ""
    from google.auth import jwt

    reader: Any = jwt
    try:
        return str(reader.decode(id_token, verify=False).get("email") or "")
    except ValueError:
        return ""


def _planned(value: str) -> Setting:
    return Setting(value, "the plan") if value else Setting()
