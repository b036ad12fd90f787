"""What can be done about a failure: asked, answered, and never done by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.cluster_identity import met_identity
from meshvm_tui.plain.answers import Answer, Word, read_answer

if TYPE_CHECKING:
    from meshvm_tui.plain.talk import Talk
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.board import StepLine

UNKNOWN_HOST_KEY = "MVM-404"


def what_now(talk: Talk, failed: StepLine, problem: ProblemRecord) -> tuple[Answer, str]:
    """The word to go on with, and what the operator accepts: a host key's fingerprint, or another cluster's name."""
    evidence = dict(problem.evidence)
    fingerprint = evidence.get("fingerprint", "") if problem.code == UNKNOWN_HOST_KEY else ""
    cluster = met_identity(problem)
    again = ", the secret is asked for again, unseen" if "secret" in evidence else ""
    told = {
        "retry": f"look again and go on{again}",
        "mend": f"the questions of {failed.stage}",
        "quit": "save and leave",
    }
    if fingerprint:
        told = {"accept": "use this host key, after you compared it", **told}
    if cluster:
        told = {"accept": "go on in this cluster; nothing counts as done in it", **told}
    talk.say(*(f"{word}: {meaning}" for word, meaning in told.items()))
    while True:
        typed = talk.ask("What now", "retry").lower() or "retry"
        if typed == "accept" and fingerprint:
            if talk.yes(f"Is {fingerprint} the host key of {failed.machine}, as you know it?"):
                return Answer(Word.REVIEW), fingerprint
            continue
        if typed == "accept" and cluster:
            if talk.ask(f"Type the cluster's name, {cluster.context}") == cluster.context:
                return Answer(Word.REVIEW), cluster.context
            continue
        answer = read_answer(typed)
        if typed == "retry":
            return Answer(Word.REVIEW), ""
        if typed == "mend" or answer.word is Word.BACK:
            return Answer(Word.SKIP, stage=failed.stage), ""
        if answer.word in (Word.QUIT, Word.SKIP):
            return answer, ""
        talk.say(f"Valid: {', '.join(told)}, skip to STAGE.")
