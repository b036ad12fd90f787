"""`meshvm-tui google`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from meshvm_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_settings import GcloudSettings
    from meshvm_tui.compute_ports import GoogleDefaults, GoogleIdentity, Setting
    from meshvm_tui.problems import Problem

_NOT_SET = "-"


@dataclass
class _Answer:
    """What there is to tell. An endpoint that cannot be used is told before a login that does not work."""

    configuration: str
    defaults: GoogleDefaults
    endpoints: dict[str, Setting]
    identity: GoogleIdentity | None = None
    problem: Problem | None = None


@click.command()
@click.option("--project", default="", metavar="ID", help="The project instead of gcloud's.")
@click.option("--zone", default="", metavar="ZONE", help="The zone instead of gcloud's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def google(project: str, zone: str, as_json: bool) -> ExitCode:
    """Show Google Cloud's defaults and login as they are found here, and where each value comes from.

    Nothing of gcloud's is changed. The login is tried: the command ends with 0 where it works.
    """
    from meshvm_tui.adapters.google_settings import read_settings
    from meshvm_tui.command_failure import show_failure
    from meshvm_tui.terminal_output import write_lines

    answer = _ask(read_settings(), project, zone)
    if as_json:
        click.echo(json.dumps(_record(answer), ensure_ascii=False))
    else:
        write_lines(sys.stdout, _lines(answer))
    return show_failure(answer.problem) if answer.problem else ExitCode.DONE


def _ask(settings: GcloudSettings, project: str, zone: str) -> _Answer:
    from meshvm_tui.adapters.google_credentials import GoogleLogin
    from meshvm_tui.problems import Problem

    login = GoogleLogin(settings)
    answer = _Answer(settings.configuration, login.defaults(project=project, zone=zone), {})
    try:
        answer.identity = login.identity()
    except Problem as problem:
        answer.problem = problem
    finally:
        login.close()
    try:
        answer.endpoints = _overrides(settings)
    except Problem as problem:
        answer.problem = problem
    return answer


def _overrides(settings: GcloudSettings) -> dict[str, Setting]:
    """The endpoints that are not Google's own."""
    from meshvm_tui.adapters.google_endpoints import (
        ENDPOINTS,
        IAP_ENDPOINT,
        IAP_VARIABLE,
        SECTION,
        endpoint,
        iap_endpoint,
    )
    from meshvm_tui.compute_ports import Setting

    found = {
        api: Setting(endpoint(api, settings), settings.get(SECTION, api).source)
        for api, own in ENDPOINTS.items()
        if endpoint(api, settings) != own
    }
    if (iap := iap_endpoint(settings.environ)) != IAP_ENDPOINT:
        found["iap"] = Setting(iap, IAP_VARIABLE)
    return found


def _record(answer: _Answer) -> dict[str, Any]:
    return {
        "configuration": answer.configuration,
        "defaults": asdict(answer.defaults),
        "endpoints": {api: asdict(setting) for api, setting in answer.endpoints.items()},
        "identity": asdict(answer.identity) if answer.identity else None,
        "problem": asdict(answer.problem.record()) if answer.problem else None,
    }


def _lines(answer: _Answer) -> Iterator[str]:
    rows = [
        (name.replace("_", " "), value["value"], value["source"]) for name, value in asdict(answer.defaults).items()
    ]
    rows += [(f"{api} endpoint", setting.value, setting.source) for api, setting in answer.endpoints.items()]
    if answer.identity:
        who = answer.identity
        rows.append(("login", f"{who.kind} {who.email}".rstrip(), who.source))
    rows = [(name, value or _NOT_SET, source) for name, value, source in rows]
    names = max(len(name) for name, _, _ in rows)
    values = max(len(value) for _, value, _ in rows)
    yield f"gcloud configuration {answer.configuration}"
    for name, value, source in rows:
        yield f"{name:<{names}}  {value:<{values}}  {source}".rstrip()
