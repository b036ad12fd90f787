"""Google's own client library drives the lab's Compute Engine."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.auth import jwt
from google.cloud import compute_v1

from meshvm_tui.lab.google.catalogue import PROJECT
from tests.lab_google.google_lab import POD_RANGE, ZONE, GoogleLab, instance_body


class Clients:
    """The library's clients against the lab."""

    def __init__(self, lab: GoogleLab) -> None:
        # What the library makes of a service account's key by itself, without a token endpoint.
        loader = jwt.Credentials.from_service_account_file
        credentials = loader(str(lab.key_file()), audience="https://compute.googleapis.com/")  # type: ignore[no-untyped-call]
        options = {"credentials": credentials, "client_options": {"api_endpoint": lab.url}}
        self.instances = compute_v1.InstancesClient(**options)
        self.firewalls = compute_v1.FirewallsClient(**options)
        self.zone_operations = compute_v1.ZoneOperationsClient(**options)
        self.global_operations = compute_v1.GlobalOperationsClient(**options)
        self.images = compute_v1.ImagesClient(**options)
        self.machine_types = compute_v1.MachineTypesClient(**options)
        self.regions = compute_v1.RegionsClient(**options)
        self.subnetworks = compute_v1.SubnetworksClient(**options)

    def close(self) -> None:
        """Closes every session."""
        for client in vars(self).values():
            client.transport.close()

    def insert(self, name: str, request_id: str = "") -> compute_v1.Operation:
        """instances.insert."""
        body = compute_v1.Instance.from_json(json.dumps(instance_body(name)))
        request = compute_v1.InsertInstanceRequest(project=PROJECT, zone=ZONE, instance_resource=body)
        if request_id:
            request.request_id = request_id
        return self.instances.insert_unary(request)

    def wait(self, operation: compute_v1.Operation) -> compute_v1.Operation:
        """Until it is done; also for operations that are global."""
        while operation.status != compute_v1.Operation.Status.DONE:
            if operation.zone:
                operation = self.zone_operations.wait(project=PROJECT, zone=ZONE, operation=operation.name)
            else:
                operation = self.global_operations.wait(project=PROJECT, operation=operation.name)
        return operation

    def set_metadata(self, name: str, metadata: compute_v1.Metadata) -> compute_v1.Operation:
        """instances.setMetadata."""
        return self.instances.set_metadata_unary(project=PROJECT, zone=ZONE, instance=name, metadata_resource=metadata)

    def get(self, name: str) -> compute_v1.Instance:
        """instances.get."""
        return self.instances.get(project=PROJECT, zone=ZONE, instance=name)


@pytest.fixture
def clients(lab: GoogleLab) -> Iterator[Clients]:
    """Clients with the lab's service account."""
    made = Clients(lab)
    yield made
    made.close()


def test_an_instance_is_made_and_boots(lab: GoogleLab, clients: Clients) -> None:
    lab.host.free.clear()
    operation = clients.insert("my-mesh-vm")
    assert operation.status != compute_v1.Operation.Status.DONE
    assert clients.get("my-mesh-vm").status in ("PROVISIONING", "STAGING")
    waited = clients.zone_operations.wait(project=PROJECT, zone=ZONE, operation=operation.name)
    assert waited.status != compute_v1.Operation.Status.DONE  # wait answers before the end too
    lab.host.free.set()
    done = clients.wait(operation)
    assert (done.progress, done.http_error_status_code, done.operation_type) == (100, 0, "insert")
    made = clients.get("my-mesh-vm")
    internal, external = lab.host.addresses("my-mesh-vm")
    assert made.status == "RUNNING"
    assert made.network_interfaces[0].network_i_p == internal
    assert made.network_interfaces[0].access_configs[0].nat_i_p == external
    assert made.id == done.target_id
    assert list(made.service_accounts) == []  # none where none is asked for


def test_a_list_over_all_zones_follows_its_pages(lab: GoogleLab, clients: Clients) -> None:
    for number in range(3):
        clients.wait(clients.insert(f"vm-{number}"))
    request = compute_v1.AggregatedListInstancesRequest(project=PROJECT, max_results=2)
    scopes = list(clients.instances.aggregated_list(request))
    found = [instance.name for _, part in scopes for instance in part.instances]
    assert found == ["vm-0", "vm-1", "vm-2"]
    assert {
        str(compute_v1.InstancesScopedList.to_dict(part)["warning"]["code"]) for _, part in scopes if not part.instances
    } == {"NO_RESULTS_ON_PAGE"}
    named = compute_v1.ListInstancesRequest(project=PROJECT, zone=ZONE, filter="name=vm-1")
    assert [instance.name for instance in clients.instances.list(named)] == ["vm-1"]


def test_a_stale_fingerprint_is_refused(clients: Clients) -> None:
    clients.wait(clients.insert("my-mesh-vm"))
    read = clients.get("my-mesh-vm").metadata
    wanted = compute_v1.Metadata(
        fingerprint=read.fingerprint, items=[compute_v1.Items(key="ssh-keys", value="me:ssh-ed25519 AAAA me")]
    )
    clients.wait(clients.set_metadata("my-mesh-vm", wanted))
    assert [item.key for item in clients.get("my-mesh-vm").metadata.items] == ["ssh-keys"]
    with pytest.raises(exceptions.PreconditionFailed, match="fingerprint"):
        clients.set_metadata("my-mesh-vm", wanted)


def test_one_request_id_makes_one_instance(lab: GoogleLab, clients: Clients) -> None:
    request_id = str(uuid.uuid4())
    first = clients.wait(clients.insert("my-mesh-vm", request_id))
    assert clients.insert("my-mesh-vm", request_id).name == first.name
    with pytest.raises(exceptions.Conflict) as raised:
        clients.insert("my-mesh-vm", str(uuid.uuid4()))
    assert raised.value.errors[0]["reason"] == "alreadyExists"
    with pytest.raises(exceptions.BadRequest, match="UUID"):
        clients.insert("other", "00000000-0000-0000-0000-000000000000")


def test_a_quota_ends_the_operation_and_leaves_nothing(lab: GoogleLab, clients: Clients) -> None:
    lab.faults.set("google-quota", "CPUS")
    done = clients.wait(clients.insert("my-mesh-vm"))
    assert done.http_error_status_code == 403
    error = done.error.errors[0]
    assert error.code == "QUOTA_EXCEEDED"
    assert error.error_details[0].quota_info.metric_name == "compute.googleapis.com/cpus"
    quotas = clients.regions.get(project=PROJECT, region="us-central1").quotas
    assert {quota.metric: (quota.limit, quota.usage) for quota in quotas}["CPUS"] == (0.0, 0.0)
    with pytest.raises(exceptions.NotFound):
        clients.get("my-mesh-vm")


def test_a_firewall_rule_is_made_patched_and_deleted(clients: Clients) -> None:
    rule = compute_v1.Firewall(
        name="cluster-pods-to-vm",
        network="global/networks/default",
        direction="INGRESS",
        source_ranges=[POD_RANGE],
        target_tags=["mesh-vm"],
        allowed=[compute_v1.Allowed(I_p_protocol="tcp", ports=["80"])],
    )
    clients.wait(clients.firewalls.insert_unary(project=PROJECT, firewall_resource=rule))
    assert clients.firewalls.get(project=PROJECT, firewall=rule.name).priority == 1000
    patch = compute_v1.Firewall(name=rule.name, source_ranges=[POD_RANGE, "10.40.0.0/17"])
    clients.wait(clients.firewalls.patch_unary(project=PROJECT, firewall=rule.name, firewall_resource=patch))
    patched = clients.firewalls.get(project=PROJECT, firewall=rule.name)
    assert list(patched.source_ranges) == [POD_RANGE, "10.40.0.0/17"]
    assert list(patched.target_tags) == ["mesh-vm"]
    clients.wait(clients.firewalls.delete_unary(project=PROJECT, firewall=rule.name))
    assert rule.name not in [found.name for found in clients.firewalls.list(project=PROJECT)]


def test_what_google_offers_can_be_listed(clients: Clients) -> None:
    named = compute_v1.ListMachineTypesRequest(project=PROJECT, zone=ZONE, filter="name=n1-standard-2")
    assert [found.guest_cpus for found in clients.machine_types.list(named)] == [2]
    assert clients.images.get_from_family(project="debian-cloud", family="debian-12").name.startswith("debian-12-")
    subnetworks = dict(clients.subnetworks.aggregated_list(project=PROJECT))
    ranges = subnetworks["regions/us-central1"].subnetworks[0].secondary_ip_ranges
    assert [(found.range_name, found.ip_cidr_range) for found in ranges] == [("gke-lab-pods", POD_RANGE)]
