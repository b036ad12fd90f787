"""An instance that was made through HTTP is a VM that one can log in to, with a key of its metadata and not without."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
import requests

from meshvm_tui.lab.faults import Faults
from meshvm_tui.lab.guest.vm import Vm
from meshvm_tui.lab.mesh.curl_command import CurlCommand
from meshvm_tui.lab.mesh.pod_curl import PodCurl, Sender
from meshvm_tui.lab.mesh.sockets import Sockets
from tests.lab_google.google_lab import ZONE
from tests.lab_google_vm.google_vms import (
    DEADLINE,
    NAME,
    SSH_PORT,
    GoogleVms,
    answers,
    google_vms,
    logged_in,
    opens,
    says,
    until,
)

KEY, OTHER = paramiko.ECDSAKey.generate(), paramiko.RSAKey.generate(2048)
ID = "http://169.254.169.254/computeMetadata/v1/instance/id"


def metadata(*lines: str) -> dict[str, list[dict[str, str]]]:
    """Metadata of an instance that publishes its host keys and takes these keys."""
    return {
        "items": [
            {"key": "enable-guest-attributes", "value": "TRUE"},
            {"key": "ssh-keys", "value": "\n".join(lines)},
        ]
    }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[GoogleVms]:
    """A Google Cloud without instances."""
    with google_vms(tmp_path) as running:
        yield running


def test_a_key_of_metadata_opens_it_until_it_expires(world: GoogleVms) -> None:
    world.insert(metadata=metadata(world.key_line(KEY, "ada", 600)))
    address = world.external()
    until(lambda: answers(address), "the external port does not open")
    with logged_in(address, "ada", KEY) as client:
        assert says(client, "id -un; sudo -n id -un") == "ada\nroot"
        transport = client.get_transport()
        assert transport is not None
        shown = transport.get_remote_server_key()
        status, told = world.ask("GET", f"zones/{ZONE}/instances/{NAME}/getGuestAttributes?queryPath=hostkeys/")
        assert status == 200
        assert [(item["key"], item["value"]) for item in told["queryValue"]["items"]] == [
            (shown.get_name(), shown.get_base64())
        ]

        assert says(client, f"curl -sS {ID}") == "Missing Metadata-Flavor:Google header."
        number = says(client, f"curl -sS -H 'Metadata-Flavor: Google' {ID}")
        assert number == world.instance()["id"]
        project = ID.replace("instance/id", "project/project-id")
        assert says(client, f"curl -s -H 'Metadata-Flavor: Google' {project}") == "lab-project-1"
        world.faults.set("google-wrong-id")
        until(
            lambda: says(client, f"curl -s -H 'Metadata-Flavor: Google' {ID}") not in ("", number),
            "the fault does not show",
        )

    assert not opens(address, "ada", OTHER)
    assert not opens(address, "bob", KEY)
    world.faults.set("google-no-agent")
    assert not opens(address, "ada", KEY)
    world.faults.clear()
    assert opens(address, "ada", KEY)
    world.clock.shift(601)
    assert not opens(address, "ada", KEY)
    world.do("POST", f"zones/{ZONE}/instances/{NAME}/setMetadata", _with_key(world, OTHER, "bob"))
    assert opens(address, "bob", OTHER)

    world.do("DELETE", f"zones/{ZONE}/instances/{NAME}")
    until(lambda: not (world.state / "vms" / NAME).exists(), "its disk is still there")
    with pytest.raises(ConnectionRefusedError):
        answers(address)


def _with_key(world: GoogleVms, key: paramiko.PKey, user: str) -> dict[str, object]:
    found = world.instance()["metadata"]
    return {"fingerprint": found["fingerprint"], **metadata(world.key_line(key, user, 600))}


def test_the_firewall_opens_and_closes_what_comes_from_outside_and_from_pods(world: GoogleVms) -> None:
    world.insert()
    external, internal = world.external(), world.internal()
    until(lambda: answers(external), "the external port does not open")
    world.do("DELETE", "global/firewalls/default-allow-ssh")
    until(lambda: not answers(external, seconds=0.3), "the external port does not close")
    assert answers(internal)
    rule = {"network": "global/networks/default", "direction": "INGRESS", "allowed": [{"IPProtocol": "tcp"}]}
    mine = {**rule, "name": "me", "sourceRanges": ["127.0.0.1/32"], "targetTags": ["mesh-vm"]}
    world.do("POST", "global/firewalls", mine)
    until(lambda: answers(external, seconds=3), "the external port does not open again")

    pod, drops = "10.8.1.2", world.google.drops
    assert drops(pod, internal, 8080)
    assert not drops(pod, "127.0.0.1", 8080), "what is no instance is behind no firewall of Google's"
    pods = {**rule, "name": "pods", "sourceRanges": ["10.8.0.0/14"], "targetTags": ["mesh-vm"]}
    world.do("POST", "global/firewalls", {**pods, "allowed": [{"IPProtocol": "tcp", "ports": ["8080"]}]})
    assert not drops(pod, internal, 8080)
    assert drops(pod, internal, 8081)
    assert drops("192.0.2.1", internal, 8080)


@pytest.mark.parametrize("dropped", [True, False])
def test_what_is_dropped_times_out_for_curl_in_a_pod(dropped: bool) -> None:
    asked: list[tuple[str, str, int]] = []

    def drops(source: str, address: str, port: int) -> bool:
        asked.append((source, address, port))
        return dropped

    curl = PodCurl(None, Sockets(), Faults(), lambda: "", lambda: "", drops=drops)  # type: ignore[arg-type]
    command = CurlCommand("127.0.0.1", 9, "/", max_time=2.0)
    result = asyncio.run(curl.run(command, Sender("default", "curl", None), lambda line: None))
    assert result.exit_code == (28 if dropped else 7)
    assert asked == [("", "127.0.0.1", 9)]


@pytest.mark.slow
def test_what_ran_runs_again_after_a_restart_and_a_start_brings_an_address_back(tmp_path: Path) -> None:
    with google_vms(tmp_path) as world:
        world.insert(metadata=metadata(world.key_line(KEY, "ada", 600)))
        before = world.instance()
        until(lambda: answers(world.external()), "the external port does not open")
        with logged_in(world.external(), "ada", KEY) as client:
            assert says(client, "echo kept > kept; cat kept") == "kept"
        world.do("POST", f"zones/{ZONE}/instances/{NAME}/stop")
        assert "natIP" not in world.instance()["networkInterfaces"][0]["accessConfigs"][0]
        assert world.google.instances.ssh_of(NAME) is None
        world.do("POST", f"zones/{ZONE}/instances/{NAME}/start")
        until(lambda: world.google.instances.ssh_of(NAME) is not None, "it does not boot again")
        assert world.external() == before["networkInterfaces"][0]["accessConfigs"][0]["natIP"]
    with google_vms(tmp_path) as world:
        after = world.instance()
        assert (after["id"], after["networkInterfaces"]) == (before["id"], before["networkInterfaces"])
        until(lambda: answers(world.external()), "the external port does not open")
        with logged_in(world.external(), "ada", KEY) as client:
            assert says(client, "cat kept") == "kept"
        world.do("POST", f"zones/{ZONE}/instances/{NAME}/stop")
    with google_vms(tmp_path) as world:
        assert world.instance()["status"] == "TERMINATED"
        assert world.google.instances.ssh_of(NAME) is None


def test_the_labs_own_vms_are_instances_of_somebody_else(tmp_path: Path) -> None:
    def vms(world: GoogleVms) -> list[Vm]:
        opens = world.google.instances.opens("vm-1")
        address = world.addresses.take("vm/vm-1")
        key = f"{OTHER.get_name()} {OTHER.get_base64()}"
        return [
            Vm("vm-1", address, SSH_PORT, tmp_path / "vms" / "vm-1", world.faults, world.clock, key, "operator", opens)
        ]

    with google_vms(tmp_path, vms) as world:
        found = world.instance("vm-1")
        assert found["status"] == "RUNNING" and "labels" not in found
        address = world.external("vm-1")
        assert address == world.internal("vm-1")
        assert opens(address, "operator", OTHER)
        assert not opens(address, "ada", KEY)
        body = {"fingerprint": found["metadata"]["fingerprint"], **metadata(world.key_line(KEY, "ada", 600))}
        world.do("POST", f"zones/{ZONE}/instances/vm-1/setMetadata", body)
        with logged_in(address, "ada", KEY) as client:
            assert says(client, f"curl -s -H 'Metadata-Flavor: Google' {ID}") == found["id"]
        assert not world.google.drops("10.8.1.2", address, 8080), "no firewall of Google's stands before it"

        world.do("DELETE", f"zones/{ZONE}/instances/vm-1")
        with pytest.raises(ConnectionRefusedError):
            answers(address)
        world.insert("vm-1")
        assert world.internal("vm-1") != address
        assert world.google.drops("10.8.1.2", world.internal("vm-1"), 8080)


def test_google_says_where_everything_is(world: GoogleVms) -> None:
    base = world.environment["CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"]
    token = world.google.cloud.tokens.mint("me@example.com", ["https://www.googleapis.com/auth/cloud-platform"])
    path = f"v1/projects/lab-project-1/locations/{ZONE}/clusters/lab"
    answer = requests.get(f"{base}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE)
    cluster = answer.json()
    assert cluster["endpoint"] == "127.0.0.1:6443"
    assert cluster["clusterIpv4Cidr"] == world.addresses.pod_range
    assert (Path(world.environment["GOOGLE_APPLICATION_CREDENTIALS"]).stat().st_mode & 0o777) == 0o600
