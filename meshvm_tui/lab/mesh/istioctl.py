"""The lab's istioctl: `version`, `install`, `manifest generate` and `x precheck`, with its words and exit codes.

It reaches the cluster as the real one does, through a kubeconfig, and waits until Deployments are Available.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from meshvm_tui.lab.cluster_api.istio_crds import crd_objects
from meshvm_tui.lab.mesh.installation import DEFAULT_TAG, control_plane_objects, gateway_objects
from meshvm_tui.lab.mesh.kube_client import KubeClient, KubeError, path_of
from meshvm_tui.lab.mesh.operator import BadOperator, control_plane_of, gateways_of, overlaid

VERSION = "1.30.3"
READINESS_SECONDS = 300.0
POLL_SECONDS = 0.05

JSON = dict[str, Any]


class Failed(RuntimeError):
    """istioctl ends with `Error: <text>` and exit code 1."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command."""
    wanted = _parser().parse_args(_command_first(arguments))
    try:
        if wanted.command == "version":
            _version(wanted)
        elif wanted.command == "install":
            _install(wanted)
        elif wanted.command == "manifest":
            _generate(wanted)
        else:
            _precheck(wanted)
    except (Failed, BadOperator, KubeError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


def _command_first(arguments: Sequence[str] | None) -> list[str]:
    """istioctl takes its global flags before the command as well; argparse does not."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    before = 0
    while before < len(given) and given[before].startswith("--") and "=" in given[before]:
        before += 1
    return [*given[before:], *given[:before]]


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("-c", "--kubeconfig", default="")
    shared.add_argument("--context", default="")
    shared.add_argument("-i", "--istioNamespace", default="istio-system")
    shared.add_argument("-n", "--namespace", default="")
    shared.add_argument("-f", "--filename", action="append", default=[])
    shared.add_argument("--set", "-s", dest="sets", action="append", default=[])
    shared.add_argument("-r", "--revision", default="")
    parser = argparse.ArgumentParser(prog="istioctl", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    version = commands.add_parser("version", parents=[shared])
    version.add_argument("--remote", nargs="?", const="true", default="true")
    version.add_argument("-o", "--output", default="")
    version.add_argument("--short", action="store_true")
    install = commands.add_parser("install", aliases=["apply"], parents=[shared])
    install.set_defaults(command="install")
    install.add_argument("-y", "--skip-confirmation", action="store_true")
    install.add_argument("--readiness-timeout", default="")
    install.add_argument("--force", action="store_true")
    manifest = commands.add_parser("manifest").add_subparsers(dest="manifest", required=True)
    generate = manifest.add_parser("generate", parents=[shared])
    generate.add_argument("--cluster-specific", action="store_true")
    for name in ("experimental", "x"):
        extra = commands.add_parser(name).add_subparsers(dest="experimental", required=True)
        extra.add_parser("precheck", parents=[shared])
    return parser


def _version(wanted: argparse.Namespace) -> None:
    client = {"version": VERSION, "revision": "lab", "golang_version": "none", "status": "Clean", "tag": VERSION}
    if wanted.output == "json":
        _say(json.dumps({"clientVersion": client}, indent=2))
        return
    if wanted.output == "yaml":
        _say(yaml.safe_dump({"clientVersion": client}).rstrip())
        return
    _say(f"client version: {VERSION}")
    if wanted.remote != "false":
        found = KubeClient(wanted.kubeconfig, wanted.context).get(
            "/apis/apps/v1/deployments?labelSelector=app%3Distiod"
        )
        for item in (found or {}).get("items", []):
            image = item["spec"]["template"]["spec"]["containers"][0]["image"]
            _say(f"control plane version: {image.rpartition(':')[2]}")


def _install(wanted: argparse.Namespace) -> None:
    document = _document(wanted)
    spec = overlaid(document, wanted.sets, wanted.revision)
    _confirm(wanted, spec)
    client = KubeClient(wanted.kubeconfig, wanted.context)
    plane = control_plane_of(spec, VERSION)
    if plane is not None:
        for definition in crd_objects():
            client.ensure(definition)
        _say("\u2714 Istio core installed \u26f5\ufe0f")
        objects = [_labelled(obj, document, plane.version) for _, obj in control_plane_objects(plane)]
        _apply(client, objects)
        _wait(client, objects, wanted)
        _say("\u2714 Istiod installed \U0001f9e0")
    gateways = [obj for gateway in gateways_of(spec, VERSION) for _, obj in gateway_objects(gateway)]
    if gateways:
        _apply(client, gateways)
        _wait(client, gateways, wanted)
        _say("\u2714 Ingress gateways installed \U0001f6ec")
    _say("\u2714 Installation complete")


def _labelled(obj: JSON, document: JSON, version: str) -> JSON:
    """What istioctl's installer adds to everything that it applies, and to nothing that it only generates."""
    owner = (document.get("metadata") or {}).get("name") or "unknown"
    labels = {"operator.istio.io/managed": "Reconcile", "operator.istio.io/version": version}
    labels["install.operator.istio.io/owning-resource"] = owner
    metadata = obj["metadata"]
    return {**obj, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}}}


def _generate(wanted: argparse.Namespace) -> None:
    spec = overlaid(_document(wanted), wanted.sets, wanted.revision)
    plane = control_plane_of(spec, VERSION)
    objects = [*crd_objects(), *(obj for _, obj in control_plane_objects(plane))] if plane else []
    objects += [obj for gateway in gateways_of(spec, VERSION) for _, obj in gateway_objects(gateway)]
    _say(yaml.safe_dump_all(objects, sort_keys=False).rstrip())


def _precheck(wanted: argparse.Namespace) -> None:
    KubeClient(wanted.kubeconfig, wanted.context).request("GET", "/version")
    _say("\u2714 No issues found when checking the cluster. Istio is safe to install or upgrade!")


def _document(wanted: argparse.Namespace) -> Any:
    document: Any = {"kind": "IstioOperator", "spec": {}}
    for name in wanted.filename:
        text = sys.stdin.read() if name == "-" else _read(Path(name))
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise BadOperator(f"could not read the input: {' '.join(str(error).split())}") from error
    return document


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Failed(f"failed to read values from file [{path}]: {error.strerror}") from error


def _confirm(wanted: argparse.Namespace, spec: JSON) -> None:
    if wanted.skip_confirmation:
        return
    profile = spec.get("profile", "default")
    sys.stdout.write(f'This will install the Istio {VERSION} profile "{profile}" into the cluster. Proceed? (y/N) ')
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        _say("Cancelled.")
        raise SystemExit(1)


def _apply(client: KubeClient, objects: list[JSON]) -> None:
    for obj in objects:
        name = obj["metadata"]["name"]
        if name.startswith(DEFAULT_TAG) and client.get(f"{path_of(obj)}/{name}") is not None:
            continue
        client.ensure(obj)


def _wait(client: KubeClient, objects: list[JSON], wanted: argparse.Namespace) -> None:
    end = time.monotonic() + _seconds(wanted.readiness_timeout)
    for obj in (one for one in objects if one["kind"] == "Deployment"):
        path = f"{path_of(obj)}/{obj['metadata']['name']}"
        while not _available(client.get(path)):
            if time.monotonic() > end:
                where = f"Deployment/{obj['metadata']['namespace']}/{obj['metadata']['name']}"
                raise Failed(
                    f"failed to wait for resource: resources not ready after 5m0s: context deadline exceeded\n  {where}"
                )
            time.sleep(POLL_SECONDS)


def _available(deployment: JSON | None) -> bool:
    conditions = ((deployment or {}).get("status") or {}).get("conditions") or []
    return any(one["type"] == "Available" and one["status"] == "True" for one in conditions)


def _seconds(text: str) -> float:
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    if text and text[-1] in units and text[:-1].isdigit():
        return float(text[:-1]) * units[text[-1]]
    return READINESS_SECONDS


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
