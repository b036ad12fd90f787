"""Who comes in to the lab's instances: keys, OS Login, host keys, the firewall, and Google's tokens."""

from __future__ import annotations

import json
import time
from typing import Any

import requests
from google.auth import crypt, jwt

from meshvm_tui.lab.google.catalogue import ACCOUNT, ACCOUNT_ID, MESH_ACCOUNT, PROJECT
from meshvm_tui.lab.google.tokens import CLOUD_PLATFORM
from tests.lab_google.google_lab import (
    COMPUTE,
    INSTANCES,
    POD_RANGE,
    GoogleLab,
    make,
    metadata,
    until,
    wrong_requests,
)

FIREWALLS = f"{COMPUTE}/global/firewalls"
ONE = f"{INSTANCES}/my-mesh-vm"


def test_keys_of_metadata(lab: GoogleLab) -> None:
    ends = time.time() + 600
    until_then = time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(ends))
    lines = [
        "me:ssh-ed25519 AAAA me@home",
        f'wizard:ssh-ed25519 BBBB google-ssh {{"userName":"wizard","expireOn":"{until_then}"}}',
        'old:ssh-ed25519 CCCC google-ssh {"userName":"old","expireOn":"2020-01-01T00:00:00+0000"}',
        f'cut:ssh-ed25519 DDDD google-ssh {{"userName": "cut", "expireOn": "{until_then}"}}',
        "nonsense",
    ]
    make(lab, metadata=metadata(ssh_keys="\n".join(lines)))
    keys = lab.cloud.keys_for("my-mesh-vm")
    assert [key[:2] for key in keys] == [("me", "ssh-ed25519 AAAA"), ("wizard", "ssh-ed25519 BBBB")]
    assert keys[0][2] is None
    assert keys[1][2] == int(ends)
    lab.clock.shift(601)
    assert [key[0] for key in lab.cloud.keys_for("my-mesh-vm")] == ["me"]
    lab.faults.set("google-no-agent")
    assert lab.cloud.keys_for("my-mesh-vm") == ()
    assert lab.cloud.keys_for("nobody") == ()


def test_keys_of_the_project_can_be_blocked(lab: GoogleLab) -> None:
    make(lab, metadata=metadata(block_project_ssh_keys="TRUE"))
    make(lab, name="other")
    held = lab.ask("GET", COMPUTE)[1]["commonInstanceMetadata"]
    wanted = metadata(ssh_keys="all:ssh-ed25519 AAAA") | {"fingerprint": held["fingerprint"]}
    done = lab.finish(lab.ask("POST", f"{COMPUTE}/setCommonInstanceMetadata", wanted)[1])
    assert "zone" not in done
    assert [key[0] for key in lab.cloud.keys_for("other")] == ["all"]
    assert lab.cloud.keys_for("my-mesh-vm") == ()


def test_os_login_replaces_the_keys_of_metadata(lab: GoogleLab) -> None:
    make(lab, metadata=metadata(ssh_keys="me:ssh-ed25519 AAAA"))
    lab.faults.set("google-oslogin")
    assert lab.cloud.keys_for("my-mesh-vm") == ()
    ends = int(lab.clock.now() + 600) * 1_000_000
    key = {"key": "ssh-ed25519 BBBB me", "expirationTimeUsec": str(ends)}
    status, answer = lab.ask("POST", f"/v1/users/{ACCOUNT}:importSshPublicKey", key, projectId=PROJECT)
    assert status == 200
    profile = answer["loginProfile"]
    assert profile["posixAccounts"][0]["username"] == f"sa_{ACCOUNT_ID}"
    assert lab.cloud.keys_for("my-mesh-vm") == ((f"sa_{ACCOUNT_ID}", "ssh-ed25519 BBBB", ends / 1_000_000),)
    (mark,) = profile["sshPublicKeys"]
    assert lab.ask("DELETE", f"/v1/users/{ACCOUNT}/sshPublicKeys/{mark}")[0] == 200
    assert lab.cloud.keys_for("my-mesh-vm") == ()
    assert lab.ask("GET", "/v1/users/somebody@example.com/loginProfile")[0] == 403
    assert lab.ask("POST", f"/v1/users/{ACCOUNT}:importSshPublicKey", {"key": "nonsense"})[0] == 400


def test_host_keys_as_guest_attributes(lab: GoogleLab) -> None:
    make(lab)
    make(lab, name="open", metadata=metadata(enable_guest_attributes="TRUE"))
    until(lambda: lab.host.running == {"my-mesh-vm", "open"})
    status, answer = lab.ask("GET", f"{ONE}/getGuestAttributes", queryPath="hostkeys/")
    assert status == 404
    assert answer["error"]["message"] == "The resource 'hostkeys/' of type 'Guest Attribute' was not found."
    found = lab.ask("GET", f"{INSTANCES}/open/getGuestAttributes", queryPath="hostkeys/")[1]
    assert found["queryValue"]["items"] == [{"namespace": "hostkeys", "key": "ssh-ed25519", "value": "QUFBQQ=="}]
    lab.faults.set("google-no-host-keys")
    assert lab.ask("GET", f"{INSTANCES}/open/getGuestAttributes", queryPath="hostkeys/")[0] == 404
    assert lab.ask("GET", f"{ONE}/serialPort", start="5")[1]["contents"] == "sh-vm login: \n"


def rule(lab: GoogleLab, name: str, **more: Any) -> None:
    """A firewall rule that stands."""
    allowed = {} if "denied" in more else {"allowed": [{"IPProtocol": "tcp", "ports": ["8080"]}]}
    body = {"name": name, "network": "global/networks/default", **allowed, **more}
    assert "error" not in lab.finish(lab.ask("POST", FIREWALLS, body)[1])


def test_the_firewall_as_its_rules_say(lab: GoogleLab) -> None:
    make(lab)

    def pod() -> bool:
        return lab.cloud.allows("10.8.1.2", "my-mesh-vm", 8080)

    assert not pod()
    assert lab.cloud.allows("203.0.113.9", "my-mesh-vm", 2222)  # default-allow-ssh is for 22
    assert not lab.cloud.allows("203.0.113.9", "my-mesh-vm", 2222, ssh_port=22)
    rule(lab, "elsewhere", sourceRanges=[POD_RANGE], targetTags=["other"])
    rule(lab, "off", sourceRanges=[POD_RANGE], disabled=True)
    rule(lab, "far", sourceRanges=[POD_RANGE], network="global/networks/isolated")
    assert not pod()
    rule(lab, "pods", sourceRanges=[POD_RANGE], targetTags=["mesh-vm"])
    assert pod()
    assert not lab.cloud.allows("10.8.1.2", "my-mesh-vm", 8081)
    assert not lab.cloud.allows("192.0.2.1", "my-mesh-vm", 8080)
    rule(lab, "deny-all", sourceRanges=["0.0.0.0/0"], denied=[{"IPProtocol": "all"}], priority=1000)
    assert not pod()  # of the same priority, so denying wins
    rule(lab, "first", sourceRanges=[POD_RANGE], priority=900, allowed=[{"IPProtocol": "tcp", "ports": ["8000-8100"]}])
    assert pod()
    assert not lab.cloud.allows("10.8.1.2", "nobody", 8080)


def test_the_firewall_by_service_account_and_source_tag(lab: GoogleLab) -> None:
    make(lab, serviceAccounts=[{"email": MESH_ACCOUNT, "scopes": [CLOUD_PLATFORM]}])
    sender = make(lab, name="sender", tags={"items": ["client"]})["networkInterfaces"][0]["networkIP"]
    rule(lab, "by-account", sourceRanges=[POD_RANGE], targetServiceAccounts=[MESH_ACCOUNT])
    assert lab.cloud.allows("10.8.1.2", "my-mesh-vm", 8080)
    assert not lab.cloud.allows("10.8.1.2", "sender", 8080)
    assert not lab.cloud.allows(sender, "my-mesh-vm", 8080)
    rule(lab, "by-tag", sourceTags=["client"])
    assert lab.cloud.allows(sender, "my-mesh-vm", 8080)
    effective = lab.ask("GET", f"{ONE}/getEffectiveFirewalls", networkInterface="nic0")[1]
    assert [found["name"] for found in effective["firewalls"]][:2] == ["by-account", "by-tag"]


def test_the_token_endpoint_and_impersonation(lab: GoogleLab) -> None:
    info = json.loads(lab.key_file().read_text(encoding="utf-8"))
    signer = crypt.RSASigner.from_service_account_info(info)  # type: ignore[no-untyped-call]
    now = int(time.time())
    claims = {"iss": ACCOUNT, "aud": info["token_uri"], "scope": CLOUD_PLATFORM, "iat": now, "exp": now + 3600}
    assertion = jwt.encode(signer, claims).decode()  # type: ignore[no-untyped-call]
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    token = requests.post(info["token_uri"], data=form, timeout=10).json()["access_token"]
    assert lab.cloud.token_email(token) == ACCOUNT_ID  # nobody asked for the email
    generate = f"/v1/projects/-/serviceAccounts/{MESH_ACCOUNT}:generateAccessToken"
    scope = [CLOUD_PLATFORM, "https://www.googleapis.com/auth/userinfo.email"]
    made = lab.ask("POST", generate, {"scope": scope, "lifetime": "600s"})[1]
    assert lab.cloud.token_email(made["accessToken"]) == MESH_ACCOUNT
    assert lab.ask("POST", generate.replace("mesh-vm@", "nobody@"), {"scope": scope})[0] == 403
    wrong = requests.post(info["token_uri"], data=form | {"assertion": assertion[:-8] + "AAAAAAAA"}, timeout=10)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    lab.faults.set("google-login-expired")
    expired = requests.post(info["token_uri"], data=form, timeout=10)
    assert expired.json()["error_subtype"] == "invalid_rapt"
    assert lab.ask("GET", INSTANCES)[0] == 401
    assert lab.cloud.token_email(token) is None
    text = (lab.state / "google-requests.jsonl").read_text(encoding="utf-8")
    assert all(secret not in text for secret in (token, assertion, made["accessToken"], "Authorization"))
    assert wrong_requests(lab.log()) == []
