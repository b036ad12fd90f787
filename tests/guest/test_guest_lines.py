"""Every text that a VM can show comes over as JSON, whichever shell is its `sh`."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from meshvm_tui.adapters import guest_script

SHELLS = [name for name in ("dash", "bash") if shutil.which(name)]
TEXTS = (
    "",
    "plain words, 100% (a|b) /x=y@z -n",
    "one\ntwo",
    "\n\nblank lines around\n\n",
    'users:(("sshd",pid=33,fd=3))',
    "a tab\tand a \\ and a bell\a",
    "\\n is no end of a line",
    "é and 名",
    "$(reboot) `reboot` 'quoted'",
)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_arrives_as_it_is(shell: str, text: str) -> None:
    functions = guest_script.script().removesuffix("main </dev/null\n")
    done = subprocess.run(
        [shell, "-c", f'{functions}\nemit topic it text "$TEXT" end ""', "-"],
        env={"PATH": "/usr/bin:/bin", "TEXT": text},
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert done.stdout.count(b"\n") == 1
    assert json.loads(done.stdout) == {"topic": "it", "text": text, "end": ""}
