"""What F1 says in the wizard: of a field, and of every stage after what the stage is for."""

from __future__ import annotations

from meshvm_tui.look_pace import REST
from meshvm_tui.plan_valid import plain_path, valid_words
from meshvm_tui.plan_words import PLAN_WORDS, Words
from meshvm_tui.screens.app_screen import FieldHelp
from meshvm_tui.screens.fields import Field

HELP = f"""\
Next only edits. Nothing outside this computer changes before the review has shown every change with the command that \
does the same by hand, and you approved it there. A value that is not valid stays in its field; the plan keeps the \
last valid one.

What is there is looked at again every second, so that a change shows by itself; less often where answers are slow or \
Google is asked for more than two VMs; every {REST:.0f} seconds where it fails or nobody is there.

✓ done  ● here  ! needs you  ○ waiting  ✗ failed  ↻ working
"""


def help_of(field: Field) -> FieldHelp:
    """What the field is for, what is valid, an example and where it stands in the plan."""
    path = plain_path(field.path)
    words = PLAN_WORDS.get(path, Words(""))
    return FieldHelp(field.label.strip(), path, words.purpose, words.valid or valid_words(path), words.example)
