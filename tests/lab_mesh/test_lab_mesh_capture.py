"""SSH on a port that the sidecar redirects is lost in a STRICT mesh, and only there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshvm_tui.lab.mesh.capture import cuts_plaintext

ROWS = [
    ("*", [22], True, True),
    ("*", [22, 2222], True, False),
    ("*", [22], False, False),
    ("8080", [22], True, False),
    ("8080,2222", [22], True, True),
]


@pytest.mark.parametrize(("inbound", "excluded", "strict", "cut"), ROWS)
def test_a_port_is_cut(tmp_path: Path, inbound: str, excluded: list[int], strict: bool, cut: bool) -> None:
    written = tmp_path / "run/meshvm-agent/names.json"
    written.parent.mkdir(parents=True)
    written.write_text(json.dumps({"names": {}, "inbound": inbound, "excluded": excluded, "strict": strict}))
    assert cuts_plaintext(tmp_path, 2222) is cut


def test_without_a_sidecar_nothing_is_cut(tmp_path: Path) -> None:
    assert not cuts_plaintext(tmp_path, 2222)
