"""`meshvm-tui files`: what `istioctl x workload entry configure` does, with its flags, and safely."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from meshvm_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from meshvm_tui.bootstrap_source import SourceRequest

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_TOKEN_SECONDS = 3600


_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


def _truth(value: str | bool) -> bool:
    """A truth in the words that Go's flags take; `yes` is none of them."""
    if isinstance(value, bool):
        return value
    if value not in (*_TRUE, *_FALSE):
        raise click.BadParameter(f"{value!r} is neither true nor false")
    return value in _TRUE


def _whole_number(value: str | int) -> int:
    """A number as Go's flags take it: decimal, 0x, 0o or 0b, a leading 0 for octal, and underscores within it."""
    if isinstance(value, int):
        return value
    try:
        return int(re.sub(r"^([+-]?)0_?(?=[0-7])", r"\g<1>0o", value), 0)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a valid integer") from None


class _GoFlags(click.Command):
    """Takes `-n=x` for `-n x`, as istioctl and kubectl do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Takes the arguments apart; what follows `--` is no flag."""
        end = args.index("--") if "--" in args else len(args)
        plain = [arg[:2] + arg[3:] if re.match(r"-[A-Za-z]=.", arg, re.DOTALL) else arg for arg in args[:end]]
        return super().parse_args(ctx, plain + args[end:])


def _switch(*names: str, default: bool, text: str) -> Callable[[F], F]:
    """A flag as Go's flag library reads it: alone for true, or with `=true` or `=false`."""
    return click.option(
        *names, is_flag=False, flag_value="true", type=_truth, metavar="[=true|=false]", default=default, help=text
    )


@click.command(cls=_GoFlags, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-f", "--file", "path", default="", metavar="FILE", help="The WorkloadGroup (YAML).")
@click.option("--name", default="", help="The name of a WorkloadGroup on the API server.")
@click.option("-n", "--namespace", default="", help="The namespace of the WorkloadGroup that --name names.")
@click.option("-o", "--output", default="", metavar="DIRECTORY", help="Where the files are written.")
@click.option(
    "--clusterID", "cluster_id", default=None, help="The cluster's ID (default: as istiod's injector has it)."
)
@click.option(
    "--tokenDuration",
    "token_seconds",
    type=_whole_number,
    metavar="SECONDS",
    default=DEFAULT_TOKEN_SECONDS,
    help="The token's life in seconds.",
)
@click.option(
    "--ingressService",
    "ingress_service",
    default="istio-eastwestgateway",
    help="The gateway's Service, as <service>.<namespace> (default namespace: Istio's).",
)
@click.option("--ingressIP", "ingress_ip", default="", help="The gateway's IP, instead of asking its Service.")
@_switch("--autoregister", default=False, text="The VM registers itself when it connects.")
@_switch("--capture-dns", default=True, text="DNS requests go through the agent.")
@click.option("--internalIP", "internal_ip", default="", help="The VM's internal IP.")
@click.option("--externalIP", "external_ip", default="", help="The VM's external IP.")
@click.option("-r", "--revision", default=None, help="istiod's revision (default: the mesh's default revision).")
@click.option("-i", "--istioNamespace", "istio_namespace", default="istio-system", help="Istio's namespace.")
@click.option("-c", "--kubeconfig", default="", metavar="PATH", help="The kubeconfig to use.")
@click.option("--context", default="", metavar="NAME", help="The kubeconfig's context to use.")
def files(
    *,
    path: str,
    name: str,
    namespace: str,
    output: str,
    cluster_id: str | None,
    token_seconds: int,
    ingress_service: str,
    ingress_ip: str,
    autoregister: bool,
    capture_dns: bool,
    internal_ip: str,
    external_ip: str,
    revision: str | None,
    istio_namespace: str,
    kubeconfig: str,
    context: str,
) -> ExitCode:
    """Write a VM's bootstrap files: cluster.env, mesh.yaml, root-cert.pem, hosts and istio-token.

    They equal those of `istioctl x workload entry configure`. The folder is written whole or not at all, and only
    its owner can read it.
    """
    if not path and not (name and namespace):
        raise click.UsageError(
            "expecting a WorkloadGroup artifact file (-f) or the name and namespace of an existing WorkloadGroup"
        )
    if not output:
        raise click.UsageError("expecting an output directory (-o)")
    if internal_ip and external_ip:
        raise click.UsageError("the flags --internalIP and --externalIP are mutually exclusive")
    from meshvm_tui.bootstrap_source import SourceRequest
    from meshvm_tui.istio.workload_group import parse_file

    request = SourceRequest(
        group=parse_file(_read(path), path) if path else None,
        name=name,
        namespace=namespace,
        istio_namespace=istio_namespace,
        revision=revision or None,
        cluster_id=cluster_id,
        ingress_service=ingress_service,
        ingress_ip=ingress_ip,
        internal_ip=internal_ip,
        external_ip=external_ip,
        capture_dns=capture_dns,
        auto_register=autoregister,
    )
    _write(request, Path(output), token_seconds, kubeconfig, context)
    click.echo(f"Configuration generation into directory {output} was successful")
    return ExitCode.DONE


def _read(path: str) -> str:
    from meshvm_tui.problems import PermanentError

    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise PermanentError("MVM-501", f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _write(request: SourceRequest, folder: Path, token_seconds: int, kubeconfig: str, context: str) -> None:
    from meshvm_tui.bootstrap_folder import write_folder
    from meshvm_tui.bootstrap_source import gather, token_maker
    from meshvm_tui.istio.bootstrap import render, verify
    from meshvm_tui.istio.bootstrap_files import ROOT_CERT, TOKEN
    from meshvm_tui.wiring import open_cluster

    cluster = open_cluster(kubeconfig=kubeconfig, context=context)
    try:
        gathered = gather(cluster, request, create_token=token_maker(cluster, token_seconds))
    finally:
        cluster.close()
    made = render(gathered.given)
    left = write_folder(folder, made.contents())
    # The root certificate was looked at while it was read.
    wrong = [str(fault) for fault in verify(made, now=time.time()) if fault.file != ROOT_CERT]
    for words in (*gathered.warnings, *wrong, *left):
        click.echo(f"Warning: {words}", err=True)
    group = gathered.given.group
    ends = f"; it expires at {gathered.token_expires}" if gathered.token_expires else ""
    click.echo(
        f'Warning: a security token for namespace "{group.namespace}" and service account "{group.service_account}"'
        f' has been generated and stored at "{folder / TOKEN}"{ends}',
        err=True,
    )
