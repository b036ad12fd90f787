"""The guide's commands on a VM of a lab that an ordinary user runs; needs root to become one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshvm_tui.lab.guest.package import build
from tests.lab_guest.test_lab_guest_guide import COMMANDS, FILES, fingerprint

NOBODY = 65534
SCRIPT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    sys.path.append(sys.argv[1])
    from meshvm_tui.lab.guest.vm import Vm
    class Nothing:
        def active(self, name): return False
        def value(self, name): return ""
        def offset(self): return 0.0
    vm = Vm("vm-1", sys.argv[3], 0, Path(sys.argv[2]) / "a vm", Nothing(), Nothing())
    vm.start()
    for file in Path(sys.argv[2]).glob("*.*"):
        vm.path("/home/operator/" + file.name).write_bytes(file.read_bytes())
    vm.path("/home/operator/istio-token").write_text("a.b.c")
    vm.path("/home/operator/hosts").write_text("127.0.9.9 istiod.istio-system.svc")
    print("forbidden:", vm.forbidden)
    for command in sys.argv[4:]:
        done = vm.run("cd ~ && { " + command + "; } 2>&1", root=False)
        print(done.returncode, command, done.stdout.strip() if done.returncode else "")
    vm.stop()
    """
)


def _python() -> list[str]:
    """An interpreter that nobody may start, of this very version; skips where there is none."""
    for program in (sys.executable, "/usr/bin/python3"):
        asked = [program, "-c", "import sys; print(sys.version_info[:2])"]
        try:
            said = subprocess.run(asked, capture_output=True, text=True, check=False, user=NOBODY, timeout=10)
        except OSError:
            continue
        if said.stdout.strip() == str(sys.version_info[:2]):
            return [program]
    pytest.skip("no Python of this version that an ordinary user may start")


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="meshvm nobody "))
    os.chown(made, NOBODY, NOBODY)
    yield made
    shutil.rmtree(made)


@pytest.mark.skipif(os.getuid() != 0, reason="every other test of VMs runs as an ordinary user already")
def test_the_guide_works_and_touches_nothing(folder: Path) -> None:
    for name, text in FILES.items():
        if "." in name:
            (folder / name).write_text(text)
    (folder / "istio-sidecar.deb").write_bytes(build("1.30.3"))
    places = (Path("/etc"), Path.home(), Path("/usr/local/bin"))
    before = fingerprint(*places)
    site = next(path for path in sys.path if Path(path, "paramiko").is_dir())
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [*_python(), "-c", SCRIPT, str(root), str(folder), f"127.{os.getpid() % 99 + 100}.9.9", *COMMANDS],
        capture_output=True,
        text=True,
        check=False,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        timeout=60,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": site, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    forbidden, *said = done.stdout.splitlines()
    if forbidden != "forbidden: ":
        pytest.skip(f"user namespaces are {forbidden}")
    assert [line for line in said if not line.startswith("0 ")] == []
    assert len(said) == len(COMMANDS)
    assert fingerprint(*places) == before
