"""Which signs a terminal is taken to have."""

from __future__ import annotations

import pytest

from meshvm_tui.commands.look import speaks_unicode


@pytest.mark.parametrize(
    ("environ", "unicode"),
    [
        ({}, True),
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "de_DE.utf8@euro"}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, False),
        ({"LANG": "de_DE.ISO-8859-15"}, False),
        ({"LANG": "ja_JP.nonsense"}, False),
    ],
)
def test_the_locale_decides(environ: dict[str, str], unicode: bool) -> None:
    assert speaks_unicode(environ) is unicode
