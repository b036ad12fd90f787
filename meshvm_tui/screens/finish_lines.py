"""What is true at the end, each sentence with its evidence; and what is not proven, in the same place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from meshvm_tui.durations import epoch, local_clock, span
from meshvm_tui.screens.cells import wrapped
from meshvm_tui.screens.glyphs import COLOURS, GLYPHS, Mark

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.screens.board import Board, StepLine

Read = Callable[[str], "StepLine | None"]
WAYS = {"probe-vm-to-cluster": ("vm", "{} reaches the cluster"), "probe-cluster-to-vm": ("cluster", "Pods reach {}")}


@dataclass(frozen=True)
class Proof:
    """How a probe ended that was made: its answer, and for each request its route and what it proves."""

    step: str
    machine: str
    well: bool
    words: str
    details: tuple[tuple[str, str], ...] = ()
    asked: str = ""
    skipped: bool = False


@dataclass(frozen=True)
class Fact:
    """A sentence, whether it is so, and by what it is known."""

    mark: Mark
    sentence: str
    evidence: tuple[str, ...] = ()


def facts(plan: Plan, board: Board, proofs: Sequence[Proof], clocks: Mapping[str, str], now: float) -> list[Fact]:
    """Machine by machine, then what all of them share."""
    found: list[Fact] = []
    for machine in plan.machines:
        line = _lines_of(board, machine.name)
        found.append(_registered(machine.name, line("entry-registered"), now))
        found.append(_identity(machine.name, line("bootstrap-files"), now))
        found += _token(machine.name, clocks.get(f"{machine.name}/token", ""), now)
        found.append(_ssh(machine.name, line("sidecar-running")))
        if plan.workload.probe:
            found.append(_plain(f"The health probe of {machine.name} succeeds", line("entry-healthy")))
        found += _answers(plan, machine.name, proofs)
    return [*found, *_services(plan, _lines_of(board, ""))]


def next_steps(plan: Plan) -> list[tuple[str, str]]:
    """What an operator does from here, and how."""
    workload = plan.workload
    address = f"http://NAME.{workload.namespace}"
    return [
        ("See it live", "W shows the WorkloadEntries; meshvm-tui monitor does the same without a session"),
        (
            "Renewal",
            "the sidecar renews its certificate by itself; after days without a connection, run again",
        ),
        ("A second VM", "stage Machine, then Ctrl+P and Machine: add; both share the WorkloadGroup"),
        ("Your own service", f"a Service with selector {_labels(workload.labels)} and your port; Pods call {address}"),
        ("On another day", "save the plan; meshvm-tui apply -f PLAN changes only what is missing then"),
        ("Read on", "docs/production-mesh.md, docs/troubleshooting.md, docs/undo.md"),
    ]


def finish_content(found: Sequence[Fact], steps: Sequence[tuple[str, str]], width: int) -> Content:
    """All of it, in lines of this width."""
    parts: list[tuple[str, str]] = []
    for fact in found:
        first, *rest = wrapped(fact.sentence, width - 2) or [""]
        parts.append((f"{GLYPHS[fact.mark]} ", COLOURS[fact.mark]))
        parts.append((f"{first}\n", "$foreground"))
        parts += [(f"  {row}\n", "$foreground") for row in rest]
        for words in fact.evidence:
            parts += [(f"    {row}\n", "$foreground-muted") for row in wrapped(words, width - 4)]
    parts.append(("\nFrom here\n", "$foreground-muted"))
    for name, words in steps:
        first, *rest = wrapped(words, max(20, width - 20)) or [""]
        parts += [(f"  {name:<18}", "$foreground"), (f"{first}\n", "$foreground-muted")]
        parts += [(f"{'':<20}{row}\n", "$foreground-muted") for row in rest]
    return Content.assemble(*parts)


def verdict(found: Sequence[Fact], *, looking: bool) -> tuple[str, str]:
    """The one line at the top, and its colour."""
    failed = sum(fact.mark is Mark.FAILED for fact in found)
    open_ = sum(fact.mark in (Mark.ATTENTION, Mark.WAITING) for fact in found)
    if failed:
        return f"{GLYPHS[Mark.FAILED]} {failed} of {len(found)} are not so", "$text-error"
    if open_ and looking:
        return f"{GLYPHS[Mark.WORKING]} Looking once more at all of it", "$foreground"
    if open_:
        return f"{GLYPHS[Mark.ATTENTION]} {open_} of {len(found)} not proven", "$text-warning"
    return f"{GLYPHS[Mark.DONE]} All of this is so, seen in the mesh and on the VM", "$text-success"


def as_text(found: Sequence[Fact]) -> str:
    """For the clipboard."""
    states = {Mark.DONE: "yes", Mark.FAILED: "no"}
    rows = []
    for fact in found:
        rows.append(f"[{states.get(fact.mark, 'not proven')}] {fact.sentence}")
        rows += [f"    {words}" for words in fact.evidence]
    return "\n".join(rows) + "\n"


def _lines_of(board: Board, machine: str) -> Read:
    return lambda step: board.lines.get((step, machine))


def _registered(machine: str, line: StepLine | None, now: float) -> Fact:
    seen = _details(line)
    if "entry" not in seen:
        return _plain(f"{machine} is registered in the mesh", line)
    since = epoch(seen.get("connected", ""))
    ago = f" ({span(now - since)} ago)" if since is not None else ""
    held = f", held by {seen['istiod']}" if seen.get("istiod") else ""
    connected = f"connected since {local_clock(seen.get('connected', ''))}{ago}{held}"
    sentence = f"{machine} is registered as WorkloadEntry {seen['entry']}"
    return Fact(Mark.DONE, sentence, (f"address {seen.get('address', '')}; {connected}",))


def _identity(machine: str, line: StepLine | None, now: float) -> Fact:
    seen = _details(line)
    end = epoch(seen.get("certificate until", ""))
    if end is None:
        return Fact(Mark.WAITING, f"{machine} has a certificate of the mesh", (_why(line),))
    if end <= now:
        return Fact(Mark.FAILED, f"The certificate of {machine} has ended", (f"at {seen['certificate until']}",))
    until = f"certificate until {seen['certificate until']}, for {span(end - now)} more; the sidecar renews it"
    return Fact(Mark.DONE, f"{machine} proves itself as {seen.get('identity', '')}", (until,))


def _token(machine: str, end: str, now: float) -> Iterator[Fact]:
    moment = epoch(end)
    if moment is None:
        return
    still = f"in {span(moment - now)}" if moment > now else f"{span(now - moment)} ago"
    words = "it was needed for the first certificate only"
    yield Fact(Mark.DONE, f"The token of {machine} ends at {end}", (f"{still}; {words}",))


def _ssh(machine: str, line: StepLine | None) -> Fact:
    if line is None or not line.satisfied:
        return _plain(f"SSH to {machine} works while the sidecar runs", line)
    evidence = "a new connection and name look-ups worked after its start; else the VM had stopped it again"
    return Fact(Mark.DONE, f"SSH to {machine} works while the sidecar runs", (evidence,))


def _answers(plan: Plan, machine: str, proofs: Sequence[Proof]) -> Iterator[Fact]:
    planned = {str(item.source.value) for item in plan.traffic_probes()}
    for step, (source, words) in WAYS.items():
        sentence = words.format(machine)
        proof = next((item for item in proofs if (item.step, item.machine) == (step, machine)), None)
        if source not in planned:
            yield Fact(Mark.ATTENTION, sentence, ("not proven: the plan makes no request this way",))
        elif proof is not None and proof.skipped:
            yield Fact(Mark.ATTENTION, sentence, ("not proven: skipped; Services, Ctrl+A and Enter ask again",))
        elif proof is None:
            yield Fact(
                Mark.ATTENTION, sentence, ("not proven: no request was made yet; Services, Ctrl+A and Enter ask",)
            )
        else:
            asked = f", asked at {local_clock(proof.asked)}" if proof.asked else ""
            routes = tuple(f"{route}: {seen}" for route, seen in proof.details) or (f"{proof.words}{asked}",)
            yield Fact(Mark.DONE if proof.well else Mark.FAILED, sentence, routes)


def _services(plan: Plan, read: Read) -> Iterator[Fact]:
    services = plan.services
    if services.vm_service:
        name = f"{services.vm_service.name}.{plan.workload.namespace}:{services.vm_service.port}"
        yield _plain(f"The workload is a Service of the cluster: {name}", read("vm-service"))
    if services.hello_world:
        yield _plain(f"The sample serves: hello-world.{services.hello_world.namespace}:80", read("hello-world"))


def _plain(sentence: str, line: StepLine | None) -> Fact:
    if line is not None and line.problem:
        return Fact(Mark.FAILED, sentence, (f"{line.problem.code} {line.problem.title}",))
    mark = Mark.DONE if line is not None and line.satisfied else Mark.WAITING
    return Fact(mark, sentence, (_why(line),))


def _why(line: StepLine | None) -> str:
    if line is None or not line.known:
        return "not looked at yet"
    return line.observation.message if line.observation and line.observation.message else line.message


def _details(line: StepLine | None) -> dict[str, str]:
    satisfied = line is not None and line.satisfied and line.observation
    return dict(line.observation.details) if line is not None and satisfied and line.observation else {}


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items()) or "of the workload's labels"
