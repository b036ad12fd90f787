"""What the agent is told: the environment of istio-start.sh, `./etc/istio/config/mesh` and the VM's own files."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MESH_FILE = Path("etc/istio/config/mesh")
ROOT_CERT = Path("etc/certs/root-cert.pem")
TOKEN_FILE = Path("var/run/secrets/tokens/istio-token")
CHAIN_FILE = Path("etc/certs/cert-chain.pem")
KEY_FILE = Path("etc/certs/key.pem")
DEFAULT_DISCOVERY = "istiod.istio-system.svc:15012"
META, META_JSON = "ISTIO_META_", "ISTIO_METAJSON_"
VM_STATE = "LAB_STATE"  # the folder in which the lab says what is wrong with this VM
VM_ADDRESS = "MESHVM_LAB_ADDRESS"  # the loopback address that stands for the VM's interface


class BadSettings(ValueError):
    """The agent cannot start; the text is what it logs before it ends."""


@dataclass(frozen=True)
class Settings:
    """Everything that decides how the agent behaves."""

    namespace: str
    service_account: str
    trust_domain: str
    pod_name: str
    ip: str
    listen: str
    discovery: str
    ca: str
    cluster: str
    mesh_id: str
    network: str
    group: str
    workload_name: str
    dns_capture: bool
    inbound_ports: str
    excluded_ports: frozenset[int]
    service_cidrs: str
    excluded_cidrs: str
    labels: Mapping[str, str] = field(default_factory=dict)
    probe: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()

    def captures(self, port: int) -> bool:
        """Whether a connection to this port of the VM is redirected to the sidecar."""
        if port in self.excluded_ports:
            return False
        return self.inbound_ports == "*" or str(port) in self.inbound_ports.split(",")

    def captures_outbound(self, address: str) -> bool:
        """Whether a connection from the VM to this address is redirected to the sidecar."""
        if _within(address, self.excluded_cidrs):
            return False
        return self.service_cidrs == "*" or _within(address, self.service_cidrs)


class VmClock:
    """The VM's clock: the computer's, wrong by as many seconds as the lab's file `clock` says now."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        state = environ.get(VM_STATE, "")
        self._file = Path(state) / "clock" if state else None

    def offset(self) -> float:
        """Seconds by which this VM is ahead."""
        try:
            return float(self._file.read_text(encoding="ascii")) if self._file else 0.0
        except (OSError, ValueError):
            return 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.offset()


def read_settings(environ: Mapping[str, str], root: Path = Path()) -> Settings:
    """The settings; BadSettings where the real agent would end at once."""
    proxy = _proxy_config(root / MESH_FILE)
    metadata = {str(key): str(value) for key, value in (proxy.get("proxyMetadata") or {}).items()}
    warnings: list[str] = []

    def meta(name: str) -> str:
        return environ.get(META + name, metadata.get(META + name, ""))

    labels = _labels(environ.get(META_JSON + "LABELS", metadata.get(META_JSON + "LABELS", "")), warnings)
    listen = environ.get(VM_ADDRESS) or _first_address()
    discovery = str(proxy.get("discoveryAddress") or DEFAULT_DISCOVERY)
    return Settings(
        namespace=environ.get("POD_NAMESPACE", "default"),
        service_account=environ.get("SERVICE_ACCOUNT", ""),
        trust_domain=environ.get("TRUST_DOMAIN") or "cluster.local",
        pod_name=environ.get("POD_NAME") or "vm",
        ip=environ.get("INSTANCE_IP") or environ.get("ISTIO_SVC_IP") or listen,
        listen=listen,
        discovery=discovery,
        ca=environ.get("CA_ADDR") or discovery,
        cluster=meta("CLUSTER_ID") or "Kubernetes",
        mesh_id=meta("MESH_ID"),
        network=meta("NETWORK"),
        group=meta("AUTO_REGISTER_GROUP"),
        workload_name=meta("WORKLOAD_NAME"),
        dns_capture=meta("DNS_CAPTURE") == "true",
        inbound_ports=environ.get("ISTIO_INBOUND_PORTS", "*"),
        excluded_ports=_ports(environ.get("ISTIO_LOCAL_EXCLUDE_PORTS", "")),
        service_cidrs=environ.get("ISTIO_SERVICE_CIDR", "*"),
        excluded_cidrs=environ.get("ISTIO_SERVICE_EXCLUDE_CIDR", ""),
        labels=labels,
        probe=proxy.get("readinessProbe"),
        warnings=tuple(warnings),
    )


def resolve(host: str, root: Path = Path()) -> str:
    """The address of a name by the VM's own /etc/hosts, where the first line that has it wins; "" for none."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        lines = (root / "etc/hosts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        address, *names = line.split("#", 1)[0].split() or [""]
        if host.lower() in (name.lower() for name in names):
            return address
    return ""


def name_server(root: Path = Path()) -> str:
    """The first name server in the VM's /etc/resolv.conf, as it stands in an error text."""
    try:
        lines = (root / "etc/resolv.conf").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    servers = [line.split()[1] for line in lines if line.startswith("nameserver") and len(line.split()) > 1]
    return f"{servers[0] if servers else '127.0.0.53'}:53"


def _proxy_config(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    except PermissionError as error:
        raise BadSettings(f"failed to read mesh config file: open ./{path}: permission denied") from error
    try:
        mesh = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise BadSettings(f"failed to get proxy config: could not parse yaml: {_one_line(error)}") from error
    config = mesh.get("defaultConfig") if isinstance(mesh, dict) else None
    if not isinstance(mesh, dict) or not isinstance(config or {}, dict):
        raise BadSettings("failed to get proxy config: could not parse yaml: cannot unmarshal into MeshConfig")
    for name, value in ((config or {}).get("proxyMetadata") or {}).items():
        if isinstance(value, bool | int | float):
            # proxyMetadata is a map of strings: an unquoted true or 15012 is none, which ends the real agent too.
            kind = "bool" if isinstance(value, bool) else "number"
            raise BadSettings(
                f"failed to get proxy config: could not parse yaml: json: cannot unmarshal {kind} into Go value "
                f"of type string (proxyMetadata.{name})"
            )
    return config or {}


def _labels(text: str, warnings: list[str]) -> dict[str, str]:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        warnings.append(f"Env variable {META_JSON}LABELS [{text}] failed json unmarshal: {error}")
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _ports(text: str) -> frozenset[int]:
    return frozenset(int(word) for word in text.split(",") if word.strip().isdigit())


def _within(address: str, cidrs: str) -> bool:
    for cidr in filter(None, cidrs.split(",")):
        try:
            if ipaddress.ip_address(address) in ipaddress.ip_network(cidr.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False


def _first_address() -> str:
    try:
        shown = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False, timeout=5).stdout
    except OSError:
        shown = ""
    return (shown.split() or ["127.0.0.1"])[0]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
