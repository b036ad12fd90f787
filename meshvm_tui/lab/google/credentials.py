"""What stands in for the operator's Google login: a service account key and a gcloud configuration of the lab."""

from __future__ import annotations

from pathlib import Path


def write_service_account_key(state: Path, base_url: str) -> Path:
    """The service account's key file, private, with the lab's token endpoint; its path."""
    raise NotImplementedError


def write_gcloud_configuration(state: Path) -> Path:
    """A gcloud configuration folder with the lab's project and zone; its path, for CLOUDSDK_CONFIG."""
    raise NotImplementedError


def endpoint_environment(base_url: str) -> dict[str, str]:
    """gcloud's variables that lead every API to the lab."""
    return {
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{base_url}/compute/v1/",
        **{
            f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}": f"{base_url}/"
            for api in ("CONTAINER", "OSLOGIN", "SERVICEUSAGE", "CLOUDRESOURCEMANAGER", "IAMCREDENTIALS")
        },
    }
