"""What F1 says in the wizard."""

HELP = """\
Enter        next field; on the last one, the next stage
Tab          next field            Shift+Tab  field before
Ctrl+N       next stage            Esc        stage before
Ctrl+A       review and apply everything up to this stage
PageDown     the rest of what is there
F3           pick from what is there (contexts, revisions, GKE
             clusters, instances, zones, machine types, images,
             networks, subnets); type to filter, F3 asks again
F6           the WorkloadEntries, live
F2           the panel: what the fields make (← → other views)
Ctrl+E       the panel's next view: yaml, files, commands
Ctrl+L       the log
Ctrl+P       commands by name, also: add or remove a machine
Ctrl+Q       save and quit

Next only edits. Nothing outside this computer changes before
Ctrl+A has shown every change with the command that does the
same by hand, and you pressed Enter.

✓ done  ● here  ! needs you  ○ waiting  ✗ failed  ↻ working
A value that is not valid stays in its field; the plan keeps
the last valid one.
"""
