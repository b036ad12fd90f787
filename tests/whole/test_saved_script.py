"""The saved script, run with the real kubectl, ssh and scp on a fresh lab, leaves what `apply` leaves on another."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.whole.lab_world import LabWorld, lab_world

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        any(shutil.which(name) is None for name in ("kubectl", "ssh", "scp")), reason="needs kubectl, ssh and scp"
    ),
]

JSON = dict[str, Any]
LIVES_OF_THEIR_OWN = ("pods", "events", "replicasets", "nodes", "endpoints", "leases", "endpointslices")
"""Kinds that controllers make anew each time, under names of their own."""
OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink")
PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)
BUNDLE = re.compile(r'("caBundle": )"[^"]*"')
POD_OF_ISTIOD = re.compile(r"istiod-[a-z0-9]+-[a-z0-9]{5}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
MADE_ANEW = ("istio-token", "token.sha256", "key.pem", "package.before")


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LabWorld, LabWorld]]:
    """One for the product, one for the script."""
    folder = tmp_path_factory.mktemp("worlds")
    with lab_world(folder / "product") as product, lab_world(folder / "script") as script:
        yield product, script


@pytest.fixture(scope="module")
def script(labs: tuple[LabWorld, LabWorld]) -> Path:
    """Saved while nothing is there yet."""
    lab = labs[1]
    path = lab.state / "by-hand.sh"
    done = lab.run("apply", "-f", str(lab.plan), "--dry-run", "--script", str(path))
    assert done.returncode == 6, done.stderr
    return path


@pytest.fixture(scope="module")
def both(labs: tuple[LabWorld, LabWorld], script: Path) -> tuple[LabWorld, LabWorld]:
    """Both labs after their run."""
    product, by_hand = labs
    applied = product.run("apply", "-f", str(product.plan), "--yes")
    assert applied.returncode == 0, applied.stderr
    ran = subprocess.run(
        ["sh", str(script)],
        env=by_hand.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    (by_hand.state / "said").write_text(ran.stdout)
    return labs


def neutral(text: str, lab: LabWorld) -> str:
    """Without what every lab has of its own: its addresses, its folder, its certificates, and times."""
    block = json.loads((lab.state / "addresses.json").read_text(encoding="utf-8"))["block"]
    text = text.replace(str(lab.state), "STATE").replace(f"{block}.", "BLOCK.")
    for pattern, instead in ((PEM, "PEM"), (BUNDLE, r'\1"PEM"'), (POD_OF_ISTIOD, "ISTIOD"), (TIME, "TIME")):
        text = pattern.sub(instead, text)
    return text


def objects(lab: LabWorld) -> dict[str, JSON]:
    """Everything in the cluster, by kind, namespace and name."""
    kept = json.loads((lab.state / "objects.json").read_text(encoding="utf-8"))["objects"]
    found = {}
    for kind, items in kept.items():
        if kind.rpartition("/")[2] in LIVES_OF_THEIR_OWN:
            continue
        for item in items.values() if isinstance(items, dict) else items:
            metadata = {key: value for key, value in item["metadata"].items() if key not in OF_THE_SERVER}
            metadata.pop("ownerReferences", None)
            body = {**item, "metadata": metadata}
            if "loadBalancer" in body.get("status", {}):
                # Two load balancers that are made at once get their addresses in either order.
                body["status"] = {**body["status"], "loadBalancer": "its own"}
            name = f"{kind} {metadata.get('namespace', '')}/{metadata['name']}"
            found[neutral(name, lab)] = json.loads(
                neutral(json.dumps(body, sort_keys=True).replace("\\n", "\n"), lab).replace("\n", "\\n")
            )
    return found


def files(lab: LabWorld) -> dict[str, tuple[str, str]]:
    """Every file of the VM: its mode, and its content as far as both must have the same."""
    root = lab.vm_root()
    found = {}
    for path in sorted(root.rglob("*")):
        place = str(path.relative_to(root))
        if path.is_symlink() or not path.is_file() or place.startswith(("var/log/", "tmp/", "run/user/")):
            continue
        mode = stat.filemode(path.stat().st_mode)
        same = path.name not in MADE_ANEW and "\0" not in (text := path.read_text(encoding="utf-8", errors="replace"))
        found[place] = (mode, neutral(text, lab) if same else "")
    return found


def test_the_script_is_the_operators_own_and_holds_no_token(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert stat.S_IMODE(script.stat().st_mode) == 0o700
    assert "create token vm-sa" in text
    assert not re.search(r"eyJ[A-Za-z0-9_-]{10,}\.", text)
    assert "PRIVATE KEY" not in text
    stages = re.findall(r"^# ---- (\w+) ----$", text, re.MULTILINE)
    assert stages == ["Mesh", "Gateway", "Workload", "Files", "Install", "Services"]


def test_the_same_objects_stand_in_both_clusters(both: tuple[LabWorld, LabWorld]) -> None:
    applied, by_hand = (objects(lab) for lab in both)
    assert sorted(applied) == sorted(by_hand)
    for name, wanted in applied.items():
        assert by_hand[name] == wanted, name


def test_the_same_files_lie_on_both_machines(both: tuple[LabWorld, LabWorld]) -> None:
    applied, by_hand = (files(lab) for lab in both)
    assert sorted(applied) == sorted(by_hand)
    assert {"var/lib/istio/envoy/cluster.env", "etc/certs/root-cert.pem", "etc/hosts"} <= set(by_hand)
    assert applied == by_hand


def test_the_product_finds_nothing_left_to_do(both: tuple[LabWorld, LabWorld]) -> None:
    lab = both[1]
    run = lab.run("apply", "-f", str(lab.plan), "--dry-run")
    assert run.returncode == 0, run.stdout


def test_it_says_in_words_what_is_done_on_the_machine(both: tuple[LabWorld, LabWorld]) -> None:
    said = (both[1].state / "said").read_text()
    assert "\n    sidecar-package: " in said, said
    assert '{"' not in said


def test_nothing_of_the_run_stays_behind_on_the_machine(both: tuple[LabWorld, LabWorld]) -> None:
    assert not both[1].inside("ls -A /tmp").split()
