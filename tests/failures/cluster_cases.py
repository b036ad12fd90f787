"""Cases of the cluster and its credentials."""

from __future__ import annotations

import base64
import socket
import stat
from pathlib import Path

import yaml

from meshvm_tui.lab.authority import Authority
from tests.failures.bench import JSON, Bench, Run, both, cluster_only
from tests.failures.cases import Seen, World, case


@case(World.BARE)
def no_kubeconfig(bench: Bench) -> Seen:
    path = bench.folder / f"{bench.word}.yaml"
    return Seen(bench.apply(cluster_only, kubeconfig=path), {"path": str(path)})


@case(World.BARE)
def unknown_context(bench: Bench) -> Seen:
    known = f"{bench.word}-known"

    def rename(config: JSON) -> None:
        config["contexts"][0]["name"] = config["current-context"] = known

    def ask(plan: JSON) -> None:
        plan["cluster"]["context"] = bench.word

    run = bench.apply(both(cluster_only, ask), kubeconfig=bench.kubeconfig(rename))
    return Seen(run, {"context": bench.word, "known": known})


@case(World.BARE)
def kubeconfig_damaged(bench: Bench) -> Seen:
    path = bench.folder / f"{bench.word}.yaml"
    path.write_text(f"apiVersion: v1\nclusters: *{bench.word}\n", encoding="utf-8")
    return Seen(bench.apply(cluster_only, kubeconfig=path), {"path": str(path), "alias": bench.word})


@case(World.BARE)
def api_unreachable(bench: Bench) -> Seen:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: nobody else can take it meanwhile
        server = f"https://127.0.0.1:{taken.getsockname()[1]}"
        return Seen(_with_cluster(bench, server=server), {"server": server})


@case(World.BARE)
def api_unknown_name(bench: Bench) -> Seen:
    host = f"{bench.word}.invalid"
    return Seen(_with_cluster(bench, server=f"https://{host}:6443"), {"host": host})


@case(World.BARE)
def api_untrusted(bench: Bench) -> Seen:
    other = Authority(bench.folder / "other-ca", name=bench.word)
    pem = base64.b64encode(other.root_pem.encode()).decode()
    run = _with_cluster(bench, **{"certificate-authority-data": pem})
    return Seen(run, {"server": _server(bench)})


@case(World.BARE)
def api_other_name(bench: Bench) -> Seen:
    name = f"{bench.word}.example"
    return Seen(_with_cluster(bench, **{"tls-server-name": name}), {"name": name})


@case(World.BARE)
def plugin_missing(bench: Bench) -> Seen:
    plugin, hint = f"plugin-{bench.word}", f"get it from shelf {bench.word}"
    return Seen(_with_plugin(bench, plugin, installHint=hint), {"plugin": plugin, "hint": hint})


@case(World.BARE)
def plugin_failing(bench: Bench) -> Seen:
    words = f"the login of {bench.word} has ended"
    plugin = _script(bench, f'echo "{words}" >&2; exit 3')
    return Seen(_with_plugin(bench, str(plugin)), {"plugin": str(plugin), "words": words})


@case(World.BARE)
def plugin_empty(bench: Bench) -> Seen:
    words = f"welcome to {bench.word}"
    plugin = _script(bench, f'echo "{words}" >&2; echo welcome')
    return Seen(_with_plugin(bench, str(plugin)), {"plugin": str(plugin), "words": words})


@case(World.BARE, "api-401:lease {word} was taken back")
def api_unauthorized(bench: Bench) -> Seen:
    return Seen(bench.apply(cluster_only), {"words": f"lease {bench.word} was taken back"})


@case(World.DONE, "api-403:patch:workloadgroups")
def api_forbidden(bench: Bench) -> Seen:
    def other_group(plan: JSON) -> None:
        plan["workload"]["name"] = bench.word

    return Seen(bench.apply(both(cluster_only, other_group)), {"group": bench.word})


@case(World.BARE, "api-429:the queue of {word} is full")
def api_overloaded(bench: Bench) -> Seen:
    return Seen(bench.apply(cluster_only), {"words": f"the queue of {bench.word} is full"})


@case(World.BARE, "api-500:disk of {word} is full")
def api_failing(bench: Bench) -> Seen:
    return Seen(bench.apply(cluster_only), {"words": f"disk of {bench.word} is full"})


def _with_cluster(bench: Bench, **changed: str) -> Run:
    """A run with other words about the cluster in the kubeconfig."""

    def change(config: JSON) -> None:
        config["clusters"][0]["cluster"].update(changed)

    return bench.apply(cluster_only, kubeconfig=bench.kubeconfig(change))


def _with_plugin(bench: Bench, command: str, **more: str) -> Run:
    """A run whose kubeconfig asks a credential plugin."""
    stanza = {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "interactiveMode": "Never", **more}

    def change(config: JSON) -> None:
        config["users"][0]["user"] = {"exec": stanza}

    return bench.apply(cluster_only, kubeconfig=bench.kubeconfig(change))


def _script(bench: Bench, body: str) -> Path:
    path = bench.folder / f"plugin-{bench.word}"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(stat.S_IRWXU)
    return path


def _server(bench: Bench) -> str:
    config = yaml.safe_load((bench.lab.state / "kubeconfig").read_text(encoding="utf-8"))
    return str(config["clusters"][0]["cluster"]["server"])
