"""dpkg: unpacks packages into the VM, runs their scripts, keeps conffiles and records."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import tarfile

from meshvm_tui.lab.guest.tools import dpkg_database as database
from meshvm_tui.lab.guest.tools import ground, owners

FAILED = 2
LOCK_WORDS = (
    "dpkg: error: dpkg frontend lock was locked by another process with pid 1717\n"
    "Note: removing the lock file is always wrong, can damage the locked area and the entire system."
)
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def main(arguments: list[str]) -> int:
    """dpkg -i FILE... | -r|-P PACKAGE... | --configure -a | -s|-l|-L [PACKAGE] | --print-architecture"""
    options = [word for word in arguments if word.startswith("-")]
    words = [word for word in arguments if not word.startswith("-")]
    action = next((option for option in options if not option.startswith("--force")), "")
    if action == "--print-architecture":
        print(architecture())
        return 0
    if action in ("-s", "--status"):
        return max([_status(word) for word in words], default=0)
    if action in ("-L", "--listfiles"):
        return max([_files(word) for word in words], default=0)
    if action in ("-l", "--list"):
        return _list(words)
    if action not in ("-i", "--install", "-r", "--remove", "-P", "--purge", "--configure"):
        ground.say("dpkg: error: need an action option")
        return FAILED
    if not ground.is_root():
        ground.say("dpkg: error: requested operation requires superuser privilege")
        return FAILED
    if database.lock_holder():
        ground.say(LOCK_WORDS)
        return FAILED
    if action == "--configure":
        return 0
    work = install if action in ("-i", "--install") else lambda name: remove(name, action in ("-P", "--purge"))
    code = max([work(word) for word in words], default=0)
    if code:
        ground.say("Errors were encountered while processing:\n " + "\n ".join(words))
    return code


def architecture() -> str:
    """Debian's name for this computer."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def install(path: str) -> int:
    """dpkg -i for one file: 0, or 1 with the words said."""
    try:
        found = database.members(path)
        control = {member.name.lstrip("./"): member for member in database.archive(found, "control").getmembers()}
        with database.archive(found, "control") as archive:
            texts = {name: source.read() for name, member in control.items() if (source := archive.extractfile(member))}
        fields = database.paragraph_of(texts.get("control", b"").decode())
    except FileNotFoundError:
        ground.say(f"dpkg: error: cannot access archive '{path}': No such file or directory")
        return 1
    except (database.BadPackage, tarfile.TarError) as error:
        ground.say(
            f"dpkg-deb: error: {error}\n"
            f"dpkg: error processing archive {path} (--install):\n"
            " dpkg-deb --control subprocess returned error exit status 2"
        )
        return 1
    name, wanted = fields.get("Package", ""), fields.get("Architecture", "all")
    if wanted not in ("all", architecture()):
        ground.say(
            f"dpkg: error processing archive {path} (--install):\n"
            f" package architecture ({wanted}) does not match system ({architecture()})"
        )
        return 1
    full = ground.fault("disk-full")
    if full is not None:
        file = full or "/usr/local/bin/envoy"
        ground.say(
            f"dpkg: error processing archive {path} (--install):\n cannot copy extracted data for "
            f"'.{file}' to '{file}.dpkg-new': failed to write (No space left on device)"
        )
        return 1
    return _unpack(path, name, fields, texts, found)


def _unpack(path: str, name: str, fields: database.Fields, texts: dict[str, bytes], found: dict[str, bytes]) -> int:
    packages = database.read()
    old = packages.get(name, {})
    print(f"Preparing to unpack {os.path.basename(path)} ...", flush=True)
    print(
        f"Unpacking {name} ({fields.get('Version')})" + (f" over ({old['Version']})" if old else "") + " ...",
        flush=True,
    )
    conffiles = texts.get("conffiles", b"").decode().split()
    try:
        with database.archive(found, "data") as archive:
            listed = _extract(archive, set(conffiles), old)
    except (database.BadPackage, tarfile.TarError) as error:
        ground.say(f"dpkg: error processing archive {path} (--install):\n {error}")
        return 1
    os.makedirs(ground.place(database.INFO), exist_ok=True)
    for kind in ("postinst", "prerm", "postrm", "preinst", "conffiles", "md5sums"):
        if kind in texts:
            with open(database.info(name, kind), "wb") as out:
                out.write(texts[kind])
            os.chmod(database.info(name, kind), 0o755)
    with open(database.info(name, "list"), "w", encoding="utf-8") as out_list:
        out_list.write("\n".join(listed) + "\n")
    missing = _missing(fields, packages)
    state = "unpacked" if missing else "half-configured"
    packages[name] = {"Package": name, "Status": f"install ok {state}", **fields}
    if conffiles:
        sums = [f" {place} {_md5(place)}" for place in conffiles]
        packages[name]["Conffiles"] = "\n" + "\n".join(sums)
    database.write(packages)
    if missing:
        ground.say(
            f"dpkg: dependency problems prevent configuration of {name}:\n"
            + "".join(f" {name} depends on {need}; however:\n  Package {need} is not installed.\n" for need in missing)
            + f"\ndpkg: error processing package {name} (--install):\n dependency problems - leaving unconfigured"
        )
        return 1
    return configure(name)


def configure(name: str) -> int:
    """Runs the package's postinst and records it as installed."""
    packages = database.read()
    print(f"Setting up {name} ({packages[name].get('Version')}) ...", flush=True)
    script = database.info(name, "postinst")
    if os.path.exists(script) and ground.ROOT != "/" and not _is_the_labs(script):
        ground.say("dpkg: error: this lab VM has no namespace of its own, so it runs no script but its own package's")
        return 1
    if os.path.exists(script):
        code = subprocess.call(["sh", script, "configure", ""], cwd=ground.ROOT)
        if code:
            ground.say(
                f"dpkg: error processing package {name} (--install):\n installed {name} package post-installation "
                f"script subprocess returned error exit status {code}"
            )
            return 1
    packages[name]["Status"] = "install ok installed"
    database.write(packages)
    return 0


def remove(name: str, purge: bool) -> int:
    """dpkg -r or -P for one package."""
    packages = database.read()
    if name not in packages:
        ground.say(f"dpkg: warning: ignoring request to remove {name} which isn't installed")
        return 0
    print(f"Removing {name} ({packages[name].get('Version')}) ...")
    conffiles = {line.split()[0] for line in packages[name].get("Conffiles", "").splitlines() if line.strip()}
    with open(database.info(name, "list"), encoding="utf-8") as source:
        listed = source.read().split("\n")
    for place in reversed([line for line in listed if line]):
        target = ground.place(place)
        if place in conffiles and not purge:
            continue
        if os.path.isdir(target):
            # A folder, or a link like /lib that stands for one, which no package owns alone.
            with contextlib.suppress(OSError):  # others' files are in it, or it is a mount or a link
                os.rmdir(target)
        elif os.path.lexists(target):
            os.unlink(target)
    if purge:
        packages.pop(name)
        for kind in ("postinst", "prerm", "postrm", "preinst", "conffiles", "md5sums", "list"):
            if os.path.exists(database.info(name, kind)):
                os.unlink(database.info(name, kind))
    else:
        packages[name]["Status"] = "deinstall ok config-files"
    database.write(packages)
    return 0


def _extract(archive: tarfile.TarFile, conffiles: set[str], old: database.Fields) -> list[str]:
    sums = {line.split()[0]: line.split()[1] for line in old.get("Conffiles", "").splitlines() if line.strip()}
    listed = []
    for member in archive.getmembers():
        place = "/" + member.name.lstrip("./")
        # A package may name /lib or /bin, which are links to their places under /usr.
        target = os.path.join(os.path.realpath(os.path.dirname(ground.place(place))), os.path.basename(place))
        root = os.path.realpath(ground.ROOT)
        if ".." in place.split("/") or os.path.commonpath([root, target]) != root:
            raise database.BadPackage(f"'{member.name}' leads out of the system")
        listed.append(place)
        if member.isdir():
            os.makedirs(ground.place(place), exist_ok=True)
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if member.issym():
            if os.path.lexists(target):
                os.unlink(target)
            os.symlink(member.linkname, target)
            continue
        source = archive.extractfile(member)
        if source is None or (place in conffiles and _kept(target, place, sums)):
            continue
        with open(f"{target}.dpkg-new", "wb") as out:
            shutil.copyfileobj(source, out)
        os.chmod(f"{target}.dpkg-new", member.mode & 0o7777)
        os.replace(f"{target}.dpkg-new", target)
        owners.set_owner(target, 0, 0)
    return listed


def _is_the_labs(script: str) -> bool:
    ours = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "package_files", "postinst")
    with open(script, "rb") as found, open(ours, "rb") as wanted:
        return found.read() == wanted.read()


def _kept(target: str, place: str, sums: dict[str, str]) -> bool:
    """Whether a conffile that the operator edited stays as it is (--force-confold)."""
    return os.path.exists(target) and place in sums and _md5(place) != sums[place]


def _md5(place: str) -> str:
    with open(ground.place(place), "rb") as source:
        return hashlib.md5(source.read(), usedforsecurity=False).hexdigest()


def _missing(fields: database.Fields, packages: dict[str, database.Fields]) -> list[str]:
    needs = [need.split("(")[0].strip() for need in fields.get("Depends", "").split(",") if need.strip()]
    installed = {name for name, known in packages.items() if known.get("Status", "").endswith(" installed")}
    return [need for need in needs if not installed & {word.strip() for word in need.split("|")}]


def _status(name: str) -> int:
    fields = database.read().get(name)
    if fields is None:
        ground.say(f"dpkg-query: package '{name}' is not installed and no information is available")
        return 1
    print("\n".join(f"{key}: {value}" for key, value in fields.items()))
    return 0


def _files(name: str) -> int:
    try:
        with open(database.info(name, "list"), encoding="utf-8") as source:
            print(source.read(), end="")
    except OSError:
        ground.say(f"dpkg-query: package '{name}' is not installed")
        return 1
    return 0


def _list(names: list[str]) -> int:
    packages = database.read()
    print("||/ Name Version Architecture Description")
    for name in names or sorted(packages):
        if name not in packages:
            ground.say(f"dpkg-query: no packages found matching {name}")
            return 1
        fields = packages[name]
        letters = "ii" if fields["Status"].endswith(" installed") else "rc"
        print(f"{letters}  {name}", *(fields.get(key, "") for key in ("Version", "Architecture", "Description")))
    return 0
