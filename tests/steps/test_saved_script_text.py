"""The text of the saved script: how each kind of machine is reached, what is run once, and where it ends."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from meshvm_tui.events import Change, Stage
from meshvm_tui.plan import GceInstance, Machine, Plan, Ssh
from meshvm_tui.problems import ActionNeeded
from meshvm_tui.script import ScriptStep, saved_script

KEY = "SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def on_vm(machine: Machine) -> str:
    """A script with one step on a machine."""
    change = Change("run", "x", script=('guest vm1 "$work/vm1"',))
    return saved_script(Plan(machines=[machine]), [ScriptStep(Stage.INSTALL, "Files", machine.name, (change,))])


def is_shell(text: str) -> None:
    """sh can read it."""
    assert shutil.which("sh")
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_ssh_has_port_key_jump_and_the_pinned_host_key() -> None:
    ssh = Ssh(user="op", port=2222, key="/keys/my key", via="jump", jump="bastion:2200", known_host=KEY)
    text = on_vm(Machine(name="vm-1", host="10.0.0.7", ssh=ssh))
    is_shell(text)
    assert "-i '/keys/my key' -J bastion:2200 -p 2222 op@10.0.0.7" in text
    assert f"grep -qF {KEY} ||" in text
    assert "StrictHostKeyChecking=yes" in text


def test_an_ipv6_address_stands_in_brackets_for_scp_alone() -> None:
    text = on_vm(Machine(name="vm-1", host="fd00::7", ssh=Ssh(user="op")))
    is_shell(text)
    assert 'op@fd00::7 "$@"' in text
    assert "'op@[fd00::7]':\"$to/\"" in text


@pytest.mark.parametrize(("via", "flag"), [("iap", "--tunnel-through-iap"), ("internal", "--internal-ip")])
def test_an_instance_is_reached_by_gcloud(via: str, flag: str) -> None:
    machine = Machine(name="vm-1", gce=GceInstance(project="acme-1", zone="europe-west1-b"), ssh=Ssh(via=via))
    text = on_vm(machine)
    is_shell(text)
    assert f"gcloud compute ssh vm-1 --project=acme-1 --zone=europe-west1-b {flag}" in text


def test_what_steps_share_is_run_once_and_access_for_a_run_is_left_to_gcloud() -> None:
    shared = Change("run", "x", script=("echo shared",))
    steps = [
        ScriptStep(Stage.MACHINE, "SSH access", "vm-1", (Change("grant", "key", commands=("gcloud KEYS_FILE",)),)),
        ScriptStep(Stage.INSTALL, "Package", "vm-1", (shared,)),
        ScriptStep(Stage.INSTALL, "Files", "vm-1", (shared,)),
    ]
    text = saved_script(Plan(machines=[Machine(name="vm-1", host="10.0.0.7")]), steps)
    is_shell(text)
    assert text.count("echo shared") == 1
    assert "KEYS_FILE" not in text
    assert text.count("# ---- ") == 1


def test_a_step_that_could_not_be_looked_at_ends_the_script_in_words() -> None:
    problem = ActionNeeded("MVM-110", "helm's own").record()
    steps = [
        ScriptStep(Stage.WORKLOAD, "Namespace", "", (Change("create", "n", commands=("true",)),)),
        ScriptStep(Stage.SERVICES, "Service of the workload", "", (), problem),
    ]
    text = saved_script(Plan(), steps)
    ran = subprocess.run(["sh"], input=text, capture_output=True, text=True, check=False)
    assert ran.returncode == 3
    assert "Service of the workload: MVM-110" in ran.stderr
    assert "The script ends here." in ran.stderr


def test_nothing_to_change_is_a_script_as_well() -> None:
    ran = subprocess.run(["sh"], input=saved_script(Plan(), []), capture_output=True, text=True, check=False)
    assert (ran.returncode, "Nothing is to be changed." in ran.stderr) == (0, True)


def test_a_loop_ends_at_its_limit_with_the_last_words() -> None:
    wait = Change("run", "x", script=("until_true 1 'the address' 'echo pending >&2; false'",))
    text = saved_script(Plan(), [ScriptStep(Stage.GATEWAY, "Address", "", (wait,))])
    ran = subprocess.run(["sh"], input=text, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "waited 1 s for the address\npending" in ran.stderr


def test_an_instance_that_is_made_is_waited_for() -> None:
    made = Change("create", "instance", commands=("gcloud compute instances create vm-1",))
    plan = Plan(machines=[Machine(name="vm-1", gce=GceInstance(project="acme-1", zone="europe-west1-b"))])
    text = saved_script(plan, [ScriptStep(Stage.MACHINE, "Instance", "vm-1", (made,))])
    is_shell(text)
    assert "until_true 300 'SSH to vm-1' 'on_vm1 true </dev/null'" in text
    assert "on_vm1() { gcloud compute ssh" in text
