"""Where things lie on disk. Nothing here creates anything."""

from __future__ import annotations

import os
from pathlib import Path

STATE_DIR_VARIABLE = "MESHVM_TUI_STATE_DIR"
CONFIG_DIR_VARIABLE = "MESHVM_TUI_CONFIG_DIR"
GO_ON_VARIABLE = "MESHVM_TUI_GO_ON"


def state_dir() -> Path:
    """The root of everything that is kept: MESHVM_TUI_STATE_DIR, or the platform's state directory."""
    if chosen := os.environ.get(STATE_DIR_VARIABLE):
        return Path(chosen)
    from platformdirs import user_state_path

    return user_state_path("meshvm-tui", appauthor=False)


def sessions_dir() -> Path:
    """One folder per session."""
    return state_dir() / "sessions"


def lab_dir() -> Path:
    """The world of the lab that goes on from one start to the next."""
    return state_dir() / "lab"


def known_hosts() -> Path:
    """The host keys that the operator accepted here; the operator's own ~/.ssh/known_hosts is only read."""
    return state_dir() / "known_hosts"


def pictures_dir() -> Path:
    """Screenshots that were asked for."""
    return state_dir() / "screenshots"


def preferences_file() -> Path:
    """What the operator prefers: in MESHVM_TUI_CONFIG_DIR, or in the platform's configuration directory."""
    if chosen := os.environ.get(CONFIG_DIR_VARIABLE):
        return Path(chosen) / "config.yaml"
    from platformdirs import user_config_path

    return user_config_path("meshvm-tui", appauthor=False) / "config.yaml"


def go_on_command(session: str) -> str:
    """The command that goes on with a session: MESHVM_TUI_GO_ON where whoever started this process set it up."""
    return os.environ.get(GO_ON_VARIABLE) or f"meshvm-tui resume {session}"
