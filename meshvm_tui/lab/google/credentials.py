"""What stands in for the operator's Google login: a service account key and a gcloud configuration of the lab."""

from __future__ import annotations

import json
from pathlib import Path

from meshvm_tui.lab.authority import write_secret
from meshvm_tui.lab.google.catalogue import ACCOUNT, ACCOUNT_ID, PROJECT
from meshvm_tui.lab.google.tokens import GoogleTokens, private_pem

ZONE = "us-central1-a"
KEY_ID = "0123456789abcdef0123456789abcdef01234567"
TOKEN_PATH = "/token"
_OTHERS = ("CONTAINER", "OSLOGIN", "SERVICEUSAGE", "CLOUDRESOURCEMANAGER", "IAMCREDENTIALS")


def write_service_account_key(state: Path, tokens: GoogleTokens, base_url: str) -> Path:
    """The service account's key file, private, with the lab's token endpoint; its path."""
    content = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": KEY_ID,
        "private_key": private_pem(tokens.private_key),
        "client_email": ACCOUNT,
        "client_id": ACCOUNT_ID,
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": f"{base_url}{TOKEN_PATH}",
        "universe_domain": "googleapis.com",
    }
    file = state / "google" / "service-account.json"
    write_secret(file, json.dumps(content, indent=1))
    return file


def write_gcloud_configuration(state: Path) -> Path:
    """A gcloud configuration folder with the lab's project and zone; its path, for CLOUDSDK_CONFIG."""
    folder = state / "google" / "gcloud"
    configurations = folder / "configurations"
    configurations.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_secret(folder / "active_config", "lab")
    region = ZONE.rpartition("-")[0]
    text = (
        f"[core]\naccount = {ACCOUNT}\nproject = {PROJECT}\ndisable_usage_reporting = true\n\n"
        f"[compute]\nzone = {ZONE}\nregion = {region}\n\n"
        "[component_manager]\ndisable_update_check = true\n"
    )
    write_secret(configurations / "config_lab", text)
    return folder


def endpoint_environment(base_url: str) -> dict[str, str]:
    """gcloud's variables that lead every API to the lab."""
    prefix = "CLOUDSDK_API_ENDPOINT_OVERRIDES"
    others = {f"{prefix}_{api}": f"{base_url}/" for api in _OTHERS}
    return {f"{prefix}_COMPUTE": f"{base_url}/compute/v1/", **others}
