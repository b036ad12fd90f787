"""The objects that a stage's fields make, written by Istio's own documents from the plan alone.

What a running mesh decides (`auto`) is shown as a new install would have it; the review shows it as it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshvm_tui.events import Stage

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan

FRESH = {"mesh_id": "mesh1", "cluster_id": "Kubernetes", "network": ""}


def documents(plan: Plan, stage: Stage) -> tuple[str, ...]:
    """The documents as YAML; none where the stage makes no objects, or leaves them to what runs."""
    from meshvm_tui.istio import yaml_dialect

    makers = {Stage.MESH: _mesh, Stage.GATEWAY: _gateway, Stage.WORKLOAD: _workload}
    maker = makers.get(stage)
    return tuple(yaml_dialect.dump(document) for document in maker(plan)) if maker else ()


def _mesh(plan: Plan) -> tuple[dict[str, Any], ...]:
    from meshvm_tui.istio.operator import control_plane_object

    if plan.mesh.install.value != "install":
        return ()
    mesh = plan.mesh
    return (
        control_plane_object(
            mesh_id=_or_fresh(mesh.mesh_id, "mesh_id"),
            cluster_id=_or_fresh(mesh.cluster_id, "cluster_id"),
            network=_or_fresh(mesh.network, "network"),
            revision=_revision(plan),
            namespace=mesh.istio_namespace,
            profile=mesh.profile,
        ),
    )


def _gateway(plan: Plan) -> tuple[dict[str, Any], ...]:
    from meshvm_tui.istio.exposure import expose_istiod
    from meshvm_tui.istio.gateway import gateway_objects, gateway_operator_object

    gateway, place = plan.gateway, {"namespace": plan.gateway_namespace, "revision": _revision(plan)}
    settings: dict[str, Any] = {
        "internal": gateway.exposure.value == "internal",
        "source_ranges": gateway.source_ranges,
        **place,
    }
    made: tuple[dict[str, Any], ...]
    if gateway.method.value == "istioctl":
        made = (gateway_operator_object(gateway.name, istio_namespace=plan.mesh.istio_namespace, **settings),)
    else:
        # The load balancer first: it is what the fields shape.
        *others, service = gateway_objects(gateway.name, **settings)
        made = (service, *others)
    if not gateway.expose_istiod:
        return made
    exposed = expose_istiod(
        istio_namespace=plan.mesh.istio_namespace,
        revision=_revision(plan),
        gateway_namespace=plan.gateway_namespace,
    )
    return (*made, *exposed)


def _workload(plan: Plan) -> tuple[dict[str, Any], ...]:
    from meshvm_tui.istio.workload_group import workload_group

    return (workload_group(plan.workload),)


def _or_fresh(value: str, name: str) -> str:
    return FRESH[name] if value == "auto" else value


def _revision(plan: Plan) -> str:
    return "" if plan.mesh.revision == "auto" else plan.mesh.revision
