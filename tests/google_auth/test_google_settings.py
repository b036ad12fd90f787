"""gcloud's settings as gcloud itself resolves them, each with where it came from, and nothing written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from meshvm_tui.adapters.google_settings import read_settings
from meshvm_tui.compute_ports import GoogleDefaults, Setting
from meshvm_tui.problems import ActionNeeded
from tests.google_auth.google_world import World

WORK = """
[core]
project = from-work
account = me@example.com
[compute]
zone = europe-west1-b
region = europe-west1
[container]
cluster = c-work
[auth]
impersonate_service_account = sa@p.iam.gserviceaccount.com
[billing]
quota_project = pays
"""


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its date and content."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_every_default_says_where_it_comes_from(world: World) -> None:
    world.configuration(WORK, "work")
    (world.folder / "active_config").write_text("work")
    source = "gcloud configuration work"
    assert world.settings().defaults() == GoogleDefaults(
        account=Setting("me@example.com", source),
        project=Setting("from-work", source),
        region=Setting("europe-west1", source),
        zone=Setting("europe-west1-b", source),
        cluster=Setting("c-work", source),
        impersonate_service_account=Setting("sa@p.iam.gserviceaccount.com", source),
        quota_project=Setting("pays", source),
    )


def test_the_order_for_the_project(world: World) -> None:
    """Flag, CLOUDSDK_CORE_PROJECT, GOOGLE_CLOUD_PROJECT, GCLOUD_PROJECT, configuration, credentials: each in turn is
    taken away."""
    world.configuration("[core]\nproject = of-configuration\n")
    world.key_file(world.service_account(project_id="of-credentials"))
    names = ("CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
    world.environ |= {name: f"of-{name.lower()}" for name in names}
    assert world.settings().defaults(project="of-flag").project == Setting("of-flag", "--project")
    for name in names:
        assert world.settings().defaults().project == Setting(f"of-{name.lower()}", name)
        del world.environ[name]
    assert world.settings().defaults().project == Setting("of-configuration", "gcloud configuration default")
    world.configuration("")
    assert world.settings().defaults().project == Setting("of-credentials", "application default credentials")
    del world.environ["GOOGLE_APPLICATION_CREDENTIALS"]
    assert world.settings().defaults().project == Setting()


def test_variables_stand_before_the_configuration(world: World) -> None:
    world.configuration(WORK)
    world.environ |= {"CLOUDSDK_COMPUTE_ZONE": "us-east1-b", "CLOUDSDK_CONTAINER_CLUSTER": "other"}
    found = world.settings().defaults(zone="us-west1-a")
    assert found.zone == Setting("us-west1-a", "--zone")
    assert found.cluster == Setting("other", "CLOUDSDK_CONTAINER_CLUSTER")
    assert world.settings().defaults().zone == Setting("us-east1-b", "CLOUDSDK_COMPUTE_ZONE")


def test_which_configuration_is_active(world: World) -> None:
    for name in ("default", "work", "env"):
        world.configuration(f"[core]\nproject = in-{name}\n", name)
    assert world.settings().defaults().project.value == "in-default"
    (world.folder / "active_config").write_text("work\n")
    assert world.settings().defaults().project.value == "in-work"
    world.environ["CLOUDSDK_ACTIVE_CONFIG_NAME"] = "env"
    assert world.settings().defaults().project == Setting("in-env", "gcloud configuration env")
    world.environ["CLOUDSDK_ACTIVE_CONFIG_NAME"] = "NONE"
    assert world.settings().defaults().project == Setting()
    world.environ["CLOUDSDK_ACTIVE_CONFIG_NAME"] = "not-there"
    assert world.settings().defaults() == GoogleDefaults()


def test_percent_signs_are_no_interpolation(world: World) -> None:
    world.configuration("[core]\naccount = 100%% me%(x)s\n")
    assert world.settings().defaults().account.value == "100% me%(x)s"


@pytest.mark.parametrize(
    ("named", "source"),
    [
        ("CURRENT_PROJECT", "gcloud configuration default (CURRENT_PROJECT)"),
        ("CURRENT_PROJECT_WITH_FALLBACK", "gcloud configuration default (CURRENT_PROJECT_WITH_FALLBACK)"),
    ],
)
def test_the_quota_project_may_be_the_current_one(world: World, named: str, source: str) -> None:
    world.configuration(f"[core]\nproject = current\n[billing]\nquota_project = {named}\n")
    world.adc(world.user(quota_project_id="of-adc"))
    assert world.settings().defaults().quota_project == Setting("current", source)
    # gcloud itself sends it for users alone.
    world.adc(world.service_account())
    assert world.settings().defaults().quota_project == Setting()


def test_the_order_for_the_quota_project(world: World) -> None:
    world.adc(world.user(quota_project_id="of-adc"))
    assert world.settings().quota_project() == Setting("of-adc", "application default credentials")
    world.environ["GOOGLE_CLOUD_QUOTA_PROJECT"] = "of-variable"
    assert world.settings().quota_project() == Setting("of-variable", "GOOGLE_CLOUD_QUOTA_PROJECT")
    world.environ["CLOUDSDK_BILLING_QUOTA_PROJECT"] = "of-gcloud"
    assert world.settings().quota_project() == Setting("of-gcloud", "CLOUDSDK_BILLING_QUOTA_PROJECT")
    world.environ["CLOUDSDK_BILLING_QUOTA_PROJECT"] = "LEGACY"
    assert world.settings().quota_project() == Setting()


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("project = x\n", 1, "before the first"),
        ("[core]\nproject = a\n\nproject = b\n", 4, "core/project stands there twice"),
        ("[core]\na = 1\n[core]\n", 3, "[core] stands there twice"),
        ("[core]\nproject = a\nhidden-token\n", 3, "neither [section]"),
    ],
)
def test_a_damaged_configuration_names_file_and_line(world: World, content: str, line: int, words: str) -> None:
    path = world.configuration(content)
    with pytest.raises(ActionNeeded) as failed:
        world.settings()
    assert failed.value.code == "MVM-846"
    assert failed.value.cause.startswith(f"{path}, line {line}: ")
    assert words in failed.value.cause
    assert "hidden-token" not in failed.value.cause


def test_files_that_are_no_text_or_no_files(world: World) -> None:
    path = world.configuration("")
    path.write_bytes(b"[core]\nproject = \xff\xfe\n")
    with pytest.raises(ActionNeeded, match=r"line 2: it is no UTF-8"):
        world.settings()
    path.unlink()
    path.mkdir()
    with pytest.raises(ActionNeeded, match="Is a directory"):
        world.settings()


@pytest.mark.parametrize("name", ["../../etc/passwd", "Work", "-x", "a b"])
def test_a_name_that_is_none_is_never_looked_for(world: World, name: str) -> None:
    world.configuration("")
    (world.folder / "active_config").write_text(name)
    with pytest.raises(ActionNeeded, match=r"active_config, line 1: .* is no name"):
        world.settings()
    world.environ["CLOUDSDK_ACTIVE_CONFIG_NAME"] = name
    with pytest.raises(ActionNeeded, match=r"CLOUDSDK_ACTIVE_CONFIG_NAME: .* is no name"):
        world.settings()


def test_the_folder_is_that_of_gcloud(tmp_path: Path) -> None:
    assert read_settings({"HOME": str(tmp_path)}).folder == tmp_path / ".config" / "gcloud"
    assert read_settings({"HOME": str(tmp_path), "CLOUDSDK_CONFIG": "/elsewhere"}).folder == Path("/elsewhere")


def test_reading_writes_nothing(world: World) -> None:
    world.settings().defaults()
    assert not world.folder.exists()
    world.configuration(WORK, "work")
    (world.folder / "active_config").write_text("work")
    world.adc(world.user())
    before = snapshot(world.folder)
    world.settings().defaults()
    assert snapshot(world.folder) == before


def test_a_token_of_the_environment_is_in_no_representation(world: World) -> None:
    world.environ["CLOUDSDK_AUTH_ACCESS_TOKEN"] = "ya29.very-secret"
    assert "very-secret" not in f"{world.settings()!r} {world.settings()}"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not installed")
@pytest.mark.parametrize(
    "variable", [{}, {"CLOUDSDK_CORE_PROJECT": "by-variable"}, {"CLOUDSDK_ACTIVE_CONFIG_NAME": "b"}]
)
def test_gcloud_itself_says_the_same(world: World, variable: dict[str, str]) -> None:
    world.configuration(WORK, "a")
    world.configuration("[core]\nproject = from-b%%\n[compute]\nzone = us-east1-b\n", "b")
    (world.folder / "active_config").write_text("a")
    world.environ |= variable
    quiet = {
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
    }
    done = subprocess.run(
        ["gcloud", "config", "list", "--format=json", "--all"],
        env={"PATH": os.environ["PATH"], **world.environ, **quiet},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    said, ours = json.loads(done.stdout), world.settings().defaults()
    assert ours.project.value == said["core"]["project"]
    assert ours.zone.value == said["compute"]["zone"]
    assert ours.region.value == (said["compute"].get("region") or "")
    assert ours.impersonate_service_account.value == (said["auth"].get("impersonate_service_account") or "")
