"""What metadata says about logging in to an instance: its own keys, or OS Login's, which then alone count."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from meshvm_tui.gcp.ssh_keys import is_on

JSON = dict[str, Any]


class LoginKind(StrEnum):
    """Where the instance takes public keys from."""

    METADATA = "metadata"
    OS_LOGIN = "os-login"
    OWN_KEY = "own-key"
    """The operator's own, which the plan names."""


@dataclass(frozen=True)
class LoginMetadata:
    """The kind of login, and the metadata of both levels. `refusal` says why OS Login takes no plain key here."""

    kind: LoginKind
    instance: JSON
    project: JSON
    refusal: str = ""


def login_metadata(instance: JSON, project: JSON, *, own_key: bool) -> LoginMetadata:
    """By the instance's metadata over the project's. An organization's policy can force OS Login without either: the
    VM then refuses the key, which is told as that."""
    if own_key:
        return LoginMetadata(LoginKind.OWN_KEY, instance, project)
    if not is_on("enable-oslogin", instance, project):
        return LoginMetadata(LoginKind.METADATA, instance, project)
    refusal = ""
    if is_on("enable-oslogin-sk", instance, project):
        refusal = "OS Login wants a security key (enable-oslogin-sk)"
    elif is_on("enable-oslogin-2fa", instance, project):
        refusal = "OS Login wants a second factor (enable-oslogin-2fa)"
    return LoginMetadata(LoginKind.OS_LOGIN, instance, project, refusal)
