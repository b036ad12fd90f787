"""guest.sh apply and confirm: package, files, unit; run twice it changes nothing; what fails is told with its cause."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from meshvm_tui.adapters import guest_script
from tests.guest.stub_vm import PACKAGE, StubVm, decoded, states

FILES = {
    "cluster.env": b"ISTIO_SERVICE='hello-vm.vm-namespace'\n",
    "mesh.yaml": b"defaultConfig: {}\n",
    "root-cert.pem": b"-----BEGIN CERTIFICATE-----\n",
    "hosts": b"10.0.0.1 istiod.istio-system.svc\n",
}
TOKEN = {"istio-token": b"aaaa.bbbb.cccc"}
SENT = {"istio-sidecar.deb": PACKAGE}
VALUES = {"VERSION": "1.30.3", "ISTIOD_HOST": "istiod.istio-system.svc"}


@pytest.fixture
def vm(tmp_path: Path) -> StubVm:
    return StubVm(tmp_path)


def apply(vm: StubVm, contents: dict[str, bytes], **values: str) -> list[dict[str, str]]:
    return vm.execute("apply", contents, **{**VALUES, **values})


def onboarded(vm: StubVm) -> None:
    apply(vm, {**FILES, **TOKEN, **SENT})
    vm.execute("confirm", **VALUES)


def failure(reports: list[dict[str, str]]) -> dict[str, str]:
    (found,) = [line for line in reports if line["state"] == "failed" and line["step"] != "end"]
    return found


def test_from_nothing_to_running(vm: StubVm) -> None:
    reports = apply(vm, {**FILES, **TOKEN, **SENT})
    assert states(reports) == {
        "sidecar-package": "changed", "guest-files": "changed", "sidecar-running": "changed", "end": "ok",
    }  # fmt: skip
    assert vm.read("var/lib/istio/envoy/cluster.env").encode() == FILES["cluster.env"]
    assert vm.read("etc/istio/config/mesh").encode() == FILES["mesh.yaml"]
    assert vm.read("etc/certs/root-cert.pem").encode() == FILES["root-cert.pem"]
    assert vm.read("var/run/secrets/tokens/istio-token").encode() == TOKEN["istio-token"]
    hosts = vm.read("etc/hosts")
    assert hosts == ("127.0.0.1 localhost\n# BEGIN meshvm-tui\n10.0.0.1 istiod.istio-system.svc\n# END meshvm-tui\n")
    places = dict(line.split("|", 1) for line in vm.observe()["places"]["stat"].splitlines())
    root = str(vm.root)
    assert places[f"{root}/var/run/secrets/tokens/istio-token"] == "istio-proxy|600|regular file"
    assert places[f"{root}/var/lib/istio/envoy/cluster.env"] == "istio-proxy|644|regular file"
    assert places[f"{root}/etc/hosts"] == "root|644|regular file"
    assert places[f"{root}/etc/istio"].endswith("symbolic link") or (vm.root / "etc/istio").is_symlink()


def test_the_timer_is_set_before_the_start_and_taken_away_by_confirm(vm: StubVm) -> None:
    apply(vm, {**FILES, **TOKEN, **SENT})
    names = [call.split()[0] + " " + call.split()[1] for call in vm.changes()]
    timer = next(n for n, call in enumerate(vm.changes()) if call.startswith("systemd-run"))
    assert vm.changes()[timer].endswith("systemctl stop istio.service")
    assert timer < names.index("systemctl start")
    assert not any("enable" in call for call in vm.changes())
    assert vm.observe()["unit"]["timer"] == "active"
    reports = vm.execute("confirm", **VALUES)
    assert states(reports)["sidecar-running"] == "changed"
    seen = vm.observe()["unit"]
    assert seen["timer"] == "inactive"
    assert "UnitFileState=enabled" in seen["show"]


def test_a_second_run_changes_nothing(vm: StubVm) -> None:
    onboarded(vm)
    before, calls = vm.tree(), len(vm.changes())
    reports = apply(vm, {**FILES, **SENT})
    assert set(states(reports).values()) == {"ok"}
    assert reports[-1]["changed"] == "no"
    assert vm.tree() == before
    assert len(vm.changes()) == calls


def test_one_changed_file_is_written_and_the_unit_restarted_once(vm: StubVm) -> None:
    onboarded(vm)
    calls = len(vm.changes())
    reports = apply(vm, {**FILES, "mesh.yaml": b"defaultConfig: {concurrency: 1}\n"})
    assert next(line for line in reports if line["state"] == "changed")["written"] == "mesh.yaml"
    starts = [call for call in vm.changes()[calls:] if call.split()[1] in ("start", "restart")]
    assert starts == ["systemctl restart istio.service"]


def test_a_restart_that_was_cut_off_is_made_up_for(vm: StubVm) -> None:
    onboarded(vm)
    vm.say("start-fails", "")
    vm.say("journal", "istio-start.sh: the cellar door is locked\n")
    apply_failed = vm.fail("apply", {**FILES, "mesh.yaml": b"other\n"}, **VALUES)
    assert failure(apply_failed)["step"] == "sidecar-running"
    assert "the cellar door is locked" in failure(apply_failed)["output"]
    (vm.stub / "start-fails").unlink()
    assert vm.observe()["unit"]["restart_wanted"] == "yes"
    reports = apply(vm, {**FILES, "mesh.yaml": b"other\n"})
    assert states(reports)["guest-files"] == "ok"
    assert states(reports)["sidecar-running"] == "changed"


def test_a_new_token_alone_restarts_nothing_that_is_ready(vm: StubVm) -> None:
    onboarded(vm)
    calls = len(vm.changes())
    reports = apply(vm, {**FILES, "istio-token": b"dddd.eeee.ffff"})
    assert states(reports)["guest-files"] == "changed"
    assert states(reports)["sidecar-running"] == "ok"
    assert not [call for call in vm.changes()[calls:] if "start" in call]


def test_a_token_altered_on_the_vm_is_told(vm: StubVm) -> None:
    onboarded(vm)
    assert vm.observe()["token"]["as_sent"] == "yes"
    vm.write("var/run/secrets/tokens/istio-token", "aaaa.bbbb.cccX")
    assert vm.observe()["token"]["as_sent"] == "no"


def test_wrong_mode_or_owner_is_mended(vm: StubVm) -> None:
    onboarded(vm)
    (vm.root / "var/run/secrets/tokens/istio-token").chmod(0o644)
    (vm.root / "etc/certs/root-cert.pem").chmod(0o600)
    reports = apply(vm, {**FILES, **TOKEN})
    written = next(line["written"] for line in reports if line["step"] == "guest-files" and "written" in line)
    assert set(written.split()) == {"root-cert.pem", "istio-token"}


def test_what_was_given_to_the_sidecars_user_is_said_in_words(vm: StubVm) -> None:
    reports = apply(vm, {**FILES, **TOKEN, **SENT})
    said = next(line["message"] for line in reports if line["step"] == "guest-files" and line["state"] == "changed")
    assert said.startswith("written: cluster.env")
    assert "owner-of-" not in said


def test_another_address_for_istiod_is_put_aside_and_others_kept(vm: StubVm) -> None:
    vm.write(
        "etc/hosts",
        "127.0.0.1 localhost\n9.9.9.9 istiod.istio-system.svc\n8.8.8.8 istiod.istio-system.svc mine\n"
        "10.0.0.1\tistiod.istio-system.svc\n7.7.7.7 other\n",
    )
    apply(vm, {**FILES, **TOKEN, **SENT})
    assert vm.read("etc/hosts").splitlines() == [
        "127.0.0.1 localhost",
        "# put aside by meshvm-tui: 9.9.9.9 istiod.istio-system.svc",
        "# put aside by meshvm-tui: 8.8.8.8 istiod.istio-system.svc mine",
        "8.8.8.8 mine",
        "10.0.0.1\tistiod.istio-system.svc",
        "7.7.7.7 other",
        "# BEGIN meshvm-tui",
        "10.0.0.1 istiod.istio-system.svc",
        "# END meshvm-tui",
    ]
    assert (vm.root / "var/lib/meshvm-tui/before/hosts").read_text().startswith("127.0.0.1 localhost\n9.9.9.9")
    before = vm.tree()
    vm.execute("confirm", **VALUES)
    apply(vm, FILES)
    assert vm.read("etc/hosts").count("BEGIN meshvm-tui") == 1
    assert {k: v for k, v in vm.tree().items() if k == "etc/hosts"} == {"etc/hosts": before["etc/hosts"]}


def test_a_new_gateway_address_replaces_the_block(vm: StubVm) -> None:
    onboarded(vm)
    apply(vm, {**FILES, "hosts": b"10.0.0.2 istiod.istio-system.svc\n"})
    seen = vm.observe()["hosts"]
    assert decoded(seen["block"]) == "10.0.0.2 istiod.istio-system.svc\n"
    assert (seen["blocks"], seen["others"]) == ("1", "")


def test_what_was_there_before_is_kept_once(vm: StubVm) -> None:
    vm.write("etc/certs/root-cert.pem", "another tool's root")
    apply(vm, {**FILES, **TOKEN, **SENT})
    apply(vm, {**FILES, "root-cert.pem": b"renewed\n"})
    before = vm.root / "var/lib/meshvm-tui/before"
    assert (before / "root-cert.pem").read_text() == "another tool's root"
    assert (before / "cluster.env.absent").exists()
    assert (before / "package").read_text() == "\n"


def test_a_certificate_of_another_identity_is_moved_aside_only_if_it_is_the_one_that_was_seen(vm: StubVm) -> None:
    vm.write("etc/certs/cert-chain.pem", "foreign")
    vm.write("etc/certs/key.pem", "foreign key")
    apply(vm, {**FILES, **TOKEN, **SENT}, FOREIGN_CERT="0" * 64)
    assert vm.read("etc/certs/cert-chain.pem") == "foreign"
    apply(vm, {**FILES, **TOKEN}, FOREIGN_CERT=hashlib.sha256(b"foreign").hexdigest())
    assert not (vm.root / "etc/certs/cert-chain.pem").exists()
    (aside,) = (vm.root / "etc").glob("certs.before-meshvm-tui.*")
    assert (aside / "key.pem").read_text() == "foreign key"
    assert vm.read("etc/certs/root-cert.pem").encode() == FILES["root-cert.pem"]


def test_the_package_is_downloaded_by_the_vm_and_checked(vm: StubVm) -> None:
    (vm.stub / "served.deb").write_bytes(PACKAGE)
    url, digest = "http://127.0.0.1:1/istio-sidecar.deb", hashlib.sha256(PACKAGE).hexdigest()
    reports = vm.fail("apply", FILES, **VALUES, PACKAGE_URL=url, PACKAGE_SHA256="0" * 64)
    assert failure(reports)["cause"] == "checksum"
    assert not any(call.startswith("dpkg ") for call in vm.calls)
    assert states(apply(vm, FILES, PACKAGE_URL=url, PACKAGE_SHA256=digest))["sidecar-package"] == "changed"


def test_a_package_that_is_not_there(vm: StubVm) -> None:
    reports = vm.fail("apply", FILES, **VALUES, PACKAGE_URL="http://127.0.0.1:1/no.deb")
    found = failure(reports)
    assert (found["cause"], found["curl_exit"], found["step"]) == ("download", "22", "sidecar-package")
    assert "404" in found["output"]


def test_a_page_that_is_no_package(vm: StubVm) -> None:
    (vm.stub / "served.deb").write_text("<html>not found</html>")
    reports = vm.fail("apply", FILES, **VALUES, PACKAGE_URL="http://127.0.0.1:1/a.deb")
    assert failure(reports)["cause"] == "not-a-package"


def test_dpkgs_lock_is_waited_for(vm: StubVm) -> None:
    vm.say("dpkg-failures", "dpkg: error: dpkg frontend lock was locked by another process with pid 7\n" * 2)
    reports = apply(vm, {**FILES, **TOKEN, **SENT})
    assert [line.get("reason") for line in reports].count("DpkgLocked") == 2
    assert states(reports)["sidecar-package"] == "changed"
    (vm.stub / "package").unlink()
    vm.say("dpkg-failures", "dpkg: error: dpkg frontend lock was locked by another process with pid 7\n" * 3)
    reports = vm.fail("apply", {**FILES, **SENT}, **VALUES, DPKG_TRIES="2")
    assert failure(reports)["cause"] == "dpkg-lock"


@pytest.mark.parametrize(
    ("words", "cause"),
    [("cannot copy: No space left on device", "disk-full"), ("dpkg: something new", "dpkg")],
)
def test_dpkgs_failures_have_their_cause(vm: StubVm, words: str, cause: str) -> None:
    vm.say("dpkg-failures", words + "\n")
    found = failure(vm.fail("apply", {**FILES, **SENT}, **VALUES))
    assert found["cause"] == cause
    assert words in found["output"]


def test_an_agent_that_is_not_ready_fails_with_its_log_and_leaves_the_timer(vm: StubVm) -> None:
    vm.write("var/log/istio/istio.log", "old line from another start\n")
    vm.say("ready", "503")
    vm.say("on-start.log", "error\tx509: certificate signed by unknown authority\n" * 2)
    reports = vm.fail("apply", {**FILES, **TOKEN, **SENT}, **{**VALUES, "FATAL": "x509:", "READY_WAIT": "3600"})
    found = failure(reports)
    assert found["step"] == "sidecar-running"
    assert found["log"].count("x509:") == 2 and "old line" not in found["log"]
    assert vm.observe()["unit"]["timer"] == "active"


def test_confirm_refuses_where_names_are_lost(vm: StubVm) -> None:
    apply(vm, {**FILES, **TOKEN, **SENT}, CANARY="storage.googleapis.com")
    vm.say("no-names", "")
    found = failure(vm.fail("confirm", **VALUES))
    assert found["cause"] == "lookup"
    assert vm.observe()["unit"]["timer"] == "active"


def test_a_second_run_waits_for_the_first(vm: StubVm) -> None:
    (vm.root / "run/meshvm-tui").mkdir(parents=True)
    with (vm.root / "run/meshvm-tui/lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = failure(vm.fail("apply", FILES, **VALUES, LOCK_WAIT="0"))
        assert found["cause"] == "locked"


def test_a_truncated_tar_runs_nothing_and_leaves_nothing(vm: StubVm) -> None:
    data = b"".join(guest_script.archive("apply", VALUES, {**FILES, **TOKEN}, {}))
    earlier = set(Path("/tmp").glob(".meshvm.*"))
    for size in (0, 512, len(data) - 1024 - 600, 1536):
        done = subprocess.run(
            ["/bin/sh", "-c", guest_script.EXECUTE_COMMAND],
            input=data[:size],
            capture_output=True,
            check=False,
            env=vm.environment(),
        )
        assert done.returncode != 0
        assert b'"step"' not in done.stdout
    assert vm.changes() == []
    assert set(Path("/tmp").glob(".meshvm.*")) == earlier


def test_the_executing_command_is_constant_and_runs_the_script(vm: StubVm, tmp_path: Path) -> None:
    package = tmp_path / "own.deb"
    package.write_bytes(PACKAGE)
    data = b"".join(guest_script.archive("apply", VALUES, FILES, {"istio-sidecar.deb": package}))
    done = subprocess.run(
        ["/bin/sh", "-c", guest_script.EXECUTE_COMMAND],
        input=data,
        capture_output=True,
        check=False,
        env=vm.environment(),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["state"] == "ok"
