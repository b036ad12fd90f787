"""`meshvm-tui resume`."""

from __future__ import annotations

import click

from meshvm_tui.commands.onboard import show_app
from meshvm_tui.commands.options import need_terminal, read_only_option
from meshvm_tui.commands.plain import is_plain, plain_onboarding, plain_option
from meshvm_tui.locations import sessions_dir


@click.command()
@click.argument("name", required=False, default="")
@read_only_option
@plain_option
def resume(*, name: str, read_only: bool, plain: bool) -> int:
    """Go on with a session; without a NAME, with the one that was changed last.

    The world is looked at anew: what is done is skipped, whatever the session remembers.
    """
    plain = is_plain(plain)
    if not plain:
        need_terminal("meshvm-tui apply -f PLAN --yes, which goes on from where it was as well")
    from meshvm_tui.problems import PermanentError
    from meshvm_tui.session_store import SessionStore

    store = SessionStore(sessions_dir())
    if not name:
        found = store.list()
        if not found:
            raise PermanentError("MVM-715", f"{store.root} holds no session at all.")
        name = found[0].name
    store.read(name)
    if plain:
        return plain_onboarding(name, None, read_only=read_only)
    return show_app(start="wizard", name=name, read_only=read_only)
