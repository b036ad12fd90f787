"""How a run reads in a terminal, also in one that knows ASCII only."""

from __future__ import annotations

import io
import json
import sys

import pytest

from meshvm_tui.events import Change, Mode, Observation, Standing, StepFinished, StepPlanned, StepState
from meshvm_tui.problems import PermanentError
from meshvm_tui.terminal_output import JsonOutput, TextOutput, look_of, write_lines
from meshvm_tui.terminal_text import Look, answer_lines, change_lines, problem_lines, step_line

AT = "2026-01-01T00:00:00.000Z"


def finished(state: StepState, message: str = "words", **more: object) -> StepFinished:
    """A step's end."""
    return StepFinished(AT, "s", "namespace", "", state, False, "Because", message, 0.42, **more)  # type: ignore[arg-type]


def test_a_step_is_one_line_with_its_glyph_and_time() -> None:
    assert step_line("Namespace", finished(StepState.SUCCEEDED)) == "✓ Namespace: words  0.4 s"
    assert step_line("Namespace", finished(StepState.SKIPPED)) == "✓ Namespace: words (unchanged)  0.4 s"
    assert step_line("Namespace", finished(StepState.FAILED)).startswith("✗ ")


def test_ascii_terminals_get_ascii() -> None:
    assert Look(unicode=False).text("✓ a → b … ✗ ünknown") == "+ a > b ... x ?nknown"
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    write_lines(ascii_only, ["✓ done"])
    ascii_only.seek(0)
    assert ascii_only.read() == "+ done\n"
    assert look_of(io.TextIOWrapper(io.BytesIO(), encoding="UTF-8")).unicode


def test_a_change_shows_its_commands_and_on_wish_its_diff() -> None:
    change = Change("create", "Namespace a", "+ kind: Namespace", ("kubectl apply -f - <<'EOF'\nkind: Namespace\nEOF",))
    lines = list(change_lines([change], with_diff=True))
    assert lines[0].split() == ["create", "Namespace", "a"]
    assert lines[1].strip() == "+ kind: Namespace"
    assert lines[2].strip() == "$ kubectl apply -f - <<'EOF'"
    assert len(list(change_lines([change], with_diff=False))) == len(lines) - 1


def test_a_problem_says_what_was_said_and_what_to_do_within_the_width() -> None:
    problem = PermanentError("MVM-615", "HTTP 503 " * 30, evidence={"flags": "UH"}).record()
    lines = list(problem_lines(problem, Look(width=80), done="3 steps are in place"))
    assert lines[1].startswith("✗ MVM-615  ")
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    for label in ("What was said", "What is done", "What to do", "Flags"):
        assert label in text


def test_answers_stand_together_with_what_they_prove() -> None:
    seen = Observation(Standing.SATISFIED, "Answered", "", (("vm-1 → http://a", "200 in 3 ms; seen"),))
    lines = list(answer_lines([finished(StepState.SUCCEEDED, observation=seen), finished(StepState.FAILED)]))
    assert lines[1:] == ["Answers", "  ✓ vm-1 → http://a", "      200 in 3 ms; seen"]


def test_every_step_event_has_the_same_fields_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    output = JsonOutput()
    output.take(StepPlanned(AT, "s", "namespace", "", Observation(Standing.MISSING, "NotFound", "none"), ()))
    output.take(finished(StepState.FAILED))
    for line in capsys.readouterr().out.splitlines():
        wanted = {"event", "time", "session", "step", "machine", "state", "changed", "reason", "message"}
        assert wanted <= json.loads(line).keys()


def test_what_was_not_reached_is_counted_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    from meshvm_tui.events import RunFinished

    output = TextOutput()
    for _ in range(3):
        output.take(StepFinished(AT, "s", "x", "", StepState.PENDING, False, "NotReached", "no", 0.0))
    output.take(RunFinished(AT, "s", Mode.APPLY, 1, False, "Stopped."))
    assert "3 more steps were not reached" in capsys.readouterr().out


def test_a_reader_that_left_is_an_error_that_the_caller_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    with pytest.raises(BrokenPipeError):
        JsonOutput().take(finished(StepState.SUCCEEDED))
