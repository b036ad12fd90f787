"""The saved script: one file for sh that does by hand what a run would do, with kubectl, istioctl, ssh and scp.

It is made of the changes that were listed. No secret stands in it: tokens are made when it runs.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Protocol

from meshvm_tui.events import Stage
from meshvm_tui.steps.script_lines import handle, until_true

if TYPE_CHECKING:
    from meshvm_tui.events import Change
    from meshvm_tui.plan import Machine, Plan
    from meshvm_tui.problems import ProblemRecord

END_OF_GUEST = "MESHVM_GUEST_END"
HEAD = """\
#!/bin/sh
# Made by meshvm-tui: what its run would do, by hand. Needs {tools}.
# It stops at the first command that fails. What was done stays done; save a new script then for what is left.
set -eu
umask 077
work=$(mktemp -d "${{TMPDIR:-/tmp}}/meshvm.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM
tty=
if [ -t 0 ]; then tty=-t; fi

until_true() {{ # until_true SECONDS WORDS COMMAND: a loop with a limit
    until_end=$(($(date +%s) + $1))
    until eval "$3" 2>"$work/words"; do
        if [ "$(date +%s)" -ge "$until_end" ]; then
            echo "waited $1 s for $2" >&2
            cat "$work/words" >&2
            exit 1
        fi
        sleep 1
    done
}}
"""
GUEST = """\
guest() { # guest VM FOLDER: sends a folder with guest.sh to the VM and runs it there as root
    cp "$work/guest.sh" "$2/guest.sh"
    there=$("on_$1" 'umask 077; mktemp -d /tmp/.meshvm.XXXXXXXX' </dev/null)
    "send_$1" "$there" "$2"/*
    "root_$1" "sh $there/guest.sh $there" "rm -rf $there"
}
"""

IN_WORDS = """\
# Here it reports to people: a line for each thing done, instead of JSON for a program.
emit() {
    [ "$1" = step ] && [ "$2" != end ] || return 0
    words="$2: $6"
    case "$4" in
        started) return 0 ;;
        failed) words="FAILED $words" ;;
    esac
    [ "${7:-}" != output ] || [ -z "${8:-}" ] || words="$words$newline$8"
    printf '    %s\\n' "$words" 2>/dev/null || :
}
"""
"""Takes the place of guest_base.sh's own function."""


class Listed(Protocol):
    """A step as it was listed."""

    @property
    def stage(self) -> Stage: ...
    @property
    def title(self) -> str: ...
    @property
    def machine(self) -> str: ...
    @property
    def changes(self) -> tuple[Change, ...]: ...
    @property
    def problem(self) -> ProblemRecord | None: ...


@dataclass(frozen=True)
class ScriptStep:
    """A step from events, for whoever has no board."""

    stage: Stage
    title: str
    machine: str
    changes: tuple[Change, ...] = ()
    problem: ProblemRecord | None = None


def saved_script(plan: Plan, steps: Iterable[Listed]) -> str:
    """The whole script. Where a step could not be looked at, it ends there and says so."""
    blocks: list[str] = []
    stage: Stage | None = None
    seen: set[str] = set()
    for step in steps:
        lines = [line for line in (*_lines(step), *_until_it_answers(plan, step)) if line not in seen]
        seen.update(lines)
        if not lines:
            continue
        if step.stage is not stage:
            stage = step.stage
            blocks.append(f"# ---- {stage.value} ----\necho {shlex.quote(stage.value)} >&2")
        name = f"{step.title} ({step.machine})" if step.machine else step.title
        blocks.append("\n".join([f"# {name}", *lines]))
    body = "\n\n".join(blocks) or "echo 'Nothing is to be changed.' >&2"
    parts = [HEAD.format(tools=_tools(body)), *_machines(plan, body), body, "echo 'Done.' >&2"]
    return "\n".join(parts) + "\n"


def _lines(step: Listed) -> Sequence[str]:
    if step.problem is not None:
        words = f"{step.title}: {step.problem.code} {step.problem.title}. The script ends here."
        return (f"echo {shlex.quote(_one_line(words))} >&2", "exit 3")
    found: list[str] = []
    scripted = any(change.script for change in step.changes)
    for change in step.changes:
        if change.action != "grant":
            # gcloud opens an instance by itself; where a step has lines of its own, they are all of it.
            found += change.script if scripted else change.commands
    return found


def _until_it_answers(plan: Plan, step: Listed) -> Sequence[str]:
    """An instance that was just made or started takes a while before SSH answers."""
    started = any(line.startswith("gcloud compute instances") for line in _lines(step))
    if not started or not step.machine:
        return ()
    name = handle(plan, plan.machine(step.machine))
    return (until_true(300, f"SSH to {step.machine}", f"on_{name} true </dev/null"),)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tools(body: str) -> str:
    names = [name for name in ("kubectl", "istioctl", "gcloud") if f"{name} " in body]
    return ", ".join([*names, *(["ssh and scp"] if "guest " in body else [])]) or "nothing but sh"


def _machines(plan: Plan, body: str) -> list[str]:
    """How to reach each machine that the script goes to, and what runs there."""
    reached = [machine for machine in plan.machines if f"{handle(plan, machine)} " in body]
    if not reached:
        return []
    guest = f"cat >\"$work/guest.sh\" <<'{END_OF_GUEST}'\n{guest_script()}{END_OF_GUEST}"
    return [*(_way_to(plan, machine) for machine in reached), GUEST, f"# The script that runs on a VM\n{guest}\n"]


def guest_script() -> str:
    """guest.sh whole: what sets it up first, what starts it last, functions in between in any order. It reports in
    words."""
    folder = files("meshvm_tui.adapters")
    names = sorted(
        item.name for item in folder.iterdir() if item.name.startswith("guest_") and item.name.endswith(".sh")
    )
    order = {"guest_base.sh": 0, "guest_main.sh": 2}
    names.sort(key=lambda name: order.get(name, 1))
    base, *others = (folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    return "\n".join([base, IN_WORDS, *others])


def _way_to(plan: Plan, machine: Machine) -> str:
    name = handle(plan, machine)
    return _by_gcloud(name, machine) if machine.gce else _by_ssh(name, machine)


def _by_ssh(name: str, machine: Machine) -> str:
    """ssh and scp with the plan's port, key, jump hosts and host key."""
    ssh = machine.ssh
    host = (machine.host or machine.name).strip("[]")
    user = f"{ssh.user}@" if ssh.user else ""
    options = ["-i", ssh.key] if ssh.key else []
    jump = ssh.jump if ssh.via == "jump" else ""
    options += ["-J", jump] if jump else []
    shared, checks, known = shlex.join(options), "", f'"$work/known_{name}"'
    if ssh.known_host:
        shared = f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes {shared}".strip()
        checks = _host_key(machine, host, known, jump)
    in_brackets = f"[{host}]" if ":" in host else host
    port = f"-p {ssh.port} " if ssh.port != 22 else ""
    copy_port = f"-P {ssh.port} " if ssh.port != 22 else ""
    login = shlex.quote(f"{user}{host}")
    return "\n".join(
        (
            f"# {_one_line(machine.name)}",
            f'{checks}on_{name}() {{ ssh {shared} {port}{login} "$@"; }}',
            f'send_{name}() {{ to=$1; shift; scp -q {shared} {copy_port}"$@" '
            f'{shlex.quote(f"{user}{in_brackets}")}:"$to/"; }}',
            _as_root(name, f"ssh $tty {shared} {port}{login}"),
        )
    )


def _as_root(name: str, login: str) -> str:
    """A command under sudo, which may ask for a password on a terminal; what follows it is run in any case."""
    return (
        f'root_{name}() {{ {login} "if [ \\"\\$(id -u)\\" = 0 ]; then $1 \\"\\$SSH_CONNECTION\\"; '
        f'else sudo $1 \\"\\$SSH_CONNECTION\\"; fi; ended=\\$?; $2; exit \\$ended"; }}\n'
    )


def _host_key(machine: Machine, host: str, known: str, jump: str) -> str:
    """The machine's key is asked for and has to be the one that the plan pins."""
    scan = shlex.join(["ssh-keyscan", "-p", str(machine.ssh.port), host])
    scan = f"ssh {shlex.quote(jump.rsplit(',', maxsplit=1)[-1])} {shlex.quote(scan)}" if jump else scan
    pinned = machine.ssh.known_host
    refuse = f"{{ echo {shlex.quote(f'{machine.name} does not have the host key {pinned}')} >&2; exit 1; }}"
    found = f"ssh-keygen -lf {known}" if pinned.startswith("SHA256:") else f"cat {known}"
    return f"{scan} >{known} 2>/dev/null\n{found} | grep -qF {shlex.quote(pinned)} || {refuse}\n"


def _by_gcloud(name: str, machine: Machine) -> str:
    """gcloud puts a key of its own and knows the host keys."""
    gce = machine.gce
    place = (
        [f"--{flag}={value}" for flag, value in (("project", gce.project), ("zone", gce.zone)) if gce and value]
        if gce
        else []
    )
    ways = {"iap": ["--tunnel-through-iap"], "internal": ["--internal-ip"]}
    flags = shlex.join([*place, *ways.get(str(machine.ssh.via), []), "--quiet"])
    login = shlex.quote(f"{machine.ssh.user}@{machine.name}" if machine.ssh.user else machine.name)
    return "\n".join(
        (
            f"# {machine.name}",
            f'on_{name}() {{ gcloud compute ssh {login} {flags} --command="$*"; }}',
            f'send_{name}() {{ to=$1; shift; gcloud compute scp {flags} "$@" {login}:"$to/"; }}',
            _as_root(name, f"on_{name}"),
        )
    )
