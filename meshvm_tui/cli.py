"""The command line: which commands there are, and how each of them ends. A command's module is loaded when it runs."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

import click

from meshvm_tui import __version__
from meshvm_tui.exit_codes import ExitCode


class Place(NamedTuple):
    """Where a command is defined, and its line in the list of commands."""

    module: str
    name: str
    line: str


COMMANDS = {
    "onboard": Place("onboard", "onboard", "Lead VMs into the mesh, stage by stage."),
    "resume": Place("resume", "resume", "Go on with a session."),
    "monitor": Place("monitor", "monitor", "Watch the WorkloadEntries of a cluster; read-only."),
    "apply": Place("apply", "apply", "Do what a plan says, unattended."),
    "files": Place("files", "files", "Write the five bootstrap files of a VM."),
    "sessions": Place("sessions", "sessions", "List the sessions; rename, copy or delete one."),
    "google": Place("google", "google", "Show Google Cloud's defaults and login as they are found here."),
    "keys": Place("keys", "keys", "List every action of the app with its key."),
    "schema": Place("schema", "schema", "Print the plan's JSON Schema."),
    "lab": Place("lab", "lab", "Try all of it on a mesh and VMs that live on this computer."),
}


class LazyCommands(click.Group):
    """Loads a command's module only when it is asked for: `--help` stays as fast as click itself."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, loaded now."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(importlib.import_module(f"meshvm_tui.commands.{place.module}"), place.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.line) for name, place in COMMANDS.items()])


@click.group(cls=LazyCommands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="meshvm-tui", message="%(prog)s %(version)s")
@click.pass_context
def meshvm_tui(context: click.Context) -> int | None:
    """Onboard virtual machines into an Istio mesh. Without a command: the terminal app.

    Exit codes: 0 done, 1 failed, 2 usage, 3 you must act, 4 cancelled, 5 some machines failed,
    6 changes pending (apply --dry-run).
    """
    if context.invoked_subcommand is not None:
        return None
    from meshvm_tui.commands.onboard import home

    return home()


def run(arguments: Sequence[str]) -> int:
    """Runs the command line and gives its exit code; whatever goes wrong is said in words on stderr."""
    try:
        code = meshvm_tui.main(list(arguments), prog_name="meshvm-tui", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.CANCELLED
    except BrokenPipeError:
        _forget_stdout()
        return ExitCode.FAILED
    except Exception as error:  # noqa: BLE001 (an operator never sees a traceback)
        from meshvm_tui.command_failure import show_failure

        with contextlib.suppress(OSError):
            return show_failure(error)
        return ExitCode.FAILED
    finally:
        _forget_unwritable()
    return code if isinstance(code, int) else ExitCode.DONE


def _forget_unwritable() -> None:
    """What stdout could not take is given up: the interpreter's last flush would say it again, with a traceback."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _forget_stdout()


def _forget_stdout() -> None:
    """Nobody reads stdout any more: the interpreter's last flush must not complain about it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
