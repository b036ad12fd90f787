"""A GKE cluster on loopback: the lab's API server as its control plane, which takes Google's access tokens, and a
container API that describes it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from meshvm_tui.lab.cluster_api.access import User
from meshvm_tui.lab.cluster_api.errors import unauthorized
from meshvm_tui.plan import Plan
from tests.conformance_api.servers import Server
from tests.google_auth.google_world import ACCOUNT, Answer, Asked, World

JSON = dict[str, Any]
PROJECT, LOCATION, NAME = "lab-project-1", "us-central1-a", "lab"
CONTEXT = f"gke_{PROJECT}_{LOCATION}_{NAME}"
CLUSTERS = f"/v1/projects/{PROJECT}/locations/{LOCATION}/clusters"


def a_cluster(**changed: Any) -> JSON:
    """A cluster as container v1 describes it; judged by Google's document in `test_gke_views`."""
    return {
        "name": NAME,
        "location": LOCATION,
        "selfLink": f"https://container.googleapis.com/v1/projects/{PROJECT}/zones/{LOCATION}/clusters/{NAME}",
        "status": "RUNNING",
        "endpoint": "203.0.113.7",
        "masterAuth": {"clusterCaCertificate": "Q0E="},
        "currentMasterVersion": "1.34.1-gke.1829001",
        "releaseChannel": {"channel": "REGULAR"},
        "clusterIpv4Cidr": "10.8.0.0/14",
        "network": "default",
        "subnetwork": "default",
        "networkConfig": {"network": "projects/host-project/global/networks/shared"},
    } | changed


def a_plan(**cluster: Any) -> Plan:
    """A plan on that cluster."""
    gke = {"project": PROJECT, "location": LOCATION, "name": NAME}
    return Plan.model_validate({"cluster": {"gke": gke, **cluster}})


@dataclass
class Door:
    """Who the control plane lets in: Google's tokens but for the revoked ones. `seen` are those that came."""

    authenticate: Callable[[str], User]
    revoked: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)

    def __call__(self, authorization: str) -> User:
        token = authorization.removeprefix("Bearer ")
        if not token.startswith("ya29."):
            return self.authenticate(authorization)
        self.seen.append(token)
        if token in self.revoked:
            raise unauthorized()
        return User(ACCOUNT, ("system:masters", "system:authenticated"))


@dataclass
class Gke:
    """The whole of it. `described` is what the container API says of the cluster."""

    google: World
    api: Server
    door: Door
    described: JSON

    def describe(self, **changed: Any) -> None:
        """Changes the description, and serves it."""
        self.described = self.described | changed
        self.google.server.answer("GET", f"{CLUSTERS}/{NAME}", Answer(200, self.described))

    def tokens_live(self, seconds: int) -> None:
        """For how long the tokens from now on are good."""
        server, give = self.google.server, self.google.server.give_token

        def route(asked: Asked) -> Answer:
            answer = give(asked)
            assert isinstance(answer.body, dict)
            return Answer(200, answer.body | {"expires_in": seconds})

        server.routes["POST", "/token"] = route

    def logged_out(self) -> None:
        """Google gives no token any more."""
        words = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        self.google.server.answer("POST", "/token", Answer(400, words))

    def logged_in(self) -> None:
        """And gives some again."""
        self.google.server.routes["POST", "/token"] = self.google.server.give_token

    def tokens_asked(self) -> int:
        """How often a token was asked for."""
        return self.google.server.paths().count("/token")


def control_plane(api: Server) -> JSON:
    """What the container API says of where the control plane is."""
    authority = base64.b64encode(api.ca_file.read_bytes()).decode()
    return {"endpoint": urlsplit(api.url).netloc, "masterAuth": {"clusterCaCertificate": authority}}
