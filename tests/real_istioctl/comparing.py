"""How the product's outcome must relate to istioctl's: the same files, or the same failure.

Where they differ on purpose, the difference has a name here; docs/compatibility.md tells each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from meshvm_tui.istio import token, yaml_dialect
from meshvm_tui.istio.bootstrap_files import CLUSTER_ENV, FILE_NAMES, HOSTS, MESH_YAML, ROOT_CERT, TOKEN
from tests.real_istioctl.tools import Outcome

# istioctl's words for a failure, and the product's codes for it.
_FAILURES = (
    (r"workloadgroup .* not found in namespace", {"MVM-502", "MVM-503"}),
    (r"failed to automatically determine the --clusterID: fetch", {"MVM-507"}),
    (r"failed to automatically determine the --clusterID: ", {"MVM-507"}),
    (r"configmap istio-ca-root-cert was not found in namespace", {"MVM-510", "MVM-503"}),
    (r"configmap istio\S* was not found in namespace", {"MVM-505"}),
    (r"could not create a token .*not found", {"MVM-504"}),
    (r"could not create a token .*(Invalid|invalid|may not specify)", {"MVM-115", "MVM-109", "MVM-514"}),
)
# What is wrong in a document, which the libraries say in their own ways.
_UNREADABLE = {"MVM-501", "MVM-506", "MVM-511", "MVM-515"}


def assert_same(theirs: Outcome, ours: Outcome, faults: frozenset[str] = frozenset()) -> str:
    """Fails where the outcomes differ without a reason; gives the name of what happened.

    `faults` are the codes of which any will do where both fail: the tools do not look at things in one order.
    """
    for name, is_it in _DIFFERENCES.items():
        if is_it(theirs, ours):
            return name
    if theirs.code:
        assert ours.code, f"istioctl fails: {theirs.err}"
        wanted = next((codes for words, codes in _FAILURES if re.search(words, theirs.err)), _UNREADABLE)
        assert code_of(ours) in wanted | faults, f"{theirs.err}\n{ours.err}"
        assert ours.files is None
        return "both refuse"
    assert ours.code == 0, f"istioctl does it: {ours.err}"
    assert theirs.files is not None
    assert ours.files is not None
    assert sorted(ours.files) == sorted(theirs.files) == sorted(FILE_NAMES)
    assert [*_differing(theirs.files, ours.files)] == []
    return "same files"


def code_of(ours: Outcome) -> str:
    """The code of the problem that was told."""
    found = re.search(r"MVM-\d+", ours.err)
    return found[0] if found else ""


def _differing(theirs: dict[str, str], ours: dict[str, str]) -> Iterator[tuple[str, Any, Any]]:
    for name in (ROOT_CERT, HOSTS):
        if theirs[name] != ours[name]:
            yield name, theirs[name], ours[name]
    want, have = _sorted_ports(_quoted_backslashes(theirs[CLUSTER_ENV])), _sorted_ports(ours[CLUSTER_ENV])
    if want != have:
        yield CLUSTER_ENV, want, have
    yield from _mesh(theirs[MESH_YAML], ours[MESH_YAML])
    said = [_said(files[TOKEN]) for files in (theirs, ours)]
    if said[0] != said[1]:
        yield TOKEN, said[0], said[1]


def _sorted_ports(text: str) -> str:
    """istioctl writes the ports in random order."""
    return re.sub(
        r"^(ISTIO_INBOUND_PORTS='?)([0-9,]+)",
        lambda found: found[1] + ",".join(sorted(found[2].split(","), key=int)),
        text,
        flags=re.MULTILINE,
    )


def _quoted_backslashes(text: str) -> str:
    """istioctl leaves a backslash bare, where the shell drops it or joins the next line to this one."""
    return re.sub(r"^(\w+=)([w@%+=:,./\\-]*\\[w@%+=:,./\\-]*)$", r"\1'\2'", text, flags=re.MULTILINE)


# go-yaml takes these for the end of a line: in istioctl's file they become spaces.
_BREAKS = re.compile("[\u0085\u2028\u2029]")


def _mesh(theirs: str, ours: str) -> Iterator[tuple[str, Any, Any]]:
    if theirs == ours:
        return
    breaks = _BREAKS.search(json.dumps(yaml_dialect.load(ours), ensure_ascii=False))
    if breaks and _without_space(theirs) == _without_space(ours):
        return
    yield MESH_YAML, theirs, ours


def _without_space(text: str) -> Any:
    """The values of a document without what may have been taken for the end of a line."""
    value = yaml_dialect.load(text)
    return json.loads(re.sub(r"\\n|\\u0085|\\u2028|\\u2029| ", "", json.dumps(value, sort_keys=True)))


def _said(text: str) -> tuple[Any, ...]:
    claims = token.claims(text)
    return (claims["aud"], claims["sub"], claims["exp"] - claims["iat"], claims["iss"], text == text.strip())


def _empty_hosts(theirs: Outcome, ours: Outcome) -> bool:
    """No address of the gateway: istioctl succeeds with an empty file."""
    if theirs.code or not theirs.files or theirs.files[HOSTS]:
        return False
    assert (code_of(ours) in ("MVM-508", "MVM-509"), ours.files) == (True, None), ours.err
    return True


def _nil_map(theirs: Outcome, ours: Outcome) -> bool:
    """An annotation's proxyMetadata in a mesh that has none: istioctl panics, the product merges."""
    return "assignment to entry in nil map" in theirs.err and code_of(ours) in ("", "MVM-508", "MVM-509")


def _no_shell_variable(theirs: Outcome, ours: Outcome) -> bool:
    """A name that a shell would not assign to, or would run."""
    return code_of(ours) == "MVM-512" and theirs.code == 0


def _name_of_another_kind(theirs: Outcome, ours: Outcome) -> bool:
    """A name that YAML reads as a number or a truth: istioctl invents a text for it, the product asks for quotes."""
    return theirs.code == 0 and code_of(ours) == "MVM-501" and "put it between quotes" in ours.err


_DIFFERENCES = {
    "name of another kind": _name_of_another_kind,
    "empty hosts": _empty_hosts,
    "nil map": _nil_map,
    "no shell variable": _no_shell_variable,
}
