"""Faults that can be switched on by name, before the lab starts and while it runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

CATALOG: dict[str, str] = {
    "api-429": "The API server answers 429 with Retry-After to the first N requests (api-429:N), or with these words.",
    "api-401": "The API server takes no credential any more: every request is 401. A value is what it says.",
    "api-403": "The API server forbids one verb on one resource to everybody, as in api-403:create:workloadgroups.",
    "api-500": "The API server answers 500 InternalError to the first N requests (api-500:N), or with these words.",
    "api-slow": "The API server waits before every answer: one second, or the seconds in its value.",
    "watch-410": "Every watch that names a resourceVersion is told that it is too old (410 Expired).",
    "watch-cut": "Every watch is cut off in the middle after its first event, or after half a second.",
    "quota-exceeded": "A ResourceQuota forbids to create anything; a value is the quota's name.",
    "admission-refused": "An admission webhook refuses what is created; a value is the policy's name.",
    "webhook-unreachable": "The API server does not reach istiod's webhooks; a value is what it says of it.",
    "gateway-pending": "No load balancer gets an address; its Events say why, with a value in these words.",
    "gateway-hostname": "Load balancers report a hostname only: one that no resolver knows, or the value.",
    "firewall-closed": "No Pod can reach a VM.",
    "response-flag": "Pods' sidecars answer as Envoy does with this flag: UH, UF, UO, UC, UR, LR, NC, NR, UT, DC.",
    "sidecar-crash": "In injected Pods istio-init ends with an error; a value is what it says.",
    "image-pull": "No image of a sample can be pulled; a value names a part of the image's name.",
    "wrong-certificate": "Behind 15012 answers a server of another authority, for the name in the value.",
    "token-expired": "istiod finds every ServiceAccount token expired.",
    "istio-present": "The cluster starts with Istio installed by somebody else.",
}


class FirstRequests:
    """Counts requests for faults that hold for the first N of them (`name:N`); without a number they hold for all."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._counted: dict[tuple[str, str], int] = {}

    def due(self, name: str) -> bool:
        """Counts one more; whether the fault meets it."""
        if not self._faults.active(name):
            for counted in [key for key in self._counted if key[0] == name]:
                del self._counted[counted]  # switched on again it counts from the beginning
            return False
        value = self._faults.value(name)
        if not value.isdigit():
            return True
        done = self._counted.get((name, value), 0)
        self._counted[name, value] = done + 1
        return done < int(value)


class UnknownFault(ValueError):
    """A fault that the catalog does not have."""


class Faults:
    """The faults that are on. A file of one `name` or `name:value` per line is read again when it changes."""

    def __init__(self, file: Path | None = None, initial: Iterable[str] = ()) -> None:
        self._file = file
        self._faults: dict[str, str] = {}
        self._seen: tuple[int, int] | None = None
        self._read()
        for line in initial:
            self._add(line)
        if file is not None and (self._faults or not file.exists()):
            self._write()

    def active(self, name: str) -> bool:
        """Whether the fault is on."""
        self._read()
        return name in self._faults

    def value(self, name: str) -> str:
        """What stands behind the colon; "" where nothing does or the fault is off."""
        self._read()
        return self._faults.get(name, "")

    def names(self) -> tuple[str, ...]:
        """The faults that are on, sorted."""
        self._read()
        return tuple(sorted(self._faults))

    def set(self, name: str, value: str = "") -> None:
        """Switches a fault on; raises `UnknownFault`."""
        self._read()
        self._add(f"{name}:{value}" if value else name)
        self._write()

    def clear(self, name: str = "") -> None:
        """Switches one fault off, or all of them."""
        self._read()
        if name:
            self._faults.pop(name, None)
        else:
            self._faults.clear()
        self._write()

    def _add(self, line: str) -> None:
        name, _, value = line.strip().partition(":")
        if name not in CATALOG:
            raise UnknownFault(f'there is no fault "{name}"; there are: {", ".join(sorted(CATALOG))}')
        self._faults[name] = value

    def _read(self) -> None:
        if self._file is None:
            return
        try:
            status = self._file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp == self._seen:
                return
            lines = self._file.read_text().splitlines()
        except FileNotFoundError:
            if self._seen is not None:
                self._seen, self._faults = None, {}
            return
        self._seen = stamp
        # A line with a name that is not known is somebody's slip of the pen: a running lab goes on without it.
        named = [line.strip().partition(":") for line in lines]
        self._faults = {name: value for name, _, value in named if name in CATALOG}

    def _write(self) -> None:
        if self._file is None:
            return
        lines = [f"{name}:{value}" if value else name for name, value in sorted(self._faults.items())]
        self._file.write_text("".join(f"{line}\n" for line in lines))
        status = self._file.stat()
        self._seen = (status.st_mtime_ns, status.st_size)
