"""Machines that somebody was at before us: by hand from the guide, half-way, of another mesh, of another identity.

They share a cluster, which the onboarding of two machines at once has made.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.real_vm.by_hand import Operator
from tests.real_vm.conftest import BootVm
from tests.real_vm.rig import RealVm
from tests.real_vm.rig_machine import until
from tests.real_vm.world import World, changed, finished, told

pytestmark = pytest.mark.real_vm

DOWNLOAD = "/istio-sidecar.deb"
BY_HAND = ("certs", "token", "package", "cluster.env", "mesh", "hosts", "owners", "start")
Together = tuple[RealVm, RealVm, subprocess.CompletedProcess[str]]
OTHER_MESH = "spiffe://another.example/ns/vm-namespace/sa/vm-sa"


@pytest.fixture(scope="module")
def together(module_world: World, boot_module_vm: BootVm) -> Together:
    """Two machines, one of them with SSH on another port, and how their common run went."""
    first, second = boot_module_vm(), boot_module_vm(ssh_port=2222)
    return first, second, module_world.apply(first, second)


@pytest.fixture(scope="module")
def apart(together: Together) -> None:
    """The two have left the mesh: from here on each test has a machine to itself."""
    for machine in together[:2]:
        machine.poweroff()


@pytest.fixture
def nobody_else(module_world: World, apart: None) -> None:
    """Machines of earlier tests have left the mesh: no request goes to one of them."""
    until(lambda: not module_world.entries(), 40, lambda: f"still there: {list(module_world.entries())}")


@pytest.fixture(scope="module")
def operator(
    module_world: World, together: Together, stub_package: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Operator]:
    """Somebody who makes the five files as the guide does and has copied them to a machine."""
    rig = module_world.rig
    rig.downloads.files[DOWNLOAD] = stub_package.read_bytes()
    url = f"http://{rig.network.host}:{rig.downloads.port}{DOWNLOAD}"

    def make(machine: RealVm) -> Operator:
        folder = tmp_path_factory.mktemp("vm-files")
        command = [sys.executable, "-m", "meshvm_tui", "files", "--name", "hello-vm", "-n", "vm-namespace"]
        done = module_world.run([*command, "-o", str(folder), "--clusterID", "Kubernetes", "--autoregister"])
        assert done.returncode == 0, done.stdout + done.stderr
        somebody = Operator(machine, folder, url)
        somebody.copy()
        return somebody

    return make


def assert_in_the_mesh(world: World, machine: RealVm) -> None:
    """One line for istiod, one entry, and a second run that changes nothing."""
    lines = machine.output("grep -v '^#' /etc/hosts | grep -w istiod.istio-system.svc").splitlines()
    assert len({line.split()[0] for line in lines}) == 1
    assert f"hello-vm-{machine.address}" in world.entries()
    places = "/etc/hosts /etc/certs/* /var/lib/istio/envoy/cluster.env /etc/istio/config/mesh"
    before = machine.output(f"systemctl show -p MainPID istio; stat -c '%n %.Y' {places}")
    again = world.apply(machine)
    assert (again.returncode, changed(again)) == (0, []), told(again)
    assert machine.output(f"systemctl show -p MainPID istio; stat -c '%n %.Y' {places}") == before


def test_two_machines_of_one_plan_go_side_by_side(module_world: World, together: Together) -> None:
    """Each has its own files, certificate and entry, in one group."""
    first, second, done = together
    assert done.returncode == 0, told(done)
    for machine in (first, second):
        steps = finished(done, machine.name)
        assert "200" in steps["probe-vm-to-cluster"]["message"]
        assert "200" in steps["probe-cluster-to-vm"]["message"]
        assert f"ISTIO_SVC_IP='{machine.address}'" in machine.output("cat /var/lib/istio/envoy/cluster.env")
    assert set(module_world.entries()) >= {f"hello-vm-{first.address}", f"hello-vm-{second.address}"}
    excluded = second.output("grep ISTIO_LOCAL_EXCLUDE_PORTS /var/lib/istio/envoy/cluster.env")
    assert "2222" in excluded
    again = module_world.apply(first, second)
    assert (again.returncode, changed(again)) == (0, []), told(again)


@pytest.mark.usefixtures("nobody_else")
def test_a_machine_onboarded_by_hand_is_taken_on(
    module_world: World, boot_vm: BootVm, operator: Callable[..., Operator]
) -> None:
    """The hosts lines appended twice, the unit not enabled, the token readable by all: mended with one restart."""
    machine = boot_vm()
    somebody = operator(machine)
    somebody.type(*BY_HAND, "hosts")
    until(lambda: machine.run("test -s /etc/certs/key.pem", check=False).returncode == 0, 30, machine.journal)
    assert machine.output("grep -c istiod /etc/hosts") == "2"

    done = module_world.apply(machine)
    assert done.returncode == 0, told(done)
    assert finished(done)["sidecar-package"]["state"] == "skipped"
    assert machine.show("istio", "UnitFileState") == "enabled"
    assert machine.output("stat -c '%U %a' /var/run/secrets/tokens/istio-token") == "istio-proxy 600"
    assert "169.254.169.254/32" in machine.output("cat /var/lib/istio/envoy/cluster.env")
    kept = {"cluster.env", "hosts", "mesh.yaml", "root-cert.pem"}
    assert set(machine.output("ls /var/lib/meshvm-tui/before").split()) == kept
    assert "aside" not in finished(done)["guest-files"]["message"]
    assert machine.show("istio", "NRestarts") == "0"
    assert_in_the_mesh(module_world, machine)


@pytest.mark.usefixtures("nobody_else")
@pytest.mark.parametrize(
    "done_before",
    [
        pytest.param("sudo mkdir -p /etc/istio/config /etc/istio/proxy", id="folders before the package"),
        pytest.param("curl -sSLO {package}; sudo dpkg --unpack istio-sidecar.deb", id="a package not configured"),
        pytest.param("curl -sSLO {package}; sudo dpkg -i istio-sidecar.deb; sudo cp mesh.yaml /etc/istio/config/mesh;"
                     " sudo systemctl start istio", id="started without files"),
    ],
)  # fmt: skip
def test_a_machine_left_half_way_is_finished(
    module_world: World, boot_vm: BootVm, operator: Callable[..., Operator], done_before: str
) -> None:
    """Wherever somebody stopped, the rest is done and nothing of it twice."""
    machine = boot_vm()
    somebody = operator(machine)
    somebody.shell(done_before.format(package=somebody.package))
    done = module_world.apply(machine)
    assert done.returncode == 0, told(done)
    assert machine.output("dpkg-query -W -f '${Status}' istio-sidecar") == "install ok installed"
    assert_in_the_mesh(module_world, machine)


def foreign_identity() -> dict[str, bytes]:
    """Certificate, key and root of another mesh."""
    root_key, key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    root = _certificate("another root", root_key, root_key, "")
    chain = _certificate("another root", root_key, key, OTHER_MESH)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"cert-chain.pem": chain, "key.pem": pem, "root-cert.pem": root}


def _certificate(issuer: str, issuer_key: rsa.RSAPrivateKey, key: rsa.RSAPrivateKey, uri: str) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(name)
        .subject_name(x509.Name([]) if uri else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=20))
        .add_extension(x509.BasicConstraints(ca=not uri, path_length=None), critical=True)
    )
    if uri:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=True
        )
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.usefixtures("nobody_else")
def test_what_another_mesh_left_is_shown_and_moved_aside(
    module_world: World, boot_vm: BootVm, operator: Callable[..., Operator]
) -> None:
    """Its certificate, key and root are kept together in a folder of their own, and none of them is mixed with ours."""
    machine = boot_vm()
    operator(machine).type("package")
    theirs = foreign_identity()
    for name, content in theirs.items():
        (machine.root / "etc/certs" / name).write_bytes(content)
    machine.run("chown -R istio-proxy /etc/certs; echo '10.9.9.9 istiod.istio-system.svc' >>/etc/hosts")

    seen = module_world.look(machine)
    assert seen.returncode == 6
    assert f"the certificate of {OTHER_MESH} is moved aside" in seen.stdout
    assert "10.9.9.9 istiod.istio-system.svc" in seen.stdout

    done = module_world.apply(machine)
    assert done.returncode == 0, told(done)
    aside = machine.output("ls -d /etc/certs.before-meshvm-tui.*")
    assert machine.output(f"stat -c %a {aside}") == "700"
    for name, content in theirs.items():
        assert (machine.root / aside.lstrip("/") / name).read_bytes() == content
        assert (machine.root / "etc/certs" / name).read_bytes() != content
    assert "put aside by meshvm-tui: 10.9.9.9" in machine.output("cat /etc/hosts")
    assert_in_the_mesh(module_world, machine)


@pytest.mark.usefixtures("nobody_else")
def test_a_machine_of_another_identity_changes_it_whole(module_world: World, boot_vm: BootVm) -> None:
    """The same mesh, another ServiceAccount: the old certificate opens nothing for the new one."""
    machine = boot_vm()
    other = {"name": "other-vm", "serviceAccount": "other-sa", "labels": {"app": "other-vm"}}
    bare = {"helloWorld": None, "vmService": None, "httpServer": None}
    first = module_world.apply(machine, workload=other, services=bare)
    assert first.returncode == 0, told(first)
    old = machine.output("sha256sum </etc/certs/cert-chain.pem")

    seen = module_world.look(machine)
    assert "the certificate of spiffe://cluster.local/ns/vm-namespace/sa/other-sa is moved aside" in seen.stdout
    done = module_world.apply(machine)
    assert done.returncode == 0, told(done)
    assert machine.output("cat /etc/certs.before-meshvm-tui.*/cert-chain.pem | sha256sum") == old
    names = machine.output("openssl x509 -noout -ext subjectAltName -in /etc/certs/cert-chain.pem")
    assert "sa/vm-sa" in names
    assert_in_the_mesh(module_world, machine)
