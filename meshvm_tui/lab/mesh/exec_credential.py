"""Credentials that a kubeconfig has a program make, as client-go asks for them (client.authentication.k8s.io/v1)."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

JSON = dict[str, Any]
SECONDS = 30.0


class NoCredential(RuntimeError):
    """The program gave none; the text is client-go's."""


def exec_token(wanted: JSON) -> str:
    """The bearer token of a user's `exec` entry."""
    command, version = str(wanted["command"]), str(wanted.get("apiVersion", ""))
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    named = {item["name"]: item["value"] for item in wanted.get("env") or ()}
    environment = {**os.environ, **named, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    words = f"getting credentials: exec: executable {command}"
    try:
        done = subprocess.run(
            [command, *(wanted.get("args") or ())], env=environment, capture_output=True, timeout=SECONDS, check=False
        )
    except FileNotFoundError:
        raise NoCredential(f"{words} not found") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoCredential(f"{words} failed: {error}") from None
    if done.returncode != 0:
        raise NoCredential(f"{words} failed with exit code {done.returncode}")
    try:
        answer = json.loads(done.stdout)
        told, token = answer.get("apiVersion"), answer["status"]["token"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoCredential("getting credentials: decoding stdout: no ExecCredential with a token") from None
    if told != version:
        raise NoCredential(f"getting credentials: exec plugin is configured to use API version {version}, got {told}")
    return str(token)
