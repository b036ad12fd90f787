"""A pretend guest for steps: a VM in memory that answers as guest.sh does, and records what it was asked."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from meshvm_tui.ports import GuestFacts, GuestOrder, GuestQuery, GuestReport
from meshvm_tui.problems import Problem

PLACES = {
    "cluster.env": "/var/lib/istio/envoy/cluster.env",
    "mesh.yaml": "/etc/istio/config/mesh",
    "root-cert.pem": "/etc/certs/root-cert.pem",
    "istio-token": "/var/run/secrets/tokens/istio-token",
}
FOLDERS = ("/etc/certs", "/var/lib/istio", "/var/lib/istio/envoy", "/var/run/secrets", "/etc/istio/config")


def jwt(*, subject: str, audience: str = "istio-ca", expires: float | None = None) -> str:
    """A token that nobody signed."""
    claims = {"aud": [audience], "sub": subject, "exp": int(expires or time.time() + 3600)}
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{middle}.c2ln"


class FakeGuest:
    """`files` are by name as in the order; `on_start` is called when the sidecar is started or restarted."""

    def __init__(self, *, address: str = "10.0.0.7", ssh_port: int = 22) -> None:
        self.address = address
        self.ssh_port = ssh_port
        self.files: dict[str, str] = {}
        self.owners: dict[str, tuple[str, str]] = {}
        self.other_hosts = ""
        self.certificate = ""
        self.package = ""
        self.sent_token = ""
        self.active = self.enabled = self.timer = self.restart_wanted = False
        self.ready = "200"
        self.log = ""
        self.topics: dict[str, dict[str, str]] = {}
        self.gateway_exit = "0"
        self.skew = 0.0
        self.http_active = False
        self.on_start: Callable[[], None] = lambda: None
        self.fail: dict[str, Mapping[str, str]] = {}
        self.proof: Problem | None = None
        self.orders: list[GuestOrder] = []
        self.queries: list[GuestQuery] = []
        self.proofs = 0
        self.starts: list[str] = []
        self.before_start: Callable[[], None] = lambda: None

    def observe(self, query: GuestQuery) -> GuestFacts:
        """As guest.sh observe."""
        self.queries.append(query)
        return GuestFacts({**self._topics(query.values), **self.topics}, "ssh-ed25519 SHA256:host", self.skew)

    def close(self) -> None:
        """Nothing is held."""

    def prove_new_connection(self) -> None:
        """Raises what a test has set."""
        self.proofs += 1
        if self.proof is not None:
            raise self.proof

    def execute(self, order: GuestOrder, cancelled: Callable[[], bool]) -> Iterator[GuestReport]:
        """As guest.sh apply and confirm."""
        self.orders.append(order)
        steps = {"apply": self._apply, "confirm": self._confirm}[order.mode]
        for report in steps(order):
            failed = self.fail.get(f"{order.mode}/{report.step}") if report.state != "started" else None
            if failed is not None:
                yield GuestReport(report.step, "failed", failed.get("message", "it failed"), failed)
                yield GuestReport("end", "failed")
                return
            yield report
        yield GuestReport("end", "ok")

    def _apply(self, order: GuestOrder) -> Iterator[GuestReport]:
        yield GuestReport("sidecar-package", "started", "looking at the package")
        if self.package == order.values.get("VERSION", ""):
            yield GuestReport("sidecar-package", "ok", "installed", {"version": self.package})
        else:
            self.package, self.restart_wanted = order.values.get("VERSION", ""), True
            for folder in FOLDERS:
                self.owners[folder] = ("istio-proxy", "755")
            yield GuestReport("sidecar-package", "changed", "installed", {"version": self.package})
        yield GuestReport("guest-files", "started", "comparing")
        written = self._place(order)
        for at, name in enumerate(order.contents, start=1):
            counts = {"done": str(at), "total": str(len(order.contents))}
            yield GuestReport("guest-files", "info", f"{name} is in its place", counts)
        state = "changed" if written else "ok"
        yield GuestReport("guest-files", state, f"written: {' '.join(written)}", {"written": " ".join(written)})
        self.before_start()
        yield GuestReport("sidecar-running", "started", "looking at the unit")
        yield self._start()

    def _place(self, order: GuestOrder) -> list[str]:
        contents = {name: content.decode() for name, content in order.contents.items()}
        foreign = order.values.get("FOREIGN_CERT")
        if foreign and hashlib.sha256(self.certificate.encode()).hexdigest() == foreign:
            self.certificate = ""
            self.restart_wanted = True
        self.other_hosts = ""
        written = [name for name, content in contents.items() if self.files.get(name) != content]
        self.files.update(contents)
        for name in contents:
            if name in PLACES:
                self.owners[PLACES[name]] = ("istio-proxy", "600" if name == "istio-token" else "644")
        self.sent_token = contents.get("istio-token", self.sent_token)
        if set(written) - {"istio-token"}:
            self.restart_wanted = True
        return written

    def _start(self) -> GuestReport:
        if self.active and not self.restart_wanted and self.ready == "200":
            return GuestReport("sidecar-running", "ok", "active and ready", {"restarted": "no"})
        verb = "restart" if self.active else "start"
        self.starts.append(verb)
        self.active, self.timer, self.restart_wanted = True, True, False
        self.on_start()
        return GuestReport("sidecar-running", "changed", f"{verb}ed", {"restarted": verb})

    def _confirm(self, _order: GuestOrder) -> Iterator[GuestReport]:
        state = "ok" if self.enabled else "changed"
        self.enabled, self.timer = True, False
        yield GuestReport("sidecar-running", state, "confirmed")

    def _topics(self, query: Mapping[str, str]) -> dict[str, Any]:
        unit = f"ActiveState={'active' if self.active else 'inactive'}\n"
        unit += f"UnitFileState={'enabled' if self.enabled else 'disabled'}\nActiveEnterTimestamp=then"
        found: dict[str, Any] = {
            "time": {"now": str(int(time.time()))},
            "who": {"user": "ops", "privilege": "sudo", "words": ""},
            "os": {"id": "debian", "name": "Debian 12", "arch": "x86_64", "systemd": "yes", "lacks": ""},
            "network": {"addresses": self.address, "ssh_address": self.address, "ssh_port": str(self.ssh_port)},
            "package": {"dpkg": f"install ok installed|{self.package}|amd64" if self.package else ""},
            "unit": {
                "show": unit,
                "ready": self.ready if self.active else "",
                "timer": "active" if self.timer else "inactive",
                "restart_wanted": "yes" if self.restart_wanted else "no",
            },
            "http": {"show": f"ActiveState={'active' if self.http_active else 'inactive'}", "unit": ""},
            "places": {"stat": self._stat(), "root": ""},
            "files": {
                name: _encoded(self.files.get(name, "")) for name in ("cluster.env", "mesh.yaml", "root-cert.pem")
            }
            | {"cert-chain.pem": _encoded(self.certificate)},
            "hosts": {"block": _encoded(self.files.get("hosts", "")), "blocks": "1", "others": self.other_hosts},
            "token": self._token(),
            "log": {"agent": self.log, "errors": ""},
            "end": {},
        }
        if address := query.get("GATEWAY_IP"):
            found["gateway"] = {
                "address": address,
                "exit": self.gateway_exit,
                "words": f"curl: ({self.gateway_exit})",
                "trust": "checked" if query.get("ROOT_PEM") else "unchecked",
                "name": "istiod.istio-system.svc",
            }
        return found

    def _token(self) -> dict[str, str]:
        token = self.files.get("istio-token", "")
        if not token:
            return {"claims": "", "as_sent": ""}
        return {"claims": token.split(".")[1], "as_sent": "yes" if token == self.sent_token else "no"}

    def _stat(self) -> str:
        places = dict(self.owners)
        if self.certificate:
            places["/etc/certs/key.pem"] = ("istio-proxy", "600")
        return "\n".join(f"{path}|{owner}|{mode}|regular file" for path, (owner, mode) in places.items())


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
