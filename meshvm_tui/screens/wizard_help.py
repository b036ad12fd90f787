"""What F1 says in every stage of the wizard, after what the stage is for."""

HELP = """\
Next only edits. Nothing outside this computer changes before the review has shown every change with the command that \
does the same by hand, and you pressed Enter there. A value that is not valid stays in its field; the plan keeps the \
last valid one.

✓ done  ● here  ! needs you  ○ waiting  ✗ failed  ↻ working
"""
