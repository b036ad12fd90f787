"""Preflight of a VM: what is said of an observation, how loudly, and with whose words."""

from __future__ import annotations

import pytest

from meshvm_tui.checks.guest import GuestWants, errors, guest_findings
from meshvm_tui.findings import Finding, Severity
from meshvm_tui.ports import GuestFacts

WANTS = GuestWants("10.0.0.7", http_port=80)
USERS = 'users:(("{}",pid={},fd=3))'


def told(wants: GuestWants = WANTS, *, skew: float = 0, **topics: dict[str, str]) -> tuple[Finding, ...]:
    return judged(topics, wants, skew)


def judged(topics: dict[str, dict[str, str]], wants: GuestWants = WANTS, skew: float = 0) -> tuple[Finding, ...]:
    return guest_findings(GuestFacts(topics, "key", skew), wants)


def listening(address: str, name: str = "old", pid: int = 77) -> dict[str, str]:
    return {"listeners": f"{address} {USERS.format(name, pid)}"}


def only(findings: tuple[Finding, ...]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_nothing_is_said_of_a_fit_machine() -> None:
    fit: dict[str, dict[str, str]] = {
        "os": {"libc": "glibc 2.36", "lacks": "", "selinux": ""},
        "disk": {"free_kib": "/usr 900000\n/var 900000\n/tmp 900000", "read_only": ""},
        "network": {"interfaces": "lo 127.0.0.1\neth0 10.0.0.7\neth0 fe80::1", "listeners": "", "chains": ""},
        "unit": {"show": "ActiveState=inactive"},
    }
    assert judged(fit, skew=4) == ()


def test_nothing_is_said_of_what_nobody_looked_at() -> None:
    assert told() == ()


@pytest.mark.parametrize(
    ("topics", "code", "severity", "words"),
    [
        ({"network": listening("127.0.0.1:53", "dnsmasq")}, "MVM-440", Severity.WARNING, "dnsmasq (pid 77)"),
        ({"network": listening("127.0.0.53%lo:53", "systemd-resolve")}, "MVM-440", Severity.INFO, "systemd-resolve"),
        ({"network": {"listeners": "0.0.0.0:53"}}, "MVM-440", Severity.WARNING, "cannot be seen"),
        ({"network": {"interfaces": "eth0 10.0.0.7\neth1 10.9.0.4"}}, "MVM-441", Severity.INFO, "10.9.0.4 (eth1)"),
        ({"network": {"interfaces": "eth0 2001:db8::7"}}, "MVM-441", Severity.INFO, "2001:db8::7 (eth0)"),
        ({"network": {"interfaces": "docker0 172.17.0.1"}}, "MVM-442", Severity.WARNING, "docker0 172.17.0.1"),
        ({"network": {"interfaces": "virbr0 192.168.122.1"}}, "MVM-442", Severity.WARNING, "virbr0"),
        ({"network": {"chains": "ISTIO_OUTPUT\nISTIO_REDIRECT"}}, "MVM-443", Severity.WARNING, "ISTIO_REDIRECT"),
        ({"network": listening("127.0.0.1:15000", "envoy")}, "MVM-444", Severity.ERROR, "envoy (pid 77)"),
        ({"network": listening("*:15021", "java")}, "MVM-444", Severity.ERROR, "*:15021 by java"),
        ({"network": listening("[::]:15080", "java")}, "MVM-444", Severity.WARNING, "[::]:15080"),
        ({"os": {"libc": "glibc 2.17", "name": "CentOS 7"}}, "MVM-445", Severity.WARNING, "CentOS 7 has glibc 2.17"),
        ({"disk": {"free_kib": "/usr 2048\n/var 900000"}}, "MVM-446", Severity.WARNING, "/usr has 2 MiB"),
        ({"os": {"selinux": "1"}}, "MVM-447", Severity.INFO, "enforce is 1"),
        ({"disk": {"read_only": "/etc /var "}}, "MVM-448", Severity.ERROR, "/etc, /var cannot be written"),
        ({"os": {"lacks": "python3 "}}, "MVM-428", Severity.WARNING, "python3"),
        (
            {"network": listening("0.0.0.0:80", "apache2")},
            "MVM-604",
            Severity.WARNING,
            "0.0.0.0:80 by apache2 (pid 77)",
        ),
    ],
)
def test_what_is_said(topics: dict[str, dict[str, str]], code: str, severity: Severity, words: str) -> None:
    finding = only(judged(topics))
    assert (finding.code, finding.severity) == (code, severity)
    assert words in finding.evidence
    assert finding.next_action in finding.words and finding.title in finding.words


@pytest.mark.parametrize(("skew", "words"), [(6.2, "6 s ahead of"), (-30, "30 s behind")])
def test_a_clock_that_is_off_by_seconds_is_said(skew: float, words: str) -> None:
    finding = only(told(skew=skew))
    assert (finding.code, finding.severity) == ("MVM-423", Severity.WARNING)
    assert words in finding.evidence


@pytest.mark.parametrize(
    "topics",
    [
        {"network": listening("*:15021", "pilot-agent"), "unit": {"show": "ActiveState=active"}},
        {"network": listening("*:15021", "pilot-agent"), "unit": {"show": "ActiveState=activating"}},
        {"network": {"chains": "ISTIO_OUTPUT"}, "unit": {"show": "LoadState=loaded\nActiveState=active"}},
        {"network": listening("0.0.0.0:80", "python3", 5), "http": {"show": "MainPID=5"}},
        {"network": listening("127.0.0.1:80", "apache2")},
        {"disk": {"free_kib": "/usr 2048"}, "package": {"dpkg": "install ok installed|1.30.3|amd64"}},
    ],
)
def test_what_is_our_own_is_no_news(topics: dict[str, dict[str, str]]) -> None:
    assert judged(topics) == ()


def test_what_the_plan_does_not_want_is_not_judged() -> None:
    plain = GuestWants("10.0.0.7", capture_dns=False)
    assert told(plain, network=listening("127.0.0.1:53", "dnsmasq")) == ()
    assert told(plain, network=listening("0.0.0.0:80"), os={"lacks": "python3"}) == ()


def test_a_link_local_address_cannot_be_meant() -> None:
    assert "no Pod reaches it" in only(told(GuestWants("fe80::7"))).evidence


def test_errors_come_first_and_are_told_apart() -> None:
    found = told(network={"listeners": f"*:15006 {USERS.format('x', 1)}", "interfaces": "docker0 172.17.0.1"})
    assert [finding.code for finding in found] == ["MVM-444", "MVM-442"]
    assert errors(found) == found[:1]
