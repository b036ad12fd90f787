"""A VM's folder: its own files as a fresh Debian would have them, the lab's tools, and what it takes from the host."""

from __future__ import annotations

import compileall
import os
import shlex
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from meshvm_tui.lab.guest import namespace

_TOOLS = (
    "sudo dpkg dpkg-query apt-get systemctl systemd-run journalctl useradd groupadd getent id whoami chown chgrp "
    "stat install hostname ss ip curl iptables iptables-save timedatectl df flock cmp which reboot "
    "lab-pilot-agent sftp-server"
)
_COREUTILS = (
    "[ arch b2sum base32 base64 basename basenc cat chmod cksum comm cp csplit cut dd dir dircolors dirname du "
    "echo env expand expr factor false fmt fold groups head join link ln logname ls md5sum mkdir mkfifo mktemp mv "
    "nice nl nohup nproc numfmt od paste pathchk pr printenv printf ptx pwd readlink realpath rm rmdir seq "
    "sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stdbuf stty sum sync tac tail "
    "tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink uptime vdir wc yes"
)
_OTHERS = (
    "sh bash dash sed grep egrep fgrep awk mawk gawk tar gzip gunzip zcat xz find xargs diff less vi nano clear ps"
)
TOOLS, COREUTILS, OTHERS = (tuple(words.split()) for words in (_TOOLS, _COREUTILS, _OTHERS))
PLACES = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
# Asked once, while one thread imports: of two that ask first together, Python 3.11 may answer one with None.
SHARED_PYTHON = bool(sysconfig.get_config_var("Py_ENABLE_SHARED"))
SHARED = ("/usr/", "/bin/", "/sbin/", "/lib", "/nix/", "/gnu/")  # what a VM sees of the host
BASE_PACKAGES = (
    "base-files",
    "coreutils",
    "curl",
    "hostname",
    "iproute2",
    "iptables",
    "openssh-server",
    "python3",
    "sudo",
)

PASSWD = """root:x:0:0:root:/root:/bin/{shell}
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
{user}:x:1000:1000:Lab operator:/home/{user}:/bin/{shell}
"""
GROUP = """root:x:0:
daemon:x:1:
sudo:x:27:{user}
www-data:x:33:
nogroup:x:65534:
{user}:x:1000:
"""
OS_RELEASE = """PRETTY_NAME="Debian GNU/Linux 12 (bookworm), lab VM"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
"""


@dataclass(frozen=True)
class Interpreter:
    """The Python that runs the lab: where it lies, and how its tools start it inside a VM."""

    prefix: Path
    executable: Path
    library: str  # the folder of a shared libpython, relative to the prefix; "" where Python is whole

    @classmethod
    def running(cls) -> Interpreter:
        """The one that runs now, without its virtual environment."""
        prefix = Path(sys.base_prefix).resolve()
        executable = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
        return cls(prefix, executable, "lib" if SHARED_PYTHON else "")

    def inside(self) -> str:
        """The same program under /.lab/python."""
        return str(Path("/.lab/python") / self.executable.relative_to(self.prefix))


def module_folders() -> dict[str, str]:
    """What the lab's Python imports inside a VM: place below /.lab/packages -> folder on the host."""
    found = {"0/meshvm_tui": str(Path(__file__).resolve().parents[2])}
    installed = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    for index, path in enumerate([path for path in installed if Path(path).is_dir()], 1):
        found[str(index)] = path
    return found


def host_commands() -> dict[str, str]:
    """The host's programs that every VM has, by their real paths; what the host lacks is left out."""
    found: dict[str, str] = {}
    for name in (*COREUTILS, *OTHERS):
        path = shutil.which(name, path=os.pathsep.join(PLACES)) or shutil.which(name)
        real = str(Path(path).resolve()) if path else ""
        if real.startswith(SHARED):
            found[name] = real
    return found


@dataclass(frozen=True)
class Layout:
    """The folder of one VM."""

    folder: Path
    name: str
    address: str
    user: str
    closed: bool

    @property
    def root(self) -> Path:
        """The VM's own files."""
        return self.folder / "root"

    @property
    def state(self) -> Path:
        """What the lab keeps for the VM, /.lab/state inside it."""
        return self.folder / "state"

    def create(self) -> None:
        """Makes what is not there yet; the tools are written anew, for the interpreter may have moved."""
        fresh = not (self.root / "etc/passwd").exists()
        for place in (*namespace.OWN, "var/lib/dpkg/info", "var/log", "var/tmp", "etc/systemd/system", "usr/local/bin"):
            _folder(self.root, place)
        _folder(self.root, "usr/lib/systemd/system")
        _folder(self.root, f"home/{self.user}")
        (self.state / "journal").mkdir(parents=True, exist_ok=True)
        if not (self.root / "var/run").is_symlink():
            (self.root / "var/run").symlink_to("../run" if self.closed else "/run")
        if self.closed and not (self.root / "lib").is_symlink():
            (self.root / "lib").symlink_to("usr/lib")
        if fresh:
            self._write_etc()
        self._write_tools()

    def clear_volatile(self) -> None:
        """Empties /run and /tmp, as a boot does."""
        for place in ("run", "tmp"):
            shutil.rmtree(self.root / place, ignore_errors=True)
            _folder(self.root, place)
        (self.root / "tmp").chmod(0o1777)
        _folder(self.root, "run/systemd/system")

    def _write_etc(self) -> None:
        shell = "bash" if "bash" in host_commands() else "sh"
        etc = self.root / "etc"
        values = {"user": self.user, "shell": shell}
        texts = {
            "passwd": PASSWD.format(**values),
            "group": GROUP.format(**values),
            "hostname": f"{self.name}\n",
            "hosts": f"127.0.0.1 localhost\n{self.address} {self.name}\n",
            "os-release": OS_RELEASE,
            "debian_version": "12.0\n",
            "resolv.conf": "nameserver 169.254.169.254\n",
            "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
            "profile": "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nexport PATH\n",
        }
        for name, text in texts.items():
            (etc / name).write_text(text, encoding="utf-8")
            (etc / name).chmod(0o644)
        cache = Path("/etc/ld.so.cache")
        if cache.is_file():
            shutil.copyfile(cache, etc / "ld.so.cache")  # where the loader finds a Python in /usr/local
        paragraphs = [
            f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0-lab\nDescription: {name}\n"
            for name in BASE_PACKAGES
        ]
        (self.root / "var/lib/dpkg/status").write_text("\n".join(paragraphs), encoding="utf-8")

    def _write_tools(self) -> None:
        # Inside a VM the package is read-only, so its tools are compiled here, where they can be kept.
        compileall.compile_dir(Path(__file__).parent, quiet=2)
        folder = self.state / "tools"
        folder.mkdir(exist_ok=True)
        interpreter = Interpreter.running()
        python = str(interpreter.executable) if self.closed else interpreter.inside()
        modules = module_folders()
        packages = [
            str(Path(source).parent if place.startswith("0/") else source) if self.closed else f"/.lab/packages/{place}"
            for place, source in modules.items()
        ]
        packages = [path.removesuffix("/meshvm_tui") for path in packages]
        here = f"{packages[0]}/meshvm_tui/lab/guest/tools"
        state = str(self.state) if self.closed else "/.lab/state"
        settings = {"LAB_ROOT": str(self.root) if self.closed else "/", "LAB_STATE": state, "LAB_ADDRESS": self.address}
        library = f"{interpreter.prefix if self.closed else '/.lab/python'}/{interpreter.library}"
        if interpreter.library:
            settings["LD_LIBRARY_PATH"] = library
        before = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
        run = f"exec {shlex.quote(python)}"
        vm = f'MESHVM_LAB_ADDRESS={self.address} MESHVM_LAB_CLOCK_OFFSET="$(cat {shlex.quote(state)}/clock)"'
        texts = {name: f'{before} {run} -I -S {shlex.quote(here)}/__main__.py {_module(name)} "$@"' for name in TOOLS}
        texts["python3"] = f'{before} {vm} PYTHONPATH={shlex.quote(here)}/python_site {run} -s "$@"'
        path = shlex.quote(os.pathsep.join(packages))
        texts["lab-agent"] = f'{before} {vm} PYTHONPATH={path} {run} -S -m meshvm_tui.lab.mesh.agent "$@"'
        texts["date"] = self._date(state)
        for name, text in texts.items():
            script = folder / name
            script.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
            script.chmod(0o755)
        if self.closed:
            shutil.copy(folder / "lab-pilot-agent", folder / "pilot-agent")

    def _date(self, state: str) -> str:
        real = shutil.which("date", path=os.pathsep.join(PLACES)) or "/bin/date"
        host = str(Path(real).resolve())
        host = host if self.closed else f"/.lab/host{host}"
        # A clock that is right needs no arithmetic, which the shell has for whole seconds only.
        return (
            f"offset=$(cat {shlex.quote(state)}/clock); offset=${{offset%.*}}\n"
            f'case "$offset" in ""|0|-0) exec {shlex.quote(host)} "$@" ;; esac\n'
            f'exec {shlex.quote(host)} -d "@$(($({shlex.quote(host)} +%s) + offset))" "$@"'
        )


def _module(tool: str) -> str:
    return "pilot_agent" if tool == "lab-pilot-agent" else tool.replace("-", "_")


def _folder(root: Path, place: str) -> None:
    """Makes a folder and those above it as a system has them, whatever the lab's own umask."""
    path = root
    path.mkdir(parents=True, exist_ok=True)
    for part in place.split("/"):
        path /= part
        if not path.is_dir():
            path.mkdir()
            path.chmod(0o755)
