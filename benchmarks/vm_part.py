"""The VM part of an onboarding over a 50 ms link: the product beside the guide's 13 commands, over connections of their
own and over a shared one, and beside Ansible; with one machine and with eight.

For everybody the clock runs from the first connection to the end; for the product to its sidecar's start, and what
follows (the proof over a new connection, which nobody else makes) is counted apart.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks import vm_part_ansible, vm_part_guide
from benchmarks.delaying_proxy import Count
from benchmarks.vm_part_product import Given
from benchmarks.vm_part_world import VERSION, Mesh, Start
from tests.real_vm.rig import Rig, missing

RTT = 0.05
FLEET = 8
PRODUCT, AGAIN = "product", "product again, nothing to do"
GUIDE, SHARED, ANSIBLE = "guide, 13 commands", "guide, shared connection", "Ansible"
FEWEST = "Ansible, as few tasks as can be"
AT_LEAST = {GUIDE: 5.0, SHARED: 2.0, ANSIBLE: 8.0}
"""How many times faster the product shall be."""


@dataclass(frozen=True)
class Taken:
    """One competitor's run: seconds from the first connection to the end, those of its whole process, and for the
    busiest machine what went over the link; `after` is the same for the product's proof."""

    seconds: float
    process: float
    connections: float
    turns: float
    kilobytes: float
    after_seconds: float = 0.0
    after_turns: float = 0.0


def measure(rounds: int) -> str:
    """The table of medians; or why it could not be made here."""
    if lacks := missing():
        return f"VM part: NOT RUN, for want of {', '.join(lacks)}"
    programs = vm_part_ansible.install()
    rig = Rig()
    try:
        mesh = Mesh(rig)
        try:
            return "\n".join(_table(mesh, machines, rounds, programs) for machines in (1, FLEET))
        finally:
            mesh.close()
    finally:
        rig.close()


def _table(mesh: Mesh, machines: int, rounds: int, ansible: Path) -> str:
    taken: dict[str, list[Taken]] = {}
    for _ in range(rounds):
        with mesh.start(machines, RTT) as start:
            taken.setdefault(PRODUCT, []).append(_product(start, expect_changes=True))
            taken.setdefault(AGAIN, []).append(_product(start, expect_changes=False))
        for name, run in _others(machines, ansible).items():
            with mesh.start(machines, RTT) as start:
                taken.setdefault(name, []).append(_other(start, run))
    medians = {name: _median(runs) for name, runs in taken.items()}
    title = f"VM part, {machines} machine{'s' * (machines > 1)}, round trip {RTT * 1000:.0f} ms, median of {rounds}"
    head = f"{title:<58} conn. turns     kB  seconds (process)"
    return "\n".join([head, *(_line(name, found, medians[PRODUCT]) for name, found in medians.items())])


def _others(machines: int, ansible: Path) -> dict[str, Callable[[Start], None]]:
    by_hand: dict[str, Callable[[Start], None]] = {
        GUIDE: vm_part_guide.by_hand,
        SHARED: lambda start: vm_part_guide.by_hand(start, shared=True),
    }
    return {
        # Nobody does eight machines by hand, one after another.
        **(by_hand if machines == 1 else {}),
        ANSIBLE: lambda start: vm_part_ansible.play(ansible, vm_part_ansible.MODULES, start),
        FEWEST: lambda start: vm_part_ansible.play(ansible, vm_part_ansible.ARCHIVE, start),
    }


def _line(name: str, found: Taken, product: Taken) -> str:
    line = (
        f"  {name:<56} {found.connections:5.0f} {found.turns:5.0f} {found.kilobytes:6.0f}"
        f"  {found.seconds:7.2f} ({found.process:7.2f})"
    )
    if name == PRODUCT:
        line += f"   then its proof: 1 connection, {found.after_turns:.0f} turns, {found.after_seconds:.2f} s"
    if name not in (PRODUCT, AGAIN):
        line += f"   product {found.seconds / product.seconds:.1f} x faster"
    if name in AT_LEAST:
        verdict = "within" if found.seconds / product.seconds >= AT_LEAST[name] else "MISSES"
        line += f"   {verdict} the budget of {AT_LEAST[name]:.0f} x"
    return line


def _product(start: Start, *, expect_changes: bool) -> Taken:
    given = Given(plan=_plan(start), gateway=start.gateway, root_pem=start.root_pem, token=start.token)
    before = [len(counts) for counts in start.link.counts()]
    began = time.time()
    command = [sys.executable, "-m", "benchmarks.vm_part_product"]
    done = subprocess.run(command, input=json.dumps(asdict(given)), text=True, check=True, stdout=subprocess.PIPE)
    process = time.time() - began
    told = json.loads(done.stdout)
    if told["failed"] or bool(told["changed"]) != expect_changes:
        raise RuntimeError(f"the product failed {told['failed']} and changed {told['changed']}")
    _check(start)
    counts = [found[skip:] for found, skip in zip(start.link.counts(), before, strict=True)]
    firsts, after = [found[0] for found in counts], [count for found in counts for count in found[1:]]
    return Taken(
        seconds=told["started"] - min(count.opened for count in firsts),
        process=process,
        connections=1,
        turns=max(count.turns for count in firsts),
        kilobytes=max(_kilobytes([count]) for count in firsts),
        after_seconds=began + process - told["started"],
        after_turns=max((count.turns for count in after), default=0),
    )


def _other(start: Start, run: Callable[[Start], None]) -> Taken:
    began = time.time()
    run(start)
    ended = time.time()
    _check(start)
    counts = start.link.counts()
    return Taken(
        seconds=ended - min(count.opened for found in counts for count in found),
        process=ended - began,
        connections=max(len(found) for found in counts),
        turns=max(sum(count.turns for count in found) for found in counts),
        kilobytes=max(_kilobytes(found) for found in counts),
    )


def _plan(start: Start) -> dict[str, object]:
    machines = [
        {
            "name": target.vm.name,
            "host": "127.0.0.1",
            "address": target.vm.address,
            "ssh": {
                "user": target.vm.user,
                "port": target.port,
                "key": str(target.vm.key_file),
                "knownHost": target.vm.host_key,
            },
        }
        for target in start.targets
    ]
    return {"machines": machines, "sidecar": {"version": VERSION, "package": start.package_url}}


def _check(start: Start) -> None:
    """Whoever has finished has a sidecar that runs with its files in their places."""
    for target in start.targets:
        target.vm.run("systemctl is-active istio && test -s /etc/istio/config/mesh && grep -q istiod /etc/hosts")
        owner = target.vm.output("stat -c %U /var/run/secrets/tokens/istio-token /var/lib/istio/envoy/cluster.env")
        if owner.split() != ["istio-proxy", "istio-proxy"]:
            raise RuntimeError(f"{target.vm.name}: files belong to {owner}")


def _kilobytes(counts: list[Count]) -> float:
    return sum(count.sent + count.received for count in counts) / 1000


def _median(runs: list[Taken]) -> Taken:
    names = Taken.__dataclass_fields__
    return Taken(**{name: median(getattr(run, name) for run in runs) for name in names})
