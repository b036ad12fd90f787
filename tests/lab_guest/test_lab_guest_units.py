"""The pretend systemd: units, restarts, timers, the journal, and boots."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from meshvm_tui.lab.guest.vm import Vm
from tests.lab_guest.lab_vm import Lab, Login


def wait_for(found: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.03)


def shown(login: Login, unit: str, *names: str) -> list[str]:
    text = login.ok(f"systemctl show {' '.join(f'-p {name}' for name in names)} {unit}")
    return [line.partition("=")[2] for line in text.splitlines()]


def write_unit(login: Login, name: str, text: str) -> None:
    login.ok(f"sudo sh -c 'cat > /etc/systemd/system/{name}' && sudo systemctl daemon-reload", text.encode())


def command_lines(login: Login) -> list[str]:
    text = login.ok("for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$file; echo; done 2>/dev/null")
    return [line.strip() for line in text.splitlines()]


def test_a_service_runs_until_it_is_stopped(login: Login) -> None:
    write_unit(login, "one.service", "[Service]\nExecStart=/bin/sh -c 'echo begun; exec sleep 600'\n")
    assert login.run("systemctl is-active one").out == "inactive\n"
    login.ok("sudo systemctl start one")
    active, pid = shown(login, "one", "ActiveState", "MainPID")
    assert active == "active"
    assert login.run(f"test -d /proc/{pid}").code == 0
    wait_for(lambda: "begun" in login.ok("journalctl -u one -o cat --no-pager"))
    login.ok("sudo systemctl stop one")
    assert shown(login, "one", "ActiveState", "SubState", "MainPID") == ["inactive", "dead", "0"]
    assert login.run(f"test -d /proc/{pid}").code == 1


def test_stopping_ends_what_the_service_left_behind(login: Login) -> None:
    script = '#!/bin/sh\npython3 -c \'import os; os.setsid(); os.execlp("sleep", "sleep", "601")\' &\nwait\n'
    login.ok("sudo sh -c 'cat > /usr/local/bin/brood; chmod 755 /usr/local/bin/brood'", script.encode())
    write_unit(login, "brood.service", "[Service]\nExecStart=/usr/local/bin/brood\n")
    login.ok("sudo systemctl start brood")
    wait_for(lambda: "sleep 601" in command_lines(login))
    login.ok("sudo systemctl stop brood")
    wait_for(lambda: "sleep 601" not in command_lines(login))


def test_a_failing_service_is_started_again_and_counted(login: Login) -> None:
    write_unit(
        login,
        "again.service",
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c 'echo tried; exit 3'\n"
        "Restart=always\nRestartSec=0.1\n",
    )
    login.run("sudo systemctl start again")
    wait_for(lambda: int(shown(login, "again", "NRestarts")[0]) >= 2)
    # While it runs once more, its result is that of a start.
    wait_for(lambda: shown(login, "again", "ExecMainStatus", "Result") == ["3", "exit-code"])
    assert "status=3/FAILURE" in login.ok("journalctl -u again")
    login.ok("sudo systemctl stop again")
    assert login.run("systemctl is-active again").out == "inactive\n"


def test_a_service_that_fails_too_often_stays_down(login: Login) -> None:
    write_unit(login, "often.service", "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=10ms\n")
    login.run("sudo systemctl start often")
    wait_for(lambda: shown(login, "often", "ActiveState") == ["failed"])
    assert shown(login, "often", "Result") == ["start-limit-hit"]
    login.ok("sudo systemctl reset-failed often")
    assert shown(login, "often", "ActiveState") == ["inactive"]


def test_a_changed_unit_file_waits_for_daemon_reload_while_it_runs(login: Login) -> None:
    write_unit(login, "file.service", "[Service]\nExecStart=/bin/sh -c 'echo old; exec sleep 600'\n")
    login.ok("sudo systemctl start file")
    login.ok("sudo sed -i s/old/new/ /etc/systemd/system/file.service && sudo systemctl restart file")
    wait_for(lambda: "old" in login.ok("journalctl -u file -o cat"))
    login.ok("sudo systemctl daemon-reload && sudo systemctl restart file")
    wait_for(lambda: login.ok("journalctl -u file -o cat").splitlines().count("new") == 1)
    login.ok("sudo systemctl stop file")


def test_drop_ins_change_what_the_unit_says(login: Login) -> None:
    write_unit(login, "drop.service", "[Service]\nEnvironment=WORD=first\nExecStart=/bin/sh -c 'echo $$WORD'\n")
    login.ok("sudo mkdir -p /etc/systemd/system/drop.service.d")
    text = b"[Service]\nEnvironment=WORD=second\n"
    login.ok("sudo sh -c 'cat > /etc/systemd/system/drop.service.d/a.conf'; sudo systemctl daemon-reload", text)
    login.run("sudo systemctl start drop")
    wait_for(lambda: "second" in login.ok("journalctl -u drop -o cat"))


def test_a_timer_fires_once_and_can_be_called_off(login: Login) -> None:
    login.ok("sudo systemd-run --unit=soon --on-active=100ms sh -c 'touch /tmp/fired'")
    wait_for(lambda: login.run("test -e /tmp/fired").code == 0)
    login.ok("sudo systemd-run --unit=later --on-active=60 touch /tmp/never")
    assert shown(login, "later.timer", "ActiveState") == ["active"]
    assert "already loaded" in login.run("sudo systemd-run --unit=later --on-active=60 true").err
    login.ok("sudo systemctl stop later.timer")
    assert shown(login, "later.timer", "ActiveState") == ["inactive"]
    login.ok("sudo systemd-run --unit=later --on-active=60 true && sudo systemctl stop later.timer")


def test_pythons_http_server_listens_on_the_vms_address_alone(login: Login, vm: Vm) -> None:
    write_unit(
        login,
        "web.service",
        "[Service]\nExecStart=/usr/bin/python3 -u -m http.server 18080 --directory /var/lib/web\nDynamicUser=yes\n"
        "StateDirectory=web\n",
    )
    login.ok("sudo systemctl start web")
    wait_for(lambda: login.run("curl -sS -o /dev/null http://localhost:18080/?id=abc").code == 0)
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.1", 18080)) != 0
    (pid,) = shown(login, "web", "MainPID")
    assert f"pid={pid}," in login.ok("ss -Hltnp 'sport = :18080'")
    assert login.ok("ss -Hltnp").split()[3] in (f"{vm.address}:18080", f"{vm.address}:{vm.ssh_port}")
    wait_for(lambda: "id=abc" in login.ok("journalctl -u web -o cat"))
    login.ok("sudo systemctl stop web")
    assert login.run("curl -sS http://localhost:18080/").code == 7


def test_a_boot_empties_run_and_starts_what_is_enabled(lab: Lab) -> None:
    vm = lab.vm()
    login = Login(vm, lab.key)
    unit = "[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\n"
    write_unit(login, "stay.service", unit)
    write_unit(login, "gone.service", unit)
    login.ok("sudo systemctl enable stay && sudo systemctl start gone")
    login.ok("sudo mkdir -p /var/run/secrets/tokens && echo a | sudo sh -c 'cat > /var/run/secrets/tokens/istio-token'")
    assert login.run("systemctl is-enabled stay gone").out == "enabled\ndisabled\n"
    vm.reboot()
    again = Login(vm, lab.key)
    wait_for(lambda: shown(again, "stay", "ActiveState") == ["active"])
    assert shown(again, "gone", "ActiveState") == ["inactive"]
    assert again.run("test -e /var/run/secrets/tokens/istio-token").code == 1
    assert again.run("test -e /etc/systemd/system/stay.service").code == 0
    again.close()
    login.close()
