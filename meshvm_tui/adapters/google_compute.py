"""Google Cloud where it may be changed: instances and firewall rules.

Every mutation carries a request id: where its answer is lost it is sent again with the same one, and Compute Engine
gives the operation that it began the first time (requestId in the API's reference).
"""

from __future__ import annotations

from collections.abc import Callable

from meshvm_tui.adapters.google_compute_calls import as_json, begun, message_of
from meshvm_tui.adapters.google_compute_operations import wait_for
from meshvm_tui.adapters.google_compute_reads import GoogleComputeReader
from meshvm_tui.compute_ports import JSON, Operation


class GoogleCompute(GoogleComputeReader):
    """Fulfils `compute_ports.Compute`."""

    def insert_instance(self, project: str, zone: str, body: JSON, request_id: str) -> Operation:
        """instances.insert."""
        return self._calls.mutate(
            "Instances",
            "insert",
            "InsertInstanceRequest",
            project=project,
            zone=zone,
            instance_resource=message_of("Instance", body),
            request_id=request_id,
        )

    def start_instance(self, project: str, zone: str, name: str, request_id: str) -> Operation:
        """instances.start."""
        return self._calls.mutate(
            "Instances",
            "start",
            "StartInstanceRequest",
            project=project,
            zone=zone,
            instance=name,
            request_id=request_id,
        )

    def set_metadata(self, project: str, zone: str, name: str, metadata: JSON, request_id: str) -> Operation:
        """instances.setMetadata."""
        return self._calls.mutate(
            "Instances",
            "set_metadata",
            "SetMetadataInstanceRequest",
            project=project,
            zone=zone,
            instance=name,
            metadata_resource=message_of("Metadata", metadata),
            request_id=request_id,
        )

    def insert_firewall(self, project: str, body: JSON, request_id: str) -> Operation:
        """firewalls.insert."""
        return self._calls.mutate(
            "Firewalls",
            "insert",
            "InsertFirewallRequest",
            project=project,
            firewall_resource=message_of("Firewall", body),
            request_id=request_id,
        )

    def patch_firewall(self, project: str, name: str, body: JSON, request_id: str) -> Operation:
        """firewalls.patch. A field that is given as an empty list is cleared."""
        message = message_of("Firewall", body)
        if as_json(message) != body:
            return self._patch_plainly(project, name, body, request_id)
        return self._calls.mutate(
            "Firewalls",
            "patch",
            "PatchFirewallRequest",
            project=project,
            firewall=name,
            firewall_resource=message,
            request_id=request_id,
        )

    def wait(
        self, operation: Operation, said: Callable[[str, int | None], None], cancelled: Callable[[], bool]
    ) -> None:
        """Returns when it is done; see `google_compute_operations.wait_for`."""
        wait_for(self._calls.clients, operation, said, cancelled)

    def _patch_plainly(self, project: str, name: str, body: JSON, request_id: str) -> Operation:
        """The same without the library's messages, which leave an empty list out: the rule would keep the old one."""
        doing = f"firewalls.patch {name} in {project}"
        path = f"compute/v1/projects/{project}/global/firewalls/{name}"
        return begun(self._rest.patch("compute", path, body, {"requestId": request_id}, doing=doing), project, doing)
