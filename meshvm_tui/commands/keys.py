"""`meshvm-tui keys`."""

from __future__ import annotations

import sys

import click

from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.locations import preferences_file


@click.command()
def keys() -> ExitCode:
    """List every action of the app with its name, its key and where it is.

    The keys are yours: config.yaml names an action and its key under `keymap`.
    """
    from meshvm_tui.key_bindings import all_bindings, judged_keymap
    from meshvm_tui.preferences import read_preferences
    from meshvm_tui.screens.key_names import shown_key
    from meshvm_tui.terminal_output import look_of, say, write_lines

    preferences = read_preferences(preferences_file())
    rows = all_bindings()
    keymap, problems = judged_keymap(preferences, rows)
    for words in (*preferences.problems, *problems):
        say(words)
    ascii_only = not look_of(sys.stdout).unicode
    table = [("ACTION", "KEY", "WHAT IT DOES")]
    for row in rows:
        own = keymap[row.id].split(",") if row.id in keymap else row.keys
        table.append((row.id, " ".join(shown_key(key, ascii_only=ascii_only) for key in own), row.words))
    first, second = (max(len(line[at]) for line in table) for at in (0, 1))
    write_lines(sys.stdout, [f"{name:<{first}}  {key:<{second}}  {words}".rstrip() for name, key, words in table])
    return ExitCode.DONE
