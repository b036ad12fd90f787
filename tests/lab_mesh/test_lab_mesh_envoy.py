"""What the lab's sidecars say of a request that they cannot serve is what Envoy says, in the body and in the log."""

from __future__ import annotations

import pytest

from meshvm_tui.lab.mesh.curl_command import parse
from meshvm_tui.lab.mesh.dataplane import upstream_error
from meshvm_tui.lab.mesh.envoy_answers import ANSWERS, access_log_line, answer_of
from meshvm_tui.probing.response_flags import envoy_words

COMMAND = parse(["curl", "http://hello-vm.vm/x?id=7f"])
SERVICE = {"name": "hello-vm", "namespace": "vm", "domain": "cluster.local", "ip": "10.96.0.7"}


@pytest.mark.parametrize("flag", ANSWERS)
def test_each_flag_is_read_back_from_the_access_log(flag: str) -> None:
    line = access_log_line("2026-01-01T00:00:00Z", COMMAND, ANSWERS[flag], SERVICE)
    said = envoy_words(line, "")
    assert flag in said.flags
    assert said.words.startswith('"GET /x?id=7f HTTP/1.1" ')
    assert " outbound|80||hello-vm.vm.svc.cluster.local " in said.words


@pytest.mark.parametrize("flag", [flag for flag, answer in ANSWERS.items() if answer.body])
def test_each_body_says_the_same_as_the_log(flag: str) -> None:
    assert flag in envoy_words("", ANSWERS[flag].body).flags


@pytest.mark.parametrize(
    ("body", "flags"),
    [
        ("no healthy upstream", "UH"),
        (upstream_error("connection timeout"), "UF,URX"),
        (upstream_error("delayed connect error: Connection refused"), "UF,URX"),
        (upstream_error("connection termination"), "UC"),
    ],
)
def test_the_data_planes_own_words_have_their_flags(body: str, flags: str) -> None:
    assert answer_of(body).flags == flags


def test_an_address_without_a_service_goes_through() -> None:
    line = access_log_line("2026-01-01T00:00:00Z", parse(["curl", "http://10.0.0.1:81/"]), ANSWERS["UF"], None)
    assert "PassthroughCluster" in line and "10.0.0.1:81" in line
