"""systemd's unit files as the lab's VMs read them: search order, drop-ins, sections, and command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SEARCH = ("etc/systemd/system", "run/systemd/system", "run/systemd/transient", "usr/local/lib/systemd/system")
PACKAGED = "usr/lib/systemd/system"
SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 0.001, "m": 60.0, "min": 60.0}
SECONDS |= {"minute": 60.0, "minutes": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "hours": 3600.0, "d": 86400.0}
TRUE = ("1", "yes", "true", "on")


class BadUnit(ValueError):
    """A unit file that systemd would refuse to load."""


@dataclass
class Unit:
    """A loaded unit: every setting with all its values, in order, by section."""

    name: str
    path: Path | None = None
    drop_ins: list[Path] = field(default_factory=list)
    settings: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def all(self, section: str, key: str) -> list[str]:
        """Every value of a setting that may be given more than once."""
        return self.settings.get((section, key), [])

    def one(self, section: str, key: str, default: str = "") -> str:
        """The last value of a setting."""
        return (self.all(section, key) or [default])[-1]

    def flag(self, key: str) -> bool:
        """A setting of [Service] that is yes or no."""
        return self.one("Service", key).lower() in TRUE

    def seconds(self, section: str, key: str, default: float) -> float:
        """A time span, in seconds."""
        text = self.one(section, key)
        return time_span(text) if text else default


def time_span(text: str) -> float:
    """`10`, `1min 30s`, `500ms`, `infinity` in seconds. BadUnit where it is none."""
    if text.strip() == "infinity":
        return float("inf")
    total = 0.0
    parts = re.findall(r"([0-9.]+)\s*([a-z]*)", text.strip())
    if not parts or re.sub(r"([0-9.]+)\s*([a-z]*)", "", text).strip():
        raise BadUnit(f"Failed to parse time span: {text}")
    for number, unit in parts:
        if unit not in SECONDS:
            raise BadUnit(f"Failed to parse time span: {text}")
        total += float(number) * SECONDS[unit]
    return total


def full_name(name: str) -> str:
    """A unit's name with its type; `.service` where none is given."""
    return name if name.endswith((".service", ".timer", ".target", ".socket")) else f"{name}.service"


def find(root: Path, name: str) -> Path | None:
    """The file of a unit; the VM's own settings come before what packages brought."""
    for folder in (*SEARCH, PACKAGED):
        path = root / folder / name
        if path.is_file() or path.is_symlink():
            return path
    return None


def load(root: Path, name: str) -> Unit:
    """The unit as it stands on disk now; its `path` is None where there is none. BadUnit where it is no unit file."""
    unit = Unit(name, find(root, name))
    if unit.path is None:
        return unit
    read_into(unit, unit.path)
    for folder in (PACKAGED, *reversed(SEARCH)):
        for drop_in in sorted((root / folder / f"{name}.d").glob("*.conf")):
            read_into(unit, drop_in)
            unit.drop_ins.append(drop_in)
    return unit


def read_into(unit: Unit, path: Path) -> None:
    """Adds a file's settings to the unit's; an empty value forgets what came before it."""
    section = ""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise BadUnit(f"{path}:{number}: Missing '=', ignoring line.")
        _set(unit, section, key.strip(), value.strip())


def _set(unit: Unit, section: str, key: str, value: str) -> None:
    values = unit.settings.setdefault((section, key), [])
    if value:
        values.append(value)
    else:
        values.clear()


def specifiers(text: str, name: str, hostname: str) -> str:
    """%n, %N, %p, %i, %H, %S, %t, %L, %% replaced."""
    stem = name.rsplit(".", 1)[0]
    prefix, _, instance = stem.partition("@")
    known = {"n": name, "N": stem, "p": prefix, "i": instance, "H": hostname, "S": "/var/lib", "t": "/run"}
    known |= {"L": "/var/log", "%": "%"}
    return re.sub(r"%([a-zA-Z%])", lambda found: known.get(found[1], found[0]), text)


@dataclass(frozen=True)
class Command:
    """One command line: `ignored` failures do not count, `privileged` ones run as root whatever User says."""

    argv: tuple[str, ...]
    ignored: bool = False
    privileged: bool = False


def command(line: str, environment: Mapping[str, str]) -> Command:
    """A command line as systemd splits it; ${NAME} is replaced in words, $NAME as a whole word is split."""
    ignored = privileged = False
    while line and line[0] in "-+!:@":
        ignored |= line[0] == "-"
        privileged |= line[0] == "+"
        line = line[1:]
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise BadUnit(f"{line}: {error}") from None
    argv: list[str] = []
    for word in words:
        if re.fullmatch(r"\$[A-Za-z_]\w*", word):
            argv += environment.get(word[1:], "").split()
        else:
            argv.append(re.sub(r"\$\{(\w+)\}", lambda found: environment.get(found[1], ""), word).replace("$$", "$"))
    if not argv:
        raise BadUnit("Executable name is empty")
    return Command(tuple(argv), ignored, privileged)


def environment_of(unit: Unit, root: Path) -> dict[str, str]:
    """Environment= and EnvironmentFile= of a service."""
    found: dict[str, str] = {}
    for line in unit.all("Service", "Environment"):
        for word in shlex.split(line):
            name, _, value = word.partition("=")
            found[name] = value
    for place in unit.all("Service", "EnvironmentFile"):
        path = root / place.lstrip("-").lstrip("/")
        if not path.exists() and place.startswith("-"):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith("#"):
                found[name] = " ".join(shlex.split(value)) if value[:1] in "'\"" else value
    return found


def wanted_by(unit: Unit) -> list[str]:
    """The targets that `enable` links the unit into."""
    return [word for line in unit.all("Install", "WantedBy") for word in line.split()]


def enabled_state(root: Path, name: str) -> str:
    """UnitFileState: enabled, disabled, static, masked, transient, or "" where there is no such unit."""
    path = find(root, name)
    if path is None:
        return ""
    if path.is_symlink() and str(path.readlink()) == "/dev/null":
        return "masked"
    if "run/systemd/transient" in str(path.relative_to(root)):
        return "transient"
    targets = wanted_by(load(root, name))
    if any((root / "etc/systemd/system" / f"{target}.wants" / name).is_symlink() for target in targets):
        return "enabled"
    return "disabled" if targets else "static"


def enabled_units(root: Path) -> list[str]:
    """Everything that multi-user.target and its like want at boot."""
    folder = root / "etc/systemd/system"
    return sorted({link.name for link in folder.glob("*.wants/*")}) if folder.is_dir() else []
