"""How the screen is coloured in a journey: dark in the small window, the terminal's own colours in the wide one."""

from __future__ import annotations

from pathlib import Path

WIDE = (140, 45)


def coloured(environment: dict[str, str], folder: Path, size: tuple[int, int]) -> dict[str, str]:
    """The environment with preferences of the journey's own."""
    config = folder / "preferred"
    config.mkdir(exist_ok=True)
    theme = "ansi" if size == WIDE else "dark"
    (config / "config.yaml").write_text(f"theme: {theme}\n", encoding="utf-8")
    return environment | {"MESHVM_TUI_CONFIG_DIR": str(config)}
