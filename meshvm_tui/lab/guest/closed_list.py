"""What runs on a lab VM where namespaces are forbidden: the product's own script, and a closed list of commands.

Nothing else is started, for it would run on the operator's own computer. The script is known by its text, which is
read as data from the files beside the package; its values and the files that a shell sources are checked as well.
"""

from __future__ import annotations

import ast
import io
import re
import shlex
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SENDER = "guest_script.py"  # beside the script; names its parts and the command lines that run it
ASSIGNMENT = re.compile(rb"""MV_[A-Z0-9_]+=(?:'[^']*'|"'"|[\w@%+=:,./-])*\n""")
SETTING = re.compile(r"""\s*(?:#.*)?|(?:export )?[A-Za-z_]\w*=(?:'[^']*'|"'"|[\w@%+=:,./-])*""")
MEMBER = re.compile(r"[a-z0-9][a-z0-9.-]*")
# Harmless commands, and which arguments each may have.
ALLOWED = {
    "curl": r"-[sSfLIikv]+|-w|-m|--max-time|--connect-timeout|[\w%{}\\.]+|https?://\S+",
    "date": r"-u|\+.*",
    "dpkg": r"-[slL]|--print-architecture|[a-z0-9.+-]+",
    "dpkg-query": r"-[Wfsl]|\$\{.*|[a-z0-9.+-]+",
    "false": "",
    "getent": r"[\w.-]+",
    "hostname": r"-.*",
    "id": r".*",
    "ip": r".*",
    "journalctl": r".*",
    "ss": r".*",
    "systemctl": r".*",
    "timedatectl": r".*",
    "true": "",
    "uname": r"-.*",
    "uptime": "",
    "whoami": "",
}
REFUSAL = (
    "this lab VM has no namespace of its own (user namespaces are forbidden on this computer), so it runs only "
    "what meshvm-tui sends, and: " + ", ".join(ALLOWED) + ". Refused: "
)


class Refused(Exception):
    """A command that would run on the operator's computer; says so in words."""


@dataclass(frozen=True)
class Admitted:
    """What may run: a command line, and what it gets on standard input."""

    argv: tuple[str, ...]
    stdin: bytes
    sudo: bool = False


@dataclass(frozen=True)
class ClosedList:
    """The list for one VM. `root` is its folder of files, `state` the lab's own for it."""

    root: Path
    state: Path
    script: bytes
    commands: tuple[str, ...]  # how the script is run from standard input, and from a tar
    start_script: bytes

    @classmethod
    def of(cls, settings: dict[str, Any]) -> ClosedList:
        """From the settings of a VM's process 1."""
        folder = Path(settings["folder"])
        here = Path(__file__).parent
        adapters = here.parents[1] / "adapters"
        constants = constants_of(adapters / SENDER)
        script = "\n".join((adapters / part).read_text(encoding="utf-8") for part in constants["PARTS"]).encode()
        commands = (constants["OBSERVE_COMMAND"], constants["EXECUTE_COMMAND"])
        start_script = (here / "package_files/istio-start.sh").read_bytes()
        return cls(folder / "root", folder / "state", script, commands, start_script)

    def admit(self, command: str, stdin: bytes) -> Admitted:
        """What may run for a command line, or `Refused`."""
        if command == self.commands[0]:
            if not stdin.endswith(self.script):
                raise Refused("the script that was sent is not the one beside this lab")
            self._values(stdin[: -len(self.script)])
            return Admitted(("sh", "-c", command), stdin)
        if command == self.commands[1]:
            self._archive(stdin)
            return Admitted(("sh", "-c", command), stdin)
        try:
            words = shlex.split(command)
        except ValueError:
            words = []
        if words[:1] == ["sudo"]:
            words = [word for word in words[1:] if word != "-n"]
        pattern = ALLOWED.get(words[0]) if words else None
        if pattern is None or re.search(r"[;&|<>`()\n]|\$[^{]", command):
            raise Refused(REFUSAL + command[:80])
        if not all(re.fullmatch(pattern, word) for word in words[1:]):
            raise Refused(REFUSAL + command[:80])
        tool = self.state / "tools" / words[0]
        return Admitted((str(tool) if tool.exists() else words[0], *words[1:]), b"", command.startswith("sudo"))

    def unit_command(self, argv: list[str]) -> list[str]:
        """A unit's command line as it may run here, or `Refused`."""
        if argv[0] == "/usr/bin/env":
            argv = argv[1:]
        name = Path(argv[0]).name
        if name == "istio-start.sh":
            self._start_files()
            return ["sh", str(self.root / "usr/local/bin/istio-start.sh"), *argv[1:]]
        if name == "python3" and argv[1:3] == ["-m", "http.server"]:
            inside = [self._inside(word) if word.startswith("/") else word for word in argv[1:]]
            return [self._tool("python3"), *inside]
        if name in ("systemctl", "install", "true"):
            return [self._tool(name) if name != "true" else name, *argv[1:]]
        raise Refused(REFUSAL + " ".join(argv)[:80])

    def _tool(self, name: str) -> str:
        return str(self.state / "tools" / name)

    def _inside(self, path: str) -> str:
        place = (self.root / path.lstrip("/")).resolve()
        if not place.is_relative_to(self.root.resolve()):
            raise Refused(f"{path} leads out of the VM's folder")
        return str(place)

    def _values(self, text: bytes) -> None:
        # Quoted values may span lines, so the whole must match, not each line.
        if not re.fullmatch(rb"(?:" + ASSIGNMENT.pattern + rb")*", text):
            raise Refused("the values before the script are more than quoted values")

    def _archive(self, content: bytes) -> None:
        found: dict[str, bytes] = {}
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                for member in archive.getmembers():
                    if not member.isreg() or not MEMBER.fullmatch(member.name) or member.name in found:
                        raise Refused(f"the tar carries {member.name!r}")
                    source = archive.extractfile(member)
                    found[member.name] = source.read() if source else b""
        except tarfile.TarError as error:
            raise Refused(f"standard input is no tar: {error}") from error
        if found.get("guest.sh") != self.script:
            raise Refused("the script that was sent is not the one beside this lab")
        self._values(found.get("values.sh", b""))

    def _start_files(self) -> None:
        script = self.root / "usr/local/bin/istio-start.sh"
        if not script.is_file() or script.read_bytes() != self.start_script:
            raise Refused("istio-start.sh is not the lab's own")
        for name in ("sidecar.env", "cluster.env"):
            file = self.root / "var/lib/istio/envoy" / name
            lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
            for line in lines:
                if not SETTING.fullmatch(line):
                    raise Refused(f"{name} holds more than quoted values")


def constants_of(file: Path) -> dict[str, Any]:
    """The literal constants of a Python file, read as data: nothing of it is imported or run."""
    found: dict[str, Any] = {}
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
            except ValueError:
                continue  # not a literal
    return found
