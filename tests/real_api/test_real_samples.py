"""The release's own samples on a real API server: what they made is taken as it is, and ours says the same."""

from __future__ import annotations

from typing import Any

import pytest

from meshvm_tui.events import Mode, Standing
from meshvm_tui.istio.exposure import expose_istiod, expose_services
from tests.real_api.istio_release import SYSTEM, IstioRelease
from tests.real_api.world import ADMIN, World, managers

pytestmark = pytest.mark.real_tools
JSON = dict[str, Any]
KUBECTL = "kubectl"


def specs(objects: list[JSON]) -> dict[tuple[str, str], JSON]:
    """What the objects say, by kind and name."""
    return {(item["kind"], item["metadata"]["name"]): item["spec"] for item in objects}


def by_us(world: World) -> list[str]:
    """The writes of the product since the mark; the test's own requests are another agent's."""
    lines = world.audit.asked(ADMIN)
    ours = [one for one in lines if one.get("userAgent", "").startswith("meshvm-tui")]
    assert ours, "the product asked nothing"
    return [f"{one['verb']} {one['requestURI']}" for one in ours if one["verb"] in ("patch", "update", "delete")]


@pytest.mark.parametrize(
    ("sample", "ours"),
    [
        ("expose-istiod.yaml", expose_istiod()),
        ("expose-services.yaml", expose_services()),
    ],
)
def test_our_objects_say_what_the_sample_says(istio: IstioRelease, sample: str, ours: tuple[JSON, ...]) -> None:
    assert specs(list(ours)) == specs(istio.sample(f"multicluster/{sample}"))


def test_our_objects_for_a_revision_say_what_the_template_says(istio: IstioRelease) -> None:
    template = (istio.module / "samples/multicluster/expose-istiod-rev.yaml.tmpl").read_text()
    folder = istio.module / "samples/multicluster"
    assert "{{.Revision}}" in template, folder
    import yaml

    theirs = [item for item in yaml.safe_load_all(template.replace("{{.Revision}}", "rev-1")) if item]
    assert specs(list(expose_istiod(revision="rev-1"))) == specs(theirs)


def test_istiod_that_was_exposed_by_the_sample_is_taken_as_it_is(world: World) -> None:
    world.install_istio()
    exposed = [
        _moved(item, world.mesh) for name in ("istiod", "services") for item in _sample(world, f"expose-{name}.yaml")
    ]
    world.put(exposed, KUBECTL, world.mesh)
    before = world.istio_object("gateways", "istiod-gateway", world.mesh)
    world.audit.forget()
    ended = world.run(world.plan(), Mode.APPLY, "control-plane", "expose-istiod", "expose-services")
    assert ended.codes == {}
    assert not ended.run.changed
    assert by_us(world) == []
    assert world.istio_object("gateways", "istiod-gateway", world.mesh) == before


def test_the_guides_gateway_is_adopted(world: World) -> None:
    world.install_istio()
    world.put(world.istio.eastwest_gateway(world.mesh), "istio-operator")
    world.audit.forget()
    ended = world.run(world.plan(), Mode.APPLY, "control-plane", "eastwest-gateway", "gateway-address")
    assert ended.codes == {}
    seen = ended.steps["eastwest-gateway"].observation
    assert seen is not None
    assert (seen.standing, seen.reason) == (Standing.SATISFIED, "Adopted")
    assert by_us(world) == []


def test_our_gateway_serves_the_ports_of_the_guides_and_is_found_by_the_same_label(world: World) -> None:
    world.install_istio()
    theirs = {item["kind"]: item for item in world.istio.eastwest_gateway(world.mesh)}
    ended = world.run(world.plan(), Mode.APPLY, "control-plane", "eastwest-gateway")
    assert ended.codes == {}
    ours = world.live(f"/api/v1/namespaces/{world.mesh}/services/istio-eastwestgateway")
    wanted = {(port["name"], port["port"]) for port in theirs["Service"]["spec"]["ports"]}
    assert {(port["name"], port["port"]) for port in ours["spec"]["ports"]} == wanted
    assert ours["spec"]["selector"]["istio"] == theirs["Service"]["spec"]["selector"]["istio"]
    deployment = world.live(f"/apis/apps/v1/namespaces/{world.mesh}/deployments/istio-eastwestgateway")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert ours["spec"]["selector"].items() <= labels.items()
    assert managers(deployment) >= {"meshvm-tui:Apply"}


def test_the_releases_helloworld_stands_beside_ours(world: World) -> None:
    world.install_istio()
    world.make_namespaces(world.sample)
    world.put(world.istio.sample("helloworld/helloworld.yaml"), KUBECTL, world.sample)
    path = f"/api/v1/namespaces/{world.sample}/services/helloworld"
    before = world.live(path)
    ended = world.run(world.plan(), Mode.APPLY, "control-plane", "hello-world")
    assert ended.codes == {}
    assert world.live(path) == before
    assert world.live(f"/api/v1/namespaces/{world.sample}/services/hello-world")["spec"]["ports"][0]["port"] == 80


def test_a_hello_world_of_another_hand_is_used_as_it_is(world: World) -> None:
    world.install_istio()
    made = world.run(world.plan(), Mode.APPLY, "control-plane", "hello-world")
    assert made.codes == {}
    path = f"/apis/apps/v1/namespaces/{world.sample}/deployments/hello-world"
    ours = world.live(path)
    labels = {**ours["spec"]["template"]["metadata"]["labels"], "theirs": "yes"}
    world.driver.ok("DELETE", path)
    theirs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "hello-world", "namespace": world.sample},
        "spec": {
            "replicas": 3,
            "selector": ours["spec"]["selector"],
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "their/app"}]},
            },
        },
    }
    world.put([theirs], KUBECTL)
    ended = world.run(world.plan(), Mode.APPLY, "control-plane", "hello-world")
    assert ended.codes == {}
    assert not ended.run.changed
    assert world.live(path)["spec"]["replicas"] == 3


def _sample(world: World, name: str) -> list[JSON]:
    return world.istio.sample(f"multicluster/{name}")


def _moved(item: JSON, namespace: str) -> JSON:
    """The sample for a control plane of another namespace, as its readers are told to edit it."""
    import json

    moved: JSON = json.loads(json.dumps(item).replace(SYSTEM, namespace))
    return moved
