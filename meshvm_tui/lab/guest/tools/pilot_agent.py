"""pilot-agent: its commands for iptables are written down; `proxy` becomes the pretend agent."""

from __future__ import annotations

import os
import shutil
import sys

from meshvm_tui.lab.guest.tools import ground, iptables, unreadable

READ = (
    "./etc/certs/root-cert.pem",
    "./etc/certs/cert-chain.pem",
    "./etc/certs/key.pem",
    "./etc/istio/config/mesh",
    "./var/run/secrets/tokens/istio-token",
)
AGENT_PORTS = ("15090", "15021", "15020", "22")


def main(arguments: list[str]) -> int:
    """pilot-agent istio-iptables [--cleanup-only] | proxy ... | version"""
    command = arguments[0] if arguments else ""
    if command == "istio-iptables":
        if not ground.is_root():
            ground.say("Error: must be root to change iptables")
            return 1
        iptables.keep([] if "--cleanup-only" in arguments else _redirects())
        return 0
    if command == "version":
        print('version.BuildInfo{Version:"lab", Status:"Clean"}')
        return 0
    if command == "proxy":
        program = shutil.which("lab-agent")
        if program is None:
            ground.say("pilot-agent: this lab VM has no agent")
            return 1
        unreadable.hide(ground.user(), READ)
        sys.stdout.flush()
        os.execv(program, [program, *arguments])
    ground.say(f'Error: unknown command "{command}" for "pilot-agent"')
    return 1


def _redirects() -> list[str]:
    excluded = os.environ.get("ISTIO_LOCAL_EXCLUDE_PORTS", ",".join(AGENT_PORTS))
    rules = [f"-A ISTIO_INBOUND -p tcp --dport {port} -j RETURN" for port in excluded.split(",") if port]
    rules += ["-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT", "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001"]
    if os.environ.get("ISTIO_META_DNS_CAPTURE") == "true":
        rules.append("-A ISTIO_OUTPUT_DNS -p udp --dport 53 -j REDIRECT --to-ports 15053")
    return rules
