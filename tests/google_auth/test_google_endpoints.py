"""Endpoints: Google's own, gcloud's overrides, and no token in the clear."""

from __future__ import annotations

import pytest

from meshvm_tui.adapters.google_endpoints import ENDPOINTS, endpoint, iap_endpoint
from meshvm_tui.problems import ActionNeeded
from tests.google_auth.google_world import World

COMPUTE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"
IAP = "MESHVM_TUI_IAP_ENDPOINT"


def test_google_s_own(world: World) -> None:
    for api in ("compute", "oslogin", "serviceusage", "cloudresourcemanager"):
        assert endpoint(api, world.settings()) == f"https://{api}.googleapis.com"
    assert iap_endpoint({}) == "wss://tunnel.cloudproxy.app/v4"


@pytest.mark.parametrize("api", ENDPOINTS)
def test_a_variable_or_a_configuration_names_another(world: World, api: str) -> None:
    variable = f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api.upper()}"
    world.environ.pop(variable, None)
    world.configuration(f"[api_endpoint_overrides]\n{api} = https://{api}.psc.example/\n")
    assert endpoint(api, world.settings()) == f"https://{api}.psc.example"
    world.environ[variable] = "http://127.0.0.1:1234/"
    assert endpoint(api, world.settings()) == "http://127.0.0.1:1234"


@pytest.mark.parametrize(
    "value", ["http://127.0.0.1:9/compute/v1/", "http://127.0.0.1:9/compute/v1", "http://127.0.0.1:9"]
)
def test_compute_ends_before_its_version(world: World, value: str) -> None:
    """gcloud's override names the version; a client library's api_endpoint does not."""
    world.environ[COMPUTE] = value
    assert endpoint("compute", world.settings()) == "http://127.0.0.1:9"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "[::1]", "localhost"])
def test_loopback_may_be_in_the_clear(world: World, host: str) -> None:
    world.environ[COMPUTE] = f"http://{host}:80/compute/v1/"
    assert endpoint("compute", world.settings()) == f"http://{host}:80"
    assert iap_endpoint({IAP: f"ws://{host}:80/v4/"}) == f"ws://{host}:80/v4"


@pytest.mark.parametrize(
    "value",
    [
        "http://compute.example/compute/v1/",
        "http://10.0.0.1/",
        "http://127.0.0.1.example/",
        "http://localhost.example/",
        "ftp://127.0.0.1/",
        "127.0.0.1:8080",
        "https://",
        "https://me:secret@compute.example/",
        "https://compute.example/?key=x",
        "https://[::1/",
        "https://compute.example:port/",
    ],
)
def test_what_cannot_be_used_is_refused(world: World, value: str) -> None:
    world.environ[COMPUTE] = value
    with pytest.raises(ActionNeeded) as failed:
        endpoint("compute", world.settings())
    assert failed.value.code == "MVM-839"
    assert failed.value.cause.startswith(COMPUTE)
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("value", ["ws://tunnel.example/v4", "https://tunnel.cloudproxy.app/v4", "tunnel"])
def test_the_relay_as_well(value: str) -> None:
    with pytest.raises(ActionNeeded) as failed:
        iap_endpoint({IAP: value})
    assert failed.value.code == "MVM-839"
