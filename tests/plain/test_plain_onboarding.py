"""The plain wizard: what it says, what it takes, and what stands on disk afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshvm_tui.cluster_identity import ClusterIdentity, another_cluster
from meshvm_tui.events import Stage
from meshvm_tui.plain.answers import Word, read_answer
from meshvm_tui.plan import Machine, Plan
from meshvm_tui.problems import PermanentError
from tests.app.fakes import FINGERPRINT, ScriptedEngine, unknown_host_key
from tests.plain.world import PlainWorld


def test_a_stage_says_its_title_its_sentence_what_is_there_and_asks_with_the_value_as_default(tmp_path: Path) -> None:
    said = PlainWorld(tmp_path).lead("skip to workload", "quit")
    assert "Stage 4 of 8: Workload\nWho the VM is in the mesh. Many VMs can share it.\n" in said
    assert "There now: Namespace: not in place: none\n" in said
    assert "Changes up to here: 4.\nName [hello-vm]: " in said


def test_each_answer_is_saved_at_once_and_the_session_goes_on_where_it_was_left(tmp_path: Path) -> None:
    world = PlainWorld(tmp_path)
    world.lead("skip to Workload", "other-vm", "team-b")
    assert world.session.plan.workload.name == "other-vm"
    assert world.session.plan.workload.namespace == "team-b"
    assert world.session.last_screen == Stage.WORKLOAD
    assert "Stage 4 of 8: Workload" in world.lead("quit")


def test_a_bad_value_is_said_with_what_is_valid_and_asked_again(tmp_path: Path) -> None:
    world = PlainWorld(tmp_path)
    said = world.lead("skip to Workload", "Bad Name", "good-name", "quit")
    refused = said.index("Not taken:")
    assert "valid:" in said[refused:].splitlines()[0]
    assert said.index("Name [hello-vm]: ", refused)
    assert world.session.plan.workload.name == "good-name"


def test_back_goes_to_the_question_before_and_to_the_stage_before(tmp_path: Path) -> None:
    said = PlainWorld(tmp_path).lead("skip to Workload", "", "back", "back", "quit")
    assert said.count("Name [hello-vm]: ") == 2
    assert said.endswith("Expose services, yes or no [no]: "), "the last question of Gateway"


def test_a_value_that_is_one_of_the_words_is_taken_as_a_value(tmp_path: Path) -> None:
    assert read_answer("=back").text == "back"
    assert read_answer("apply", ("apply", "istioctl")).word is Word.VALUE
    assert read_answer("apply").word is Word.APPLY
    assert read_answer("=").text == ""
    assert read_answer("skip to nowhere").word is Word.UNKNOWN


def test_help_says_the_field_the_hint_without_keys_and_every_word(tmp_path: Path) -> None:
    said = PlainWorld(tmp_path).lead("?", "quit")
    assert "Context, cluster.context in the plan.\nThe context of the kubeconfig that leads to the cluster." in said
    assert "F3" not in said
    for word in ("back", "next", "skip to STAGE", "review", "apply", "save", "quit", "list"):
        assert f"{word}" in said


def test_list_offers_what_exists_by_number(tmp_path: Path) -> None:
    world = PlainWorld(tmp_path)
    said = world.lead("list", "7", "2", "quit")
    assert "1: acme, current, https://127.0.0.1:6443\n2: other, https://127.0.0.2:6443\n" in said
    assert "Not taken: '7'. Valid: 1 to 2" in said
    assert world.session.plan.cluster.context == "other"


def test_what_is_missing_is_said_and_asked_again(tmp_path: Path) -> None:
    world = PlainWorld(tmp_path)
    said = world.lead("skip to Machine", "next", "", "", "10.0.0.9", "next", "quit", plan=Plan())
    assert "Still needed: Host of my-mesh-vm" in said
    assert world.session.plan.machines[0].host == "10.0.0.9"
    assert "Stage 6 of 8: Files" in said


def test_machines_are_asked_one_after_another(tmp_path: Path) -> None:
    world = PlainWorld(tmp_path)
    plan = Plan(machines=[Machine(name="vm-1", host="10.0.0.1"), Machine(name="vm-2", host="10.0.0.2")])
    said = world.lead("skip to Machine", "next", "vm-b", "next", "quit", plan=plan)
    assert "Machine 1 of 2: vm-1" in said
    assert "Machine 2 of 2: vm-2" in said
    assert [machine.name for machine in world.session.plan.machines] == ["vm-1", "vm-b"]


def test_the_review_lists_changes_with_their_commands_and_applies_nothing_without_a_yes(tmp_path: Path) -> None:
    world = PlainWorld(tmp_path)
    said = world.lead("skip to Workload", "review", "diff 1", "no", "quit")
    assert "1. create Thing/control-plane\n   by hand: kubectl apply -f control-plane.yaml\n" in said
    assert "+ kind: Thing\n" in said
    assert "Nothing was changed.\n" in said
    assert all(request.mode.value == "plan" for request in world.engine.requests)


def test_apply_says_one_line_a_step_and_ends_with_both_answers(tmp_path: Path) -> None:
    world = PlainWorld(tmp_path)
    said = world.lead("skip to Services", "apply", "yes")
    assert "2 of 10, done: Control plane: made, 0.4 s\n" in said
    assert "The VM answers in the mesh, both ways.\n" in said
    assert "vm-1 → http://hello-world.default: 200 in 3.1 ms" in said
    assert world.left is None
    assert world.engine.requests[-1].approved is not None, "what was not shown is not approved"
    assert {record.state for record in world.session.records} == {"succeeded", "skipped"}


def test_a_failure_says_code_cause_and_action_and_its_questions_mend_it(tmp_path: Path) -> None:
    engine = ScriptedEngine(problems={"guest-reachable": PermanentError("MVM-402", "connect to 10.128.0.7: refused")})
    world = PlainWorld(tmp_path, engine)
    said = world.lead("skip to Services", "apply", "yes", "mend", "quit")
    assert "It stopped at: VM reachable, vm-1\nProblem MVM-402: " in said
    assert "Cause: connect to 10.128.0.7: refused\n" in said
    assert "What to do: " in said
    assert said.rstrip().endswith("Name [vm-1]:")
    assert world.session.last_screen == Stage.MACHINE


def test_an_unknown_host_key_is_taken_only_after_it_was_compared(tmp_path: Path) -> None:
    engine = ScriptedEngine(done=set(), problems={"cluster-reachable": unknown_host_key()})
    world = PlainWorld(tmp_path, engine)
    said = world.lead("review", "accept", "no", "accept", "yes")
    assert said.count(f"Is {FINGERPRINT} the host key of") == 2
    assert "accept: use this host key, after you compared it\n" in said


def test_a_session_that_was_begun_opens_at_the_first_stage_that_is_not_done(tmp_path: Path) -> None:
    world = PlainWorld(tmp_path)
    world.lead("skip to Workload", "apply", "yes", "quit")
    said = world.lead("quit")
    assert "The first stage that is not done: Files.\n" in said


def test_foreign_text_moves_no_cursor(tmp_path: Path) -> None:
    engine = ScriptedEngine(problems={"control-plane": PermanentError("MVM-402", "\x1b[2Jgone\x07")})
    said = PlainWorld(tmp_path, engine).lead("skip to Mesh", "quit")
    assert "gone" in said
    assert "\x1b" not in said
    assert "\x07" not in said


@pytest.mark.parametrize("typed", ["QUIT", " quit "])
def test_words_are_heard_in_any_case(typed: str, tmp_path: Path) -> None:
    world = PlainWorld(tmp_path)
    world.lead(typed)
    assert world.left == 0


def test_another_cluster_is_gone_on_with_only_by_its_name(tmp_path: Path) -> None:
    known, now = ClusterIdentity("uid-1", "acme"), ClusterIdentity("uid-2", "acme")
    engine = ScriptedEngine(problems={"cluster-reachable": another_cluster(known, now)})
    world = PlainWorld(tmp_path, engine)
    said = world.lead("review", "accept", "acne", "accept", "acme")
    assert "accept: go on in this cluster; nothing counts as done in it\n" in said
    assert said.count("Type the cluster's name, acme") == 2
    assert world.session.cluster_uid == "uid-2"
