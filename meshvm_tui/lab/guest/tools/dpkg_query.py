"""dpkg-query."""

from __future__ import annotations

import re

from meshvm_tui.lab.guest.tools import dpkg, ground
from meshvm_tui.lab.guest.tools import dpkg_database as database


def main(arguments: list[str]) -> int:
    """dpkg-query -W [-f FORMAT] PACKAGE... | -s | -l | -L PACKAGE"""
    form, names, show = "${Package}\t${Version}\n", [], False
    rest = iter(arguments)
    for word in rest:
        if word in ("-W", "--show"):
            show = True
        elif word in ("-f", "--showformat"):
            form = next(rest, "")
        elif word.startswith(("-f", "--showformat=")):
            form = word.removeprefix("--showformat=").removeprefix("-f").removeprefix("=")
        elif not word.startswith("-"):
            names.append(word)
    if not show:
        return dpkg.main(arguments)
    packages = database.read()
    form = form.replace("\\n", "\n").replace("\\t", "\t")
    for name in names or sorted(packages):
        if name not in packages:
            ground.say(f"dpkg-query: no packages found matching {name}")
            return 1
        fields = {**packages[name], "db:Status-Status": packages[name]["Status"].split()[-1]}
        print(_filled(form, fields), end="")
    return 0


def _filled(form: str, fields: dict[str, str]) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda found: fields.get(found[1], ""), form)
