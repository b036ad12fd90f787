"""gcloud's settings, read without gcloud and never written: its variables, its active configuration, the ADC file.

The folder is `$CLOUDSDK_CONFIG` or ~/.config/gcloud; a property such as core/project comes from CLOUDSDK_CORE_PROJECT
or else from `configurations/config_<name>` (cloud.google.com/sdk/docs/configurations). gcloud itself ignores
GOOGLE_CLOUD_PROJECT, which Google's client libraries honour: here it stands between the two. Only the standard library
is used, and nothing asks the network.
"""

from __future__ import annotations

import configparser
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from meshvm_tui.compute_ports import GoogleDefaults, Setting
from meshvm_tui.problems import ActionNeeded

NO_CONFIGURATION = "NONE"
DEFAULT_CONFIGURATION = "default"
ADC = "application default credentials"
ADC_FILE = "application_default_credentials.json"
ADC_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_PROJECT_VARIABLES = ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
_NAME = re.compile(r"[a-z][-a-z0-9]*")
# What gcloud writes for `billing/quota_project` besides a project.
CURRENT_PROJECT = ("CURRENT_PROJECT", "CURRENT_PROJECT_WITH_FALLBACK")
LEGACY = "LEGACY"


@dataclass(frozen=True)
class GcloudSettings:
    """What gcloud's variables and its active configuration said when they were read.

    `environ` is the environment of that moment; it stays out of the representation, for it may hold a token."""

    folder: Path
    configuration: str
    properties: Mapping[tuple[str, str], str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def get(self, section: str, name: str) -> Setting:
        """A property such as core/project; empty where nothing sets it."""
        variable = f"CLOUDSDK_{section}_{name}".upper()
        if value := self.environ.get(variable, "").strip():
            return Setting(value, variable)
        value = self.properties.get((section, name), "")
        return Setting(value, f"gcloud configuration {self.configuration}") if value else Setting()

    def defaults(self, *, project: str = "", region: str = "", zone: str = "", cluster: str = "") -> GoogleDefaults:
        """The defaults, after what flags say. The metadata server is not asked: `GoogleLogin.defaults` does."""
        return GoogleDefaults(
            account=self.get("core", "account"),
            project=_flag("--project", project) or self._project(),
            region=_flag("--region", region) or self.get("compute", "region"),
            zone=_flag("--zone", zone) or self.get("compute", "zone"),
            cluster=_flag("--cluster", cluster) or self.get("container", "cluster"),
            impersonate_service_account=self.get("auth", "impersonate_service_account"),
            quota_project=self.quota_project(),
        )

    def quota_project(self) -> Setting:
        """The project that is charged for requests, as far as settings say so: gcloud's billing/quota_project,
        GOOGLE_CLOUD_QUOTA_PROJECT, the ADC file's. Of gcloud's own words CURRENT_PROJECT is core/project, for users
        alone, and LEGACY is none."""
        named = self.get("billing", "quota_project")
        if named.value == LEGACY:
            return Setting()
        if named.value in CURRENT_PROJECT:
            if self._of_credentials("type").value == "service_account":
                return Setting()
            return Setting(self.get("core", "project").value, f"{named.source} ({named.value})")
        if named.value:
            return named
        if value := self.environ.get("GOOGLE_CLOUD_QUOTA_PROJECT", "").strip():
            return Setting(value, "GOOGLE_CLOUD_QUOTA_PROJECT")
        return self._of_credentials("quota_project_id")

    def credentials_file(self) -> Setting:
        """The file with credentials that is to be used, in the order of Google's libraries after gcloud's override.

        The file of a variable need not exist; that of gcloud's folder is named only where it does."""
        override = self.get("auth", "credential_file_override")
        if override.value:
            return override
        if value := self.environ.get(ADC_VARIABLE, "").strip():
            return Setting(value, ADC_VARIABLE)
        path = self.folder / ADC_FILE
        return Setting(str(path), ADC) if path.is_file() else Setting()

    def _project(self) -> Setting:
        variable = self.get("core", "project")
        if variable.source.startswith("CLOUDSDK_"):
            return variable
        for name in _PROJECT_VARIABLES:
            if value := self.environ.get(name, "").strip():
                return Setting(value, name)
        return variable if variable.value else self._of_credentials("project_id")

    def _of_credentials(self, key: str) -> Setting:
        """A value out of the credentials' file. A damaged one is told by the login, not by a default."""
        try:
            given = json.loads(Path(self.credentials_file().value).read_bytes())
            value = given.get(key)
        except (OSError, ValueError, AttributeError):
            return Setting()
        return Setting(value, ADC) if isinstance(value, str) and value else Setting()


def read_settings(environ: Mapping[str, str] = os.environ) -> GcloudSettings:
    """Reads them now. ActionNeeded MVM-846 for a file that cannot be read, naming file and line."""
    folder = _folder(environ)
    name = _active(folder, environ)
    file = folder / "configurations" / f"config_{name}"
    properties = {} if name == NO_CONFIGURATION else _properties(file)
    return GcloudSettings(folder, name, properties, dict(environ))


def _folder(environ: Mapping[str, str]) -> Path:
    if named := environ.get("CLOUDSDK_CONFIG", ""):
        return Path(named)
    home = environ.get("HOME", "")
    return (Path(home) if home else Path.home()) / ".config" / "gcloud"


def _active(folder: Path, environ: Mapping[str, str]) -> str:
    variable = "CLOUDSDK_ACTIVE_CONFIG_NAME"
    if named := environ.get(variable, "").strip():
        return _checked(named, variable)
    file = folder / "active_config"
    named = _text(file).strip()
    return _checked(named, f"{file}, line 1") if named else DEFAULT_CONFIGURATION


def _checked(name: str, place: str) -> str:
    if name != NO_CONFIGURATION and not _NAME.fullmatch(name):
        raise ActionNeeded("MVM-846", f"{place}: {name!r} is no name of a gcloud configuration")
    return name


def _properties(file: Path) -> dict[tuple[str, str], str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_text(file), source=str(file))
    except configparser.Error as error:
        raise ActionNeeded("MVM-846", f"{file}, line {_line(error)}: {_kind(error)}") from None
    # gcloud's own reader takes %% for %.
    return {
        (section, name): value.strip().replace("%%", "%")
        for section in parser.sections()
        for name, value in parser.items(section)
    }


def _text(file: Path) -> str:
    """The text of a file; "" where there is none."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except NotADirectoryError as error:
        raise ActionNeeded("MVM-846", f"{file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ActionNeeded("MVM-846", f"{file}, line {line}: it is no UTF-8") from None
    except OSError as error:
        raise ActionNeeded("MVM-846", f"{file}: {error.strerror}") from None


def _line(error: configparser.Error) -> int:
    errors = getattr(error, "errors", None)
    line = errors[0][0] if errors else getattr(error, "lineno", None)
    return line if isinstance(line, int) else 1


def _kind(error: configparser.Error) -> str:
    """What is wrong, without the line's own words: a configuration may hold a secret."""
    if isinstance(error, configparser.MissingSectionHeaderError):
        return "a line before the first [section]"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"the section [{error.section}] stands there twice"
    if isinstance(error, configparser.DuplicateOptionError):
        return f"{error.section}/{error.option} stands there twice"
    return "neither [section] nor name = value"


def _flag(name: str, value: str) -> Setting | None:
    return Setting(value, name) if value else None
