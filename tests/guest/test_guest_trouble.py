"""guest.sh on a VM with a proxy of its own, and one whose disk is full."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guest.stub_vm import PACKAGE, StubVm
from tests.guest.test_guest_apply import FILES, VALUES, failure

NONE = "none"


@pytest.fixture(params=["dash", "bash"])
def vm(tmp_path: Path, request: pytest.FixtureRequest) -> StubVm:
    return StubVm(tmp_path, request.param)


@pytest.mark.parametrize(
    ("environment", "apt_http", "proxies"),
    [
        ("", "", (NONE, NONE, NONE)),
        ("http_proxy=http://p:3128\n", "", ("http://p:3128", NONE, NONE)),
        ("export HTTPS_PROXY=\"http://u:s%20x@p:1\"\nno_proxy='a,b' \n", "", (NONE, "http://u:s%20x@p:1", "a,b")),
        ("http_proxy=http://first\nhttp_proxy=http://last\n", "http://apt", ("http://last", NONE, NONE)),
        ("#http_proxy=http://off\nxhttp_proxy=no\n", "http://apt:3142", ("http://apt:3142", NONE, NONE)),
        ("", "DIRECT", (NONE, NONE, NONE)),
    ],
)
def test_the_package_comes_through_the_vms_own_proxy(
    vm: StubVm, environment: str, apt_http: str, proxies: tuple[str, str, str]
) -> None:
    (vm.stub / "served.deb").write_bytes(PACKAGE)
    vm.write("etc/environment", environment)
    if apt_http:
        vm.say("apt-http", f"{apt_http}\n")
    reports = vm.execute("apply", FILES, **VALUES, PACKAGE_URL="http://127.0.0.1:1/a.deb")
    assert (vm.stub / "proxies").read_text().split()[1:] == list(proxies)
    assert "s%20x" not in repr(reports) + repr(vm.calls)


def test_words_that_nobody_reads_are_told_where_the_script_ends_at_them(vm: StubVm) -> None:
    """As on a full disk, where already the first folder cannot be made."""
    (vm.bin / "cp").write_text("#!/bin/sh\necho 'cp: error writing: No space left on device' >&2\nexit 1\n")
    (vm.bin / "cp").chmod(0o755)
    told = failure(vm.fail("apply", FILES, **VALUES))
    assert told["step"] == "sidecar-package"
    assert "No space left on device" in told["output"]
    (vm.bin / "cp").unlink()
    assert not (vm.root / "var/lib/meshvm-tui/before/package").exists()
    assert vm.changes() == []
