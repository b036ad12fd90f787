"""`meshvm-tui lab`: the lab as a child process, and the product beside it in the lab's environment.

Nothing here knows what the lab is made of: it writes `ready`, `env.json` and its plans into its state folder.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from meshvm_tui.commands.lab_process import Ending, LabProcess, run_in_lab
from meshvm_tui.commands.plain import is_plain, plain_option
from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.locations import lab_dir
from meshvm_tui.problems import Cancelled

GOOGLE_PLAN = "google-plan.yaml"


@click.command()
@click.option("--fresh", is_flag=True, help="Throw the earlier world away and start a new one.")
@click.option("--run", "unattended", is_flag=True, help="Do the whole onboarding unattended, in a temporary world.")
@click.option("--serve", is_flag=True, help="Only keep the lab up until it is ended; needs --state.")
@click.option("--google", is_flag=True, help="Use its Google Cloud: a GKE cluster, and a VM that is made first.")
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="The folder of the lab's world.")
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="Switch a fault on; may be given again.")
@click.option("--vms", type=click.IntRange(1, 20), help="How many VMs it has.")
@click.option("--seed", type=int, help="What its delays are drawn from.")
@plain_option
def lab(
    *,
    fresh: bool,
    unattended: bool,
    serve: bool,
    google: bool,
    state: Path | None,
    faults: tuple[str, ...],
    vms: int | None,
    seed: int | None,
    plain: bool,
) -> ExitCode:
    """Try all of it on a mesh and VMs that live on this computer, on loopback alone.

    On a terminal it opens the wizard, and the lab goes on where it was left the next time. Without one, or with
    --run, the whole onboarding runs unattended in a temporary world. With --serve --state DIR it stays up for other
    terminals: source DIR/env.sh there and use DIR/plan.yaml, or DIR/google-plan.yaml.
    """
    if serve and state is None:
        raise click.UsageError("--serve needs --state DIR.")
    flags = [part for name in faults for part in ("--fault", name)]
    flags += ["--vms", str(vms)] if vms is not None else []
    flags += ["--seed", str(seed)] if seed is not None else []
    plan = GOOGLE_PLAN if google else "plan.yaml"
    with Ending() as ending:
        if serve and state is not None:
            return _serve(state, plan, flags, ending, fresh=fresh)
        if unattended or not (plain or sys.stdin.isatty()):
            with _place(state) as folder:
                return _run(folder, plan, flags, ending, fresh=fresh)
        more = ["--plain"] if is_plain(plain) else []
        return _wizard(state or lab_dir(), plan, flags, ending, fresh=fresh, more=more)


def _serve(state: Path, plan: str, flags: list[str], ending: Ending, *, fresh: bool) -> ExitCode:
    """Being asked to end is how this command is used, at whatever moment it comes."""
    try:
        with _started(state, flags, ending, fresh=fresh) as process:
            click.echo(f"The lab is up. In another terminal:\n\n  . {state / 'env.sh'}", err=True)
            click.echo(f"  meshvm-tui apply -f {state / plan}\n\nCtrl-C ends it.", err=True)
            status = process.wait(ending)
    except Cancelled:
        return ExitCode.DONE
    return ExitCode.DONE if ending.asked or status == 0 else ExitCode.FAILED


def _run(state: Path, plan: str, flags: list[str], ending: Ending, *, fresh: bool) -> ExitCode:
    click.echo("Starting a lab: a mesh and a VM on this computer, on loopback alone.", err=True)
    with _started(state, flags, ending, fresh=fresh):
        return run_in_lab(state, ["apply", "-f", str(state / plan), "--yes"], ending)


def _wizard(state: Path, plan: str, flags: list[str], ending: Ending, *, fresh: bool, more: list[str]) -> ExitCode:
    click.echo("Starting the lab.", err=True)
    with _started(state, flags, ending, fresh=fresh):
        where = "" if state == lab_dir() else f" --state {shlex.quote(str(state))}"
        google = " --google" if plan == GOOGLE_PLAN else ""
        arguments = ["onboard", "--plan", str(state / plan), *more]
        return run_in_lab(state, arguments, ending, go_on=f"meshvm-tui lab{google}{where}")


@contextmanager
def _started(state: Path, flags: list[str], ending: Ending, *, fresh: bool) -> Iterator[LabProcess]:
    if fresh:
        _throw_away(state)
    process = LabProcess(state, flags)
    try:
        process.wait_until_ready(ending)
        yield process
    finally:
        process.end()


@contextmanager
def _place(state: Path | None) -> Iterator[Path]:
    """The named folder, or a temporary one that is gone afterwards."""
    if state is not None:
        yield state
        return
    folder = Path(tempfile.mkdtemp(prefix="meshvm-lab-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _throw_away(state: Path) -> None:
    """Removes an earlier world; a folder that is none is left alone."""
    if not state.exists() or not any(state.iterdir()):
        return
    if not any((state / name).exists() for name in ("objects.json", "env.json", "plan.yaml")):
        raise click.UsageError(f"{state} holds something, but no lab: nothing in it is removed.")
    shutil.rmtree(state)
