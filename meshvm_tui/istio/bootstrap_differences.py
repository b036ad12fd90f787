"""How the files that are found differ from those that are wanted: each key by name, none passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshvm_tui.istio import cluster_env, hosts, yaml_dialect
from meshvm_tui.istio.bootstrap_files import (
    CLUSTER_ENV,
    HOSTS,
    MESH_YAML,
    ROOT_CERT,
    TOKEN,
    BootstrapFiles,
    Deviation,
    contents_of,
    shown,
)

# Their order says nothing, and istioctl's own is random.
_SETS = (cluster_env.INBOUND_PORTS, cluster_env.EXCLUDED_PORTS, cluster_env.EXCLUDED_RANGES)


def differences(
    wanted: BootstrapFiles | Mapping[str, str], found: BootstrapFiles | Mapping[str, str | None]
) -> tuple[Deviation, ...]:
    """Every difference by file and key. A file that is not in `found`, or None there, is missing.

    Comments, order and quoting are no differences. A token is compared only where one is wanted, and by being
    the same or not.
    """
    want, have = contents_of(wanted), contents_of(found)
    result: list[Deviation] = []
    for name, compare in _COMPARISONS.items():
        text, other = want[name] or "", have[name]
        if name == TOKEN and not text:
            continue
        if other is None:
            result.append(Deviation(name, "", "is missing"))
        else:
            result += compare(text, other)
    return tuple(result)


def _cluster_env(want: str, have: str) -> Iterator[Deviation]:
    wanted, _ = cluster_env.parse(want)
    found, unreadable = cluster_env.parse(have)
    for part in unreadable:
        yield Deviation(CLUSTER_ENV, "", f"holds what is no plain value: {part.text[:80]}")
    for name in sorted({*wanted, *found}):
        if name not in found:
            yield Deviation(CLUSTER_ENV, name, "is missing")
        elif name not in wanted:
            yield Deviation(CLUSTER_ENV, name, f"is {shown(found[name])}, not wanted")
        elif _value(name, wanted[name]) != _value(name, found[name]):
            yield Deviation(CLUSTER_ENV, name, f"is {shown(found[name])}, wanted {shown(wanted[name])}")


def _value(name: str, text: str) -> object:
    return frozenset(text.split(",")) if name in _SETS else text


def _mesh_yaml(want: str, have: str) -> Iterator[Deviation]:
    try:
        found = yaml_dialect.load(have)
    except ValueError as error:
        yield Deviation(MESH_YAML, "", f"cannot be read: {error}")
        return
    yield from _nodes(yaml_dialect.load(want), found, "")


def _nodes(wanted: Any, found: Any, path: str) -> Iterator[Deviation]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in sorted({*wanted, *found}):
            place = f"{path}.{key}" if path else key
            if key not in found:
                yield Deviation(MESH_YAML, place, "is missing")
            elif key not in wanted:
                yield Deviation(MESH_YAML, place, f"is {shown(found[key])}, not wanted")
            else:
                yield from _nodes(wanted[key], found[key], place)
    elif wanted != found or isinstance(wanted, bool) != isinstance(found, bool):
        yield Deviation(MESH_YAML, path, f"is {shown(found)}, wanted {shown(wanted)}")


def _root_cert(want: str, have: str) -> Iterator[Deviation]:
    if want.split() != have.split():
        yield Deviation(ROOT_CERT, "", "is another one than the mesh has" if have.strip() else "is empty")


def _hosts(want: str, have: str) -> Iterator[Deviation]:
    wanted, found = hosts.parse(want), hosts.parse(have)
    for name, address in wanted.items():
        if name not in found:
            yield Deviation(HOSTS, name, "is missing")
        elif found[name] != address:
            yield Deviation(HOSTS, name, f"is at {shown(found[name])}, wanted {shown(address)}")


def _token(want: str, have: str) -> Iterator[Deviation]:
    if want.strip() != have.strip():
        yield Deviation(TOKEN, "", "is another one" if have.strip() else "is empty")


_COMPARISONS = {
    CLUSTER_ENV: _cluster_env,
    MESH_YAML: _mesh_yaml,
    ROOT_CERT: _root_cert,
    HOSTS: _hosts,
    TOKEN: _token,
}
