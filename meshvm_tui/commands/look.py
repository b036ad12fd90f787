"""How the app is shown on this terminal: what it can show, and what the operator prefers."""

from __future__ import annotations

import codecs
import locale
import os
from collections.abc import Mapping

from meshvm_tui.app_base import Look
from meshvm_tui.preferences import Preferences
from meshvm_tui.screens.themes import first_theme


def look_here(preferences: Preferences) -> Look:
    """Theme and signs for this terminal. NO_COLOR is the theme's matter from here on, not Textual's."""
    theme = first_theme(os.environ, preferences.theme)
    os.environ.pop("NO_COLOR", None)
    ascii_only = preferences.ascii == "yes" or (preferences.ascii == "auto" and not speaks_unicode(os.environ))
    return Look(theme=theme, ascii=ascii_only, preferences=preferences)


def speaks_unicode(environ: Mapping[str, str]) -> bool:
    """Whether the locale that the operator chose has UTF-8; where none is chosen, it is taken to have.

    Python itself reads the C locale as UTF-8, so the variables are asked first. It may also have set LC_CTYPE.
    """
    names = ("LC_ALL", "LANG") if environ.get("LC_CTYPE") == "C.UTF-8" else ("LC_ALL", "LC_CTYPE", "LANG")
    chosen = next((environ[name] for name in names if environ.get(name)), "")
    if chosen in ("C", "POSIX"):
        return False
    try:
        encoding = chosen.partition("@")[0].partition(".")[2] or locale.getpreferredencoding(False)
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False
