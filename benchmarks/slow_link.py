"""The delaying proxy as a process of its own, and what it counted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.delaying_proxy import Count


@dataclass
class SlowLink:
    """A port of 127.0.0.1 for each target, in their order."""

    proxy: subprocess.Popen[str]
    ports: tuple[int, ...]

    def counts(self) -> list[list[Count]]:
        """All connections so far, target by target, in the order in which they were opened."""
        assert self.proxy.stdin is not None
        assert self.proxy.stdout is not None
        self.proxy.stdin.write("\n")
        self.proxy.stdin.flush()
        told = json.loads(self.proxy.stdout.readline())
        return [[Count(**count) for count in told[str(port)]] for port in self.ports]


@contextmanager
def slow_link(rtt: float, targets: Sequence[str]) -> Iterator[SlowLink]:
    """A link of `rtt` seconds to each HOST:PORT."""
    command = [sys.executable, "-m", "benchmarks.delaying_proxy", str(rtt), *targets]
    proxy = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert proxy.stdout is not None
        yield SlowLink(proxy, tuple(json.loads(proxy.stdout.readline())))
    finally:
        proxy.communicate()
