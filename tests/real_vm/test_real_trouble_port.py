"""An old server on the sample's port answers 200, and must never pass for ours."""

from __future__ import annotations

import pytest

from tests.real_vm.rig import RealVm
from tests.real_vm.trouble import failed, findings
from tests.real_vm.world import World, finished

pytestmark = pytest.mark.real_vm


def test_an_old_server_never_passes_for_ours(vm: RealVm, module_world: World) -> None:
    vm.run("mkdir /srv/old && echo old >/srv/old/index.html")
    vm.run("systemd-run -q --unit=old python3 -m http.server 80 --bind 0.0.0.0 --directory /srv/old")
    vm.run("for n in $(seq 100); do curl -sf localhost && exit 0; sleep 0.1; done; exit 1")
    holder = vm.show("old.service", "MainPID")
    done = module_world.apply(vm)
    problem = failed(done, "http-server", "MVM-604")
    assert f"python3 (pid {holder})" in problem["cause"]
    assert f"python3 (pid {holder})" in findings(done)["MVM-604"]["evidence"]
    assert finished(done)["probe-cluster-to-vm"]["state"] != "succeeded"
    # It goes on serving, and nothing of ours lies in wait behind it.
    assert vm.output(f"curl -s {vm.address}") == "old"
    assert vm.show("meshvm-http.service", "ActiveState") != "active"
    assert vm.show("meshvm-http.service", "UnitFileState") != "enabled"
    vm.run("systemctl stop old.service")
    assert module_world.apply(vm).returncode == 0
    assert vm.show("meshvm-http.service", "ActiveState") == "active"


def test_after_a_reboot_an_old_server_may_be_first(vm: RealVm, module_world: World) -> None:
    """Our unit is there and starts again and again, for a moment each time; the old one has the port."""
    assert module_world.apply(vm).returncode == 0
    vm.run("systemctl stop meshvm-http.service")
    vm.run("systemd-run -q --unit=old python3 -m http.server 80 --bind :: --directory /srv")
    vm.run("for n in $(seq 100); do curl -sf localhost >/dev/null && exit 0; sleep 0.1; done; exit 1")
    vm.run("systemctl start --no-block meshvm-http.service")
    done = module_world.apply(vm)
    problem = failed(done, "http-server", "MVM-604")
    assert f"python3 (pid {vm.show('old.service', 'MainPID')})" in problem["cause"]
    assert finished(done)["probe-cluster-to-vm"]["state"] != "succeeded"
