"""Every reading method of the adapter: the right request, and the answer as the REST API spells it."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.adapters.google_compute import GoogleCompute
from meshvm_tui.compute_ports import JSON, Listing
from meshvm_tui.problems import ActionNeeded, PermanentError, Problem
from tests.google.google_server import TOKEN, Answer, Asked, GoogleServer, error

World = tuple[GoogleServer, GoogleCompute]
P, Z = "lab-project-1", "us-central1-a"
ROOT = f"https://www.googleapis.com/compute/v1/projects/{P}"

RICH: JSON = {
    "kind": "compute#instance",
    "id": "4532178390021234567",
    "creationTimestamp": "2026-11-22T09:10:11.123-08:00",
    "name": "vm-1",
    "tags": {"items": ["mesh-vm"], "fingerprint": "bWVzaA=="},
    "machineType": f"{ROOT}/zones/{Z}/machineTypes/n1-standard-2",
    "status": "RUNNING",
    "zone": f"{ROOT}/zones/{Z}",
    "canIpForward": False,
    "deletionProtection": False,
    "networkInterfaces": [
        {
            "kind": "compute#networkInterface",
            "name": "nic0",
            "network": f"{ROOT}/global/networks/default",
            "networkIP": "10.128.0.2",
            "stackType": "IPV4_ONLY",
            "fingerprint": "Zmlu",
            "accessConfigs": [
                {
                    "kind": "compute#accessConfig",
                    "type": "ONE_TO_ONE_NAT",
                    "name": "external-nat",
                    "natIP": "203.0.113.7",
                    "networkTier": "PREMIUM",
                }
            ],
            "aliasIpRanges": [{"ipCidrRange": "10.4.0.0/24", "subnetworkRangeName": "pods"}],
        }
    ],
    "disks": [{"boot": True, "autoDelete": False, "index": 0, "diskSizeGb": "10", "deviceName": "persistent-disk-0"}],
    "metadata": {
        "kind": "compute#metadata",
        "fingerprint": "ZmluZ2Vy",
        "items": [{"key": "ssh-keys", "value": "me:ssh-ed25519 AAAA\nyou:ssh-rsa BBBB"}, {"key": "empty", "value": ""}],
    },
    "serviceAccounts": [{"email": "1-compute@developer.gserviceaccount.com", "scopes": ["https://x/auth/pubsub"]}],
    "scheduling": {"automaticRestart": True, "preemptible": False, "onHostMaintenance": "MIGRATE"},
    "labels": {"managed-by": "meshvm-tui"},
    "labelFingerprint": "bGFiZWw=",
    "startRestricted": False,
    "shieldedInstanceConfig": {"enableSecureBoot": False, "enableVtpm": True},
}


def test_an_instance_comes_back_as_google_spells_it_and_nothing_is_lost(world: World) -> None:
    server, compute = world
    server.answers["compute.instances.get"] = RICH
    assert compute.instance(P, Z, "vm-1") == RICH
    asked = server.asked[0]
    assert asked.path == f"/compute/v1/projects/{P}/zones/{Z}/instances/vm-1"
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["user-agent"].startswith("meshvm-tui/")


def test_fields_that_are_newer_than_the_library_are_left_out(world: World) -> None:
    server, compute = world
    server.answers["compute.instances.get"] = {"name": "vm-1", "status": "NEW_STATUS", "brandNewField": {"a": 1}}
    assert compute.instance(P, Z, "vm-1") == {"name": "vm-1", "status": "NEW_STATUS"}


def test_no_such_instance_or_rule_or_cluster_is_none(world: World) -> None:
    _, compute = world
    assert compute.instance(P, Z, "vm-9") is None
    assert compute.firewall(P, "no-rule") is None
    assert compute.cluster(P, Z, "no-cluster") is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (f"The resource 'projects/{P}/zones/{Z}' was not found", "MVM-810"),
        (f"The resource 'projects/{P}' was not found", "MVM-809"),
    ],
)
def test_no_such_zone_or_project_is_told_apart_from_no_such_instance(world: World, words: str, code: str) -> None:
    server, compute = world
    server.answers["compute.instances.get"] = error(404, words, "notFound")
    with pytest.raises(ActionNeeded) as caught:
        compute.instance(P, Z, "vm-1")
    assert (caught.value.code, caught.value.cause) == (code, words)


def pages_of(*pages: JSON) -> Any:
    """Answers pages one after another, each asked for by the token of the one before."""

    def answer(asked: Asked) -> JSON:
        number = int(asked.query.get("pageToken", ["0"])[0])
        assert asked.query["maxResults"] == ["500"]
        more = {"nextPageToken": str(number + 1)} if number + 1 < len(pages) else {}
        return pages[number] | more

    return answer


def test_instances_of_all_zones_over_several_pages_with_those_that_did_not_answer(world: World) -> None:
    server, compute = world
    empty = {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "There are no results."}}
    silent = {"warning": {"code": "UNREACHABLE", "message": "The scope is unreachable."}}
    server.answers["compute.instances.aggregatedList"] = pages_of(
        {"items": {f"zones/{Z}": {"instances": [{"name": "vm-1"}, {"name": "vm-2"}]}, "zones/us-east1-b": empty}},
        {
            "items": {"zones/europe-west1-b": {"instances": [{"name": "vm-3"}]}, "zones/us-west1-a": silent},
            "unreachables": [f"{ROOT}/zones/us-central1-f"],
        },
    )
    found = compute.instances(P)
    assert [item["name"] for item in found.items] == ["vm-1", "vm-2", "vm-3"]
    assert found.unreachable == ("us-central1-f", "us-west1-a")


def test_zones_networks_and_firewalls(world: World) -> None:
    server, compute = world
    zones = [{"name": Z, "status": "UP", "region": f"{ROOT}/regions/us-central1"}]
    rule = {"name": "a", "priority": 0, "disabled": False, "allowed": [{"IPProtocol": "tcp", "ports": ["22", "80-90"]}]}
    server.answers["compute.zones.list"] = pages_of({"items": zones}, {"items": [{"name": "us-central1-b"}]}, {})
    server.answers["compute.networks.list"] = {"items": [{"name": "default", "IPv4Range": "10.0.0.0/8"}]}
    server.answers["compute.firewalls.list"] = {"items": [rule]}
    server.answers["compute.firewalls.get"] = rule
    assert compute.zones(P) == (*zones, {"name": "us-central1-b"})
    assert compute.networks(P) == ({"name": "default", "IPv4Range": "10.0.0.0/8"},)
    assert compute.firewalls(P) == (rule,)
    assert compute.firewall(P, "a") == rule


def test_a_region_has_its_quotas(world: World) -> None:
    server, compute = world
    region = {"name": "us-central1", "quotas": [{"metric": "CPUS", "limit": 24.0, "usage": 0.0}]}
    server.answers["compute.regions.get"] = region
    assert compute.region(P, "us-central1") == region


def test_machine_types_without_deprecated_ones(world: World) -> None:
    server, compute = world
    good = {"name": "n1-standard-2", "guestCpus": 2, "memoryMb": 7680, "isSharedCpu": False}
    server.answers["compute.machineTypes.list"] = {
        "items": [good, {"name": "old", "deprecated": {"state": "DEPRECATED"}}, {"name": "ok", "deprecated": {}}]
    }
    assert compute.machine_types(P, Z) == (good, {"name": "ok", "deprecated": {}})


def test_the_newest_usable_image_of_each_family(world: World) -> None:
    server, compute = world

    def image(name: str, family: str, made: str, **more: Any) -> JSON:
        return {"name": name, "family": family, "creationTimestamp": made, "status": "READY"} | more

    newest = image("debian-12-v3", "debian-12", "2026-11-10T01:00:00.000-08:00")
    other = image("debian-13-v1", "debian-13", "2026-10-01T00:00:00.000+00:00")
    server.answers["compute.images.list"] = pages_of(
        {"items": [other, image("debian-12-v2", "debian-12", "2026-11-10T08:59:59.000+00:00")]},
        {
            "items": [
                newest,
                image("debian-12-v4", "debian-12", "2026-11-20T00:00:00.000-08:00", deprecated={"state": "OBSOLETE"}),
                image("debian-12-v5", "debian-12", "2026-11-21T00:00:00.000-08:00", status="PENDING"),
                {"name": "without-family"},
            ]
        },
    )
    assert compute.image_families("debian-cloud") == (newest, other)
    assert server.asked[0].path == "/compute/v1/projects/debian-cloud/global/images"


def test_subnetworks_of_one_region_and_of_all(world: World) -> None:
    server, compute = world
    subnet = {"name": "default", "ipCidrRange": "10.128.0.0/20", "secondaryIpRanges": [{"rangeName": "pods"}]}
    server.answers["compute.subnetworks.list"] = {"items": [subnet]}
    server.answers["compute.subnetworks.aggregatedList"] = {
        "items": {"regions/us-central1": {"subnetworks": [subnet]}},
        "unreachables": [f"{ROOT}/regions/asia-east1"],
    }
    assert compute.subnetworks(P, "us-central1") == Listing((subnet,))
    assert compute.subnetworks(P) == Listing((subnet,), ("asia-east1",))


def test_effective_firewalls_of_an_interface(world: World) -> None:
    server, compute = world
    found = {
        "firewalls": [{"name": "deny", "denied": [{"IPProtocol": "all"}], "priority": 100}],
        "firewallPolicys": [{"name": "1", "type": "HIERARCHY", "rules": [{"action": "deny", "priority": 5}]}],
    }
    server.answers["compute.instances.getEffectiveFirewalls"] = found
    assert compute.effective_firewalls(P, Z, "vm-1", "nic1") == found
    assert server.asked[0].query == {"networkInterface": ["nic1"]}


def test_guest_attributes_by_key(world: World) -> None:
    server, compute = world
    items = [
        {"namespace": "hostkeys", "key": "ssh-ed25519", "value": "AAAA"},
        {"namespace": "hostkeys", "key": "ssh-rsa", "value": "BBBB"},
    ]
    answer = {"queryPath": "hostkeys/", "queryValue": {"items": items}}
    server.answers["compute.instances.getGuestAttributes"] = answer
    found = compute.guest_attributes(P, Z, "vm-1", "hostkeys/")
    assert found == {"ssh-ed25519": "AAAA", "ssh-rsa": "BBBB"}
    assert server.asked[0].query == {"queryPath": ["hostkeys/"]}


def test_no_guest_attributes_yet_is_empty_but_no_instance_is_told(world: World) -> None:
    server, compute = world
    unwritten = error(404, "The resource 'hostkeys/' of type 'Guest Attribute' was not found.", "notFound")
    server.once["compute.instances.getGuestAttributes"].append(unwritten)
    assert compute.guest_attributes(P, Z, "vm-1", "hostkeys/") == {}
    with pytest.raises(ActionNeeded, match="MVM-816"):
        compute.guest_attributes(P, Z, "vm-1", "hostkeys/")


def test_the_project_and_one_that_does_not_exist(world: World) -> None:
    server, compute = world
    project = {"name": P, "id": "100000000001", "commonInstanceMetadata": {"fingerprint": "YQ=="}, "quotas": []}
    server.once["compute.projects.get"].append(project)
    assert compute.project(P) == {key: value for key, value in project.items() if key != "quotas"}
    with pytest.raises(ActionNeeded, match="MVM-809"):
        compute.project(P)


def test_permissions_are_asked_a_hundred_at_a_time(world: World) -> None:
    server, compute = world
    wanted = [f"compute.things.do{number}" for number in range(150)]
    server.answers["cloudresourcemanager.projects.testIamPermissions"] = lambda asked: {
        "permissions": [name for name in asked.body["permissions"] if not name.endswith("7")]
    }
    assert compute.permissions(P, wanted) == {name for name in wanted if not name.endswith("7")}
    assert [len(asked.body["permissions"]) for asked in server.asked] == [100, 50]
    assert {asked.path for asked in server.asked} == {f"/v3/projects/{P}:testIamPermissions"}


def test_no_permission_at_all(world: World) -> None:
    server, compute = world
    server.answers["cloudresourcemanager.projects.testIamPermissions"] = {}
    assert compute.permissions(P, ["compute.instances.get"]) == frozenset()
    assert compute.permissions(P, []) == frozenset()
    assert len(server.asked) == 1


def test_enabled_services_are_asked_thirty_at_a_time(world: World) -> None:
    server, compute = world

    def answer(asked: Asked) -> JSON:
        states = {"compute.googleapis.com": "ENABLED", "iap.googleapis.com": "DISABLED"}
        names = [name.rpartition("/")[2] for name in asked.query["names"]]
        return {
            "services": [
                {"name": f"projects/100000000001/services/{name}", "state": states.get(name, "ENABLED")}
                for name in names
            ]
        }

    server.answers["serviceusage.services.batchGet"] = answer
    wanted = ["compute.googleapis.com", "iap.googleapis.com", *(f"a{number}.googleapis.com" for number in range(40))]
    assert compute.enabled_services(P, wanted) == frozenset(wanted) - {"iap.googleapis.com"}
    assert [len(asked.query["names"]) for asked in server.asked] == [30, 12]
    assert server.asked[0].query["names"][0] == f"projects/{P}/services/compute.googleapis.com"


def test_clusters_of_all_locations_and_one(world: World) -> None:
    server, compute = world
    cluster = {"name": "lab", "location": Z, "status": "RUNNING", "clusterIpv4Cidr": "10.8.0.0/14"}
    server.answers["container.projects.locations.clusters.list"] = {
        "clusters": [cluster],
        "missingZones": ["us-east1-b"],
    }
    server.answers["container.projects.locations.clusters.get"] = cluster
    assert compute.clusters(P) == Listing((cluster,), ("us-east1-b",))
    assert compute.cluster(P, Z, "lab") == cluster
    assert [asked.path for asked in server.asked] == [
        f"/v1/projects/{P}/locations/-/clusters",
        f"/v1/projects/{P}/locations/{Z}/clusters/lab",
    ]


def test_defaults_and_identity_are_the_logins(world: World) -> None:
    server, compute = world
    assert (compute.defaults().project.value, compute.defaults().zone.value) == (P, Z)
    assert server.asked == []


def test_an_answer_that_is_no_json_is_named(world: World) -> None:
    server, compute = world
    server.answers["compute.zones.list"] = Answer(raw=b"<html><title>Login</title>Hotel Wi-Fi</html>")
    with pytest.raises(PermanentError) as caught:
        compute.zones(P)
    assert caught.value.code == "MVM-840"


def test_a_failure_on_a_later_page_is_a_problem_as_well(world: World) -> None:
    server, compute = world
    server.once["compute.zones.list"].append({"items": [{"name": Z}], "nextPageToken": "1"})
    server.once["compute.zones.list"].append(error(400, "Invalid value for field 'pageToken': '1'.", "invalid"))
    with pytest.raises(Problem, match="pageToken"):
        compute.zones(P)
