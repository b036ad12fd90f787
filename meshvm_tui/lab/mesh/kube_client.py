"""A very small Kubernetes client for the lab's istioctl: one context of a kubeconfig, a bearer token, plain https."""

from __future__ import annotations

import base64
import json
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from meshvm_tui.lab.mesh.exec_credential import NoCredential, exec_token

JSON = dict[str, Any]
SECONDS = 30.0


class KubeError(RuntimeError):
    """A refused request; `code` is the HTTP status, 0 where there was no answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class KubeClient:
    """Requests as the user of a context; the current one where none is named."""

    def __init__(self, kubeconfig: str = "", context: str = "") -> None:
        path = (kubeconfig or os.environ.get("KUBECONFIG", "")).split(os.pathsep)[0]
        try:
            config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise KubeError(0, f"unable to read the kubeconfig: {error}") from error
        chosen = _named(config, "contexts", context or config.get("current-context", ""))["context"]
        cluster = _named(config, "clusters", chosen["cluster"])["cluster"]
        self._server = str(cluster["server"])
        self._token = _token(_named(config, "users", chosen["user"])["user"])
        ca = base64.b64decode(cluster.get("certificate-authority-data", "")).decode()
        self._tls = ssl.create_default_context(cadata=ca or None)

    def request(self, method: str, path: str, body: JSON | None = None, media_type: str = "application/json") -> JSON:
        """One call; KubeError with the API server's own message."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": media_type, "User-Agent": "istioctl"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self._server + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=SECONDS) as answer:
                found: JSON = json.loads(answer.read())
                return found
        except urllib.error.HTTPError as error:
            raise KubeError(error.code, _message(error)) from error
        except OSError as error:
            raise KubeError(0, f"{method} {self._server}{path}: {error}") from error

    def get(self, path: str) -> JSON | None:
        """One object, or None where there is none."""
        try:
            return self.request("GET", path)
        except KubeError as error:
            if error.code == 404:
                return None
            raise

    def ensure(self, obj: JSON) -> None:
        """Creates an object, or merges it into the one that is there."""
        collection = path_of(obj)
        try:
            self.request("POST", f"{collection}?fieldManager=istio-operator", obj)
        except KubeError as error:
            if error.code != 409:
                raise
            path = f"{collection}/{obj['metadata']['name']}?fieldManager=istio-operator"
            self.request("PATCH", path, obj, "application/merge-patch+json")


def path_of(obj: JSON) -> str:
    """The collection in which an object lies."""
    version, namespace = obj["apiVersion"], obj["metadata"].get("namespace", "")
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{scope}/{obj['kind'].lower()}s"


def _named(config: JSON, part: str, name: str) -> JSON:
    for item in config.get(part) or []:
        if item.get("name") == name:
            found: JSON = item
            return found
    raise KubeError(0, f'context "{name}" does not exist' if part == "contexts" else f'no {part} entry "{name}"')


def _token(user: JSON) -> str:
    if "exec" not in user:
        return str(user.get("token", ""))
    try:
        return exec_token(user["exec"])
    except NoCredential as error:
        raise KubeError(0, str(error)) from None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError):
        return f"the server answered {error.code}"
