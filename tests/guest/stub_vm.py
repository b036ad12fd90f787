"""A pretend VM for guest.sh: a folder as its root (DESTDIR) and stub tools on PATH. Never the real /etc."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshvm_tui.adapters import guest_script

PACKAGE = b"!<arch>\npretend istio-sidecar 1.30.3\n"

TOOLS: dict[str, str] = {
    "id": """
case "$*" in
    -u) echo 0 ;;
    -un) echo root ;;
    istio-proxy) [ -e "$STUB/user" ] || exit 1; echo "uid=999(istio-proxy)" ;;
esac""",
    "chown": """
recursive=
if [ "$1" = -R ]; then recursive=yes; shift; fi
owner=$1
shift
for path in "$@"; do
    echo "$path $owner" >>"$STUB/owners"
    if [ -n "$recursive" ]; then find "$path" | sed "s/$/ $owner/" >>"$STUB/owners"; fi
done""",
    "stat": """
format=$2
shift 2
for path in "$@"; do
    [ -e "$path" ] || continue
    owner=$(awk -v path="$path" '$1 == path { owner = $2 } END { print owner }' "$STUB/owners")
    real=$(/usr/bin/stat -c '%n|%a|%F' "$path")
    echo "$real" | awk -F'|' -v owner="${owner:-root}" -v format="$format" '{
        if (format == "%U %a") print owner, $2
        else if (format == "%U") print owner
        else print $1 "|" owner "|" $2 "|" $3 }'
done""",
    "mv": """
/bin/mv "$@" || exit 1
for last in "$@"; do source=${target:-}; target=$last; done
awk -v a="$source" -v b="$target" \\
    '$1 == a { owner = $2 } END { if (owner) print b, owner }' "$STUB/owners" >"$STUB/moved"
cat "$STUB/moved" >>"$STUB/owners" """,
    "dpkg-query": """
[ -e "$STUB/package" ] || exit 1
cat "$STUB/package" """,
    "dpkg": """
echo "dpkg $*" >>"$STUB/calls"
if [ -s "$STUB/dpkg-failures" ]; then
    head -n 1 "$STUB/dpkg-failures" >&2
    sed -i 1d "$STUB/dpkg-failures"
    exit 2
fi
echo 'install ok installed|1.30.3|amd64' >"$STUB/package"
: >"$STUB/user"
mkdir -p "$DESTDIR/var/lib/istio/envoy" "$DESTDIR/var/lib/istio/proxy" "$DESTDIR/var/lib/istio/config" \
    "$DESTDIR/var/log/istio" "$DESTDIR/etc/certs"
[ -e "$DESTDIR/etc/istio" ] || ln -s ../var/lib/istio "$DESTDIR/etc/istio"
: >>"$DESTDIR/var/lib/istio/config/mesh" """,
    "systemctl": """
verb=$1
shift
if [ "$verb" = show ]; then
    for unit in "$@"; do :; done
    state=inactive
    [ ! -e "$STUB/active-$unit" ] || state=active
    enabled=disabled
    [ ! -e "$STUB/enabled-$unit" ] || enabled=enabled
    pid=$(cat "$STUB/pid-$unit" 2>/dev/null || echo 0)
    printf 'LoadState=loaded\\nActiveState=%s\\nSubState=x\\nUnitFileState=%s\\nNRestarts=0\\nMainPID=%s\\n' \
        "$state" "$enabled" "$pid"
    exit 0
fi
echo "systemctl $verb $*" >>"$STUB/calls"
case "$verb" in
    start | restart)
        [ ! -e "$STUB/start-fails" ] || exit 1
        : >"$STUB/active-$1"
        echo 42 >"$STUB/pid-$1"
        [ ! -e "$STUB/on-start.log" ] || cat "$STUB/on-start.log" >>"$DESTDIR/var/log/istio/istio.log"
        ;;
    stop) rm -f "$STUB/active-$1" ;;
    enable) : >"$STUB/enabled-$1" ;;
esac""",
    "systemd-run": """
echo "systemd-run $*" >>"$STUB/calls"
: >"$STUB/active-meshvm-deadman.timer" """,
    "getent": """
[ ! -e "$STUB/no-names" ] || exit 2
echo "10.0.0.1 $2" """,
    "curl": """
echo "curl $*" >>"$STUB/calls"
case "$*" in
    *healthz/ready*) cat "$STUB/ready" 2>/dev/null || printf 200 ;;
    *15012*) cat "$STUB/gateway-words" >&2 2>/dev/null; exit "$(cat "$STUB/gateway-exit" 2>/dev/null || echo 0)" ;;
    *.deb*)
        echo "proxies ${http_proxy:-none} ${https_proxy:-none} ${no_proxy:-none}" >>"$STUB/proxies"
        [ -e "$STUB/served.deb" ] || { echo 'curl: (22) The requested URL returned error: 404' >&2; exit 22; }
        while [ "$1" != -o ]; do shift; done
        cp "$STUB/served.deb" "$2"
        ;;
    *) [ ! -e "$STUB/curl-exit" ] || { echo 'curl: (6) Could not resolve host: hello-world' >&2; exit 6; }
        echo '200 0.004 10.0.0.9' ;;
esac""",
    "ss": 'cat "$STUB/listeners" 2>/dev/null || :',
    "hostname": "echo '10.0.0.7 172.17.0.1'",
    "ip": """
echo '1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever'
echo '2: eth0    inet 10.0.0.7/24 brd 10.0.0.255 scope global eth0'
echo '3: docker0    inet 172.17.0.1/16 scope global docker0'""",
    "iptables-save": 'cat "$STUB/rules" 2>/dev/null || :',
    "nft": '[ ! -e "$STUB/rules" ] || echo "table inet istio-proxy-nat"; echo "table ip filter"',
    "getconf": "echo 'glibc 2.36'",
    "journalctl": 'cat "$STUB/journal" 2>/dev/null || :',
    "uname": "echo x86_64",
    "apt-config": """
for kind in http https; do
    case "$*" in *Acquire::$kind::Proxy*) cat "$STUB/apt-$kind" 2>/dev/null || : ;; esac
done""",
    "apt-get": 'echo "apt-get $*" >>"$STUB/calls"',
}


def member_bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """The content of one file of a tar."""
    file = tar.extractfile(member)
    assert file is not None, f"{member.name} is no regular file"
    return file.read()


class StubVm:
    """A root folder, stub tools and the way to run guest.sh against them."""

    def __init__(self, folder: Path, shell: str = "sh") -> None:
        self.shell = shell
        self.root = folder / "root"
        self.stub = folder / "stub"
        self.bin = folder / "bin"
        for place in ("etc", "var/log/istio", "run/systemd/system", "usr", "tmp"):
            (self.root / place).mkdir(parents=True)
        self.stub.mkdir()
        self.bin.mkdir()
        for name in ("owners", "calls"):
            (self.stub / name).touch()
        for name, body in TOOLS.items():
            tool = self.bin / name
            tool.write_text("#!/bin/sh\n" + body.strip() + "\n")
            tool.chmod(0o755)
        self.write("etc/hosts", "127.0.0.1 localhost\n")
        self.write("etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian \\"12\\""\n')

    def write(self, place: str, text: str) -> None:
        """A file of the VM."""
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, place: str) -> str:
        """The content of a file of the VM."""
        return (self.root / place).read_text()

    def say(self, name: str, text: str) -> None:
        """Sets what a stub tool answers."""
        (self.stub / name).write_text(text)

    @property
    def calls(self) -> list[str]:
        """What the tools that change something were asked, in order."""
        return (self.stub / "calls").read_text().splitlines()

    def changes(self) -> list[str]:
        """Calls that change the VM: neither requests nor questions."""
        return [call for call in self.calls if not call.startswith("curl")]

    def environment(self) -> dict[str, str]:
        """Of the script: our tools first, our root as DESTDIR."""
        path = f"{self.bin}:/usr/bin:/bin"
        return {
            "DESTDIR": str(self.root),
            "STUB": str(self.stub),
            "MV_PATH": path,
            "PATH": path,
            "SSH_CONNECTION": "10.9.9.9 5000 10.0.0.7 2222",
        }

    def observe(self, **values: str) -> dict[str, Any]:
        """`guest.sh observe` from standard input: its topics."""
        done = subprocess.run(
            [self.shell, "-s", "--", "-", "10.9.9.9 5000 10.0.0.7 2222"],
            input=guest_script.observation(values),
            capture_output=True,
            env=self.environment(),
            check=True,
            timeout=60,
        )
        assert done.stderr == b""
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return {line.pop("topic"): line for line in lines}

    def execute(self, mode: str, contents: Mapping[str, bytes] | None = None, /, **values: str) -> list[dict[str, str]]:
        """An execution that must succeed: its reports."""
        return self._execute(0, mode, contents or {}, values)

    def fail(self, mode: str, contents: Mapping[str, bytes] | None = None, /, **values: str) -> list[dict[str, str]]:
        """An execution that must fail: its reports."""
        return self._execute(1, mode, contents or {}, values)

    def _execute(
        self, code: int, mode: str, contents: Mapping[str, bytes], values: Mapping[str, str]
    ) -> list[dict[str, str]]:
        """From a fresh folder, as the tar on standard input makes one."""
        stage = Path(f"{self.root.parent}/stage")
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(mode=0o700)
        fast = {"POLL": "0.01", "PAUSE": "0.01", "READY_WAIT": "1", "LOOKUP_TRIES": "1", "HTTP_TRIES": "2"}
        data = b"".join(guest_script.archive(mode, {**fast, **values}, contents, {}))
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            # By hand: extractall(filter=) came with Python 3.11.4.
            for member in tar.getmembers():
                (stage / member.name).write_bytes(member_bytes(tar, member))
        done = subprocess.run(
            [self.shell, str(stage / "guest.sh"), str(stage), "10.9.9.9 5000 10.0.0.7 2222"],
            capture_output=True,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        assert not stage.exists()
        return [json.loads(line) for line in done.stdout.splitlines()]

    def tree(self) -> dict[str, str]:
        """Every file of the VM with its hash, mode and time of change, but for the run folder."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for path in (Path(folder) / name for name in names):
                if "run/meshvm-tui" in str(path) or path.is_symlink():
                    continue
                status = path.stat()
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path.relative_to(self.root))] = f"{digest} {status.st_mode:o} {status.st_mtime_ns}"
        return found


def decoded(value: str) -> str:
    """A base64 field of an observation."""
    return base64.b64decode(value).decode()


def states(reports: list[dict[str, str]]) -> dict[str, str]:
    """The last state of each step."""
    return {line["step"]: line["state"] for line in reports if line["state"] != "info"}
