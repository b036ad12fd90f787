"""A GKE cluster's description: the address that gcloud would choose, what it means, and the commands."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.gcp.clusters import ClusterView, context_name, get_credentials, how_to_reach, who_is_let_in
from meshvm_tui.plan import Plan
from meshvm_tui.plan_machines import GkeEndpoint
from meshvm_tui.problems import ActionNeeded, Problem
from meshvm_tui.steps.commands import istioctl, kubectl
from tests.gke.gke_world import CONTEXT, LOCATION, NAME, PROJECT, a_cluster, a_plan
from tests.google.discovery import judge_answer

UPDATE = f"gcloud container clusters update {NAME} --location={LOCATION} --project={PROJECT}"
DNS_NAME = "gke-0a1b-100000000001.us-central1-a.gke.goog"
OPEN_DNS = {"endpoint": DNS_NAME, "allowExternalTraffic": True}
CLOSED_DNS = {"endpoint": DNS_NAME, "allowExternalTraffic": False}
IP_ON = {"enabled": True, "enablePublicEndpoint": True, "publicEndpoint": "203.0.113.7", "privateEndpoint": "10.0.0.2"}
IP_OFF = {"enabled": False}
PRIVATE = {"enablePrivateNodes": True, "enablePrivateEndpoint": True, "privateEndpoint": "172.16.0.2"}
NETWORKS = {"enabled": True, "cidrBlocks": [{"displayName": "office", "cidrBlock": "198.51.100.0/24"}]}


def points(ip: dict[str, Any] | None = None, dns: dict[str, Any] | None = None) -> dict[str, Any]:
    config = {"ipEndpointsConfig": ip, "dnsEndpointConfig": dns}
    return {"controlPlaneEndpointsConfig": {key: value for key, value in config.items() if value is not None}}


def view(**changed: Any) -> ClusterView:
    """A view of a description that Google's document takes."""
    body = a_cluster(**changed)
    path = f"/v1/projects/{PROJECT}/locations/{LOCATION}/clusters/{NAME}"
    assert judge_answer("container", "GET", path, body) == []
    return ClusterView(body)


@pytest.mark.parametrize(
    ("changed", "wanted", "server", "authority", "kind"),
    [
        ({}, "auto", "https://203.0.113.7", "Q0E=", "IP"),
        ({"endpoint": "127.0.0.1:8443"}, "auto", "https://127.0.0.1:8443", "Q0E=", "IP"),
        ({"endpoint": "2001:db8::7"}, "auto", "https://[2001:db8::7]", "Q0E=", "IP"),
        (points(IP_ON, OPEN_DNS), "auto", "https://203.0.113.7", "Q0E=", "IP"),
        (points(IP_ON, OPEN_DNS), "dns", f"https://{DNS_NAME}", "", "DNS"),
        (points(IP_OFF, OPEN_DNS), "auto", f"https://{DNS_NAME}", "", "DNS"),
        (points(None, OPEN_DNS), "auto", "https://203.0.113.7", "Q0E=", "IP"),
        (points({}, OPEN_DNS), "auto", f"https://{DNS_NAME}", "", "DNS"),
        (points({"privateEndpoint": "10.0.0.2"}, OPEN_DNS), "auto", f"https://{DNS_NAME}", "", "DNS"),
        (points(IP_ON), "private", "https://10.0.0.2", "Q0E=", "private IP"),
        ({"privateClusterConfig": PRIVATE}, "private", "https://172.16.0.2", "Q0E=", "private IP"),
        (
            {"privateClusterConfig": PRIVATE, "endpoint": "172.16.0.2"},
            "auto",
            "https://172.16.0.2",
            "Q0E=",
            "private IP",
        ),
    ],
)
def test_the_endpoint_is_the_one_that_gcloud_would_write(
    changed: dict[str, Any], wanted: str, server: str, authority: str, kind: str
) -> None:
    found = view(**changed).endpoint(GkeEndpoint(wanted))
    assert (found.server, found.authority, found.kind) == (server, authority, kind)


@pytest.mark.parametrize(
    ("changed", "wanted", "words", "action"),
    [
        ({}, "dns", "a DNS endpoint that lets users in", f"Run: {UPDATE} --enable-dns-access"),
        (points(IP_ON, CLOSED_DNS), "dns", "a DNS endpoint", f"Run: {UPDATE} --enable-dns-access"),
        (points(IP_OFF, CLOSED_DNS), "auto", "a DNS endpoint", f"Run: {UPDATE} --enable-dns-access"),
        (points(IP_OFF, OPEN_DNS), "ip", "IP endpoints", f"Run: {UPDATE} --enable-ip-access"),
        (points(IP_OFF, OPEN_DNS), "private", "IP endpoints", f"Run: {UPDATE} --enable-ip-access"),
        ({}, "private", "a private endpoint", "Choose another endpoint."),
        ({"endpoint": ""}, "auto", "an IP endpoint", "Choose another endpoint."),
    ],
)
def test_an_endpoint_that_is_not_there(changed: dict[str, Any], wanted: str, words: str, action: str) -> None:
    with pytest.raises(ActionNeeded) as caught:
        view(**changed).endpoint(GkeEndpoint(wanted))
    assert (caught.value.code, caught.value.next_action) == ("MVM-835", action)
    assert words in caught.value.cause


@pytest.mark.parametrize("status", ["RUNNING", "RECONCILING", "DEGRADED"])
def test_a_control_plane_that_answers(status: str) -> None:
    view(status=status).check_running()


@pytest.mark.parametrize("status", ["PROVISIONING", "STOPPING", "ERROR"])
def test_a_control_plane_that_does_not(status: str) -> None:
    with pytest.raises(Problem) as caught:
        view(status=status).check_running()
    assert caught.value.code == "MVM-836"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"masterAuthorizedNetworksConfig": {"enabled": False}}, ""),
        ({"masterAuthorizedNetworksConfig": NETWORKS}, "the control plane's address is open to 198.51.100.0/24 only"),
        (
            points(IP_ON | {"authorizedNetworksConfig": {"enabled": True}}),
            "the control plane's address is open to no network that is named only",
        ),
        ({"privateClusterConfig": PRIVATE}, "the control plane has a private address only"),
        (points(IP_ON | {"enablePublicEndpoint": False}), "the control plane has a private address only"),
    ],
)
def test_who_is_let_in(changed: dict[str, Any], words: str) -> None:
    assert who_is_let_in(view(**changed)) == words


def reach(wanted: str = "auto", **changed: Any) -> tuple[str, str]:
    found = view(**changed)
    return how_to_reach(found, found.endpoint(GkeEndpoint(wanted)), PROJECT)


def test_a_silent_control_plane_that_is_open_to_everybody_has_no_reason() -> None:
    assert reach() == ("", "")
    assert reach("dns", **points(IP_ON | {"authorizedNetworksConfig": NETWORKS}, OPEN_DNS)) == ("", "")


def test_authorized_networks_are_kept_in_the_command() -> None:
    words, action = reach(masterAuthorizedNetworksConfig=NETWORKS)
    assert words.endswith("open to 198.51.100.0/24 only")
    flags = "--enable-master-authorized-networks --master-authorized-networks=198.51.100.0/24,THIS_ADDRESS/32"
    assert action == f"Run: {UPDATE} {flags} (or open the DNS endpoint: {UPDATE} --enable-dns-access)"


def test_a_dns_endpoint_that_is_open_is_the_shortest_way() -> None:
    _, action = reach(**points(IP_ON | {"authorizedNetworksConfig": NETWORKS}, OPEN_DNS))
    assert action == "Set cluster.gke.endpoint to dns: the DNS endpoint lets users in."


def test_a_private_endpoint_is_reached_from_inside_or_by_dns() -> None:
    words, action = reach(privateClusterConfig=PRIVATE, endpoint="172.16.0.2")
    assert "private address only" in words
    assert action == f"Go on inside its network, or run: {UPDATE} --enable-dns-access"


def test_the_names_are_gclouds() -> None:
    assert context_name(PROJECT, LOCATION, NAME) == CONTEXT
    wanted = f"gcloud container clusters get-credentials {NAME} --location={LOCATION} --project={PROJECT}"
    assert get_credentials(PROJECT, LOCATION, NAME) == wanted


def test_commands_by_hand_use_the_context_that_gcloud_makes() -> None:
    assert kubectl(a_plan(), "get", "pods") == f"kubectl --context={CONTEXT} get pods"
    assert istioctl(a_plan(context="mine"), "version") == "istioctl --context=mine version"
    assert kubectl(Plan(), "get", "pods") == "kubectl get pods"
