"""Builds one program by Go, with a go.mod of its own: these modules cannot be installed by `go install`."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from tools.real_tools.pins import Build

STAGED = re.compile(r"^\s*(\S+) => \./staging/src/\S+$", re.MULTILINE)


def build(go: str, what: Build, cache: Path) -> Path:
    """The program's path; it appears whole, so that an interrupted build is simply run again.

    Raises subprocess.CalledProcessError; Go has then said why on standard error.
    """
    program = cache / what.place
    source = cache / "build" / what.place.replace("/", "-")
    source.mkdir(parents=True, exist_ok=True)
    program.parent.mkdir(parents=True, exist_ok=True)
    (source / "go.mod").write_text(_go_mod(go, what, source), encoding="utf-8")
    flags = " ".join(("-s", "-w", *(f"-X {name}={value}" for name, value in what.flags)))
    unfinished = program.with_name(f".{program.name}.unfinished")
    command = ("nice", "-n", "10", go, "build", "-trimpath", "-ldflags", flags, "-o", str(unfinished), what.package)
    subprocess.run(command, cwd=source, env=_environment(), check=True)
    unfinished.replace(program)
    return program


def _environment() -> dict[str, str]:
    return {**os.environ, "GOFLAGS": "-mod=mod -p=2 -buildvcs=false"}


def _go_mod(go: str, what: Build, source: Path) -> str:
    requires = "\n".join(f"\t{module} {version}" for module, version in what.requires)
    replaces = "\n".join(f"replace {old} => {old} {version}" for old, version in _staged(go, what, source))
    return f"module built\n\ngo {_language(go)}\n\nrequire (\n{requires}\n)\n\n{replaces}\n"


def _language(go: str) -> str:
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, encoding="utf-8", check=True).stdout
    major, minor, *_ = said.strip().removeprefix("go").split(".")
    return f"{major}.{minor}.0"


def _staged(go: str, what: Build, source: Path) -> list[tuple[str, str]]:
    """Kubernetes 1.N keeps its libraries in its own source; each is released as a module v0.N as well."""
    if not what.staged:
        return []
    version = dict(what.requires)[what.staged]
    command = [go, "mod", "download", "-json", f"{what.staged}@{version}"]
    (source / "go.mod").write_text("module built\n", encoding="utf-8")
    said = subprocess.run(command, cwd=source, env=_environment(), capture_output=True, encoding="utf-8", check=True)
    text = Path(json.loads(said.stdout)["GoMod"]).read_text(encoding="utf-8")
    library = version.replace("v1.", "v0.", 1)
    return [(module, library) for module in STAGED.findall(text)]
