"""The lab's cluster seen by nobody of the product: plain HTTPS to its API server, as another operator's kubectl."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import yaml

ENTRIES = "/apis/networking.istio.io/v1/namespaces/vm-namespace/workloadentries"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
JSON = dict[str, Any]


class LabCluster:
    """The API server that a kubeconfig names, with the token that stands in it."""

    def __init__(self, kubeconfig: Path) -> None:
        self._config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster = self._config["clusters"][0]["cluster"]
        self._server = cluster["server"]
        root = base64.b64decode(cluster["certificate-authority-data"]).decode("ascii")
        self._tls = ssl.create_default_context(cadata=root)

    def ask(self, method: str, path: str, body: JSON | None = None, kind: str = "application/json") -> JSON:
        """One request and its answer. Raises HTTPError."""
        request = urllib.request.Request(self._server + path, method=method)
        request.add_header("Authorization", f"Bearer {self._config['users'][0]['user']['token']}")
        request.add_header("User-Agent", "another-operator")
        request.add_header("Content-Type", kind)
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=20, context=self._tls) as answer:
            found: JSON = json.load(answer)
            return found

    def items(self, path: str) -> list[JSON]:
        """The objects of a list; none where there is not even such a kind."""
        try:
            found: list[JSON] = self.ask("GET", path)["items"]
        except HTTPError as error:
            with error:
                assert error.code == 404, error
            return []
        return found

    def names(self, path: str) -> list[str]:
        """The names of a list's objects."""
        return [item["metadata"]["name"] for item in self.items(path)]

    def mark(self, path: str, annotations: dict[str, str]) -> None:
        """Writes annotations onto an object."""
        self.ask("PATCH", path, {"metadata": {"annotations": annotations}}, "application/merge-patch+json")

    def kubeconfig_of_an_administrator(self, name: str, file: Path) -> str:
        """Makes a ServiceAccount that may do everything and a kubeconfig of it; gives its user name."""
        account = {"metadata": {"name": name, "namespace": "default"}}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
        everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        self.ask("POST", "/api/v1/namespaces/default/serviceaccounts", account)
        self.ask("POST", f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": [everything]})
        binding = {"metadata": {"name": name}, "subjects": [subject], "roleRef": role}
        self.ask("POST", f"{RBAC}/clusterrolebindings", binding)
        asked: JSON = {"spec": {"expirationSeconds": 3600}}
        answer = self.ask("POST", f"/api/v1/namespaces/default/serviceaccounts/{name}/token", asked)
        config = json.loads(json.dumps(self._config))
        config["users"][0]["user"] = {"token": answer["status"]["token"]}
        file.write_text(json.dumps(config), encoding="utf-8")
        file.chmod(0o600)
        return f"system:serviceaccount:default:{name}"
