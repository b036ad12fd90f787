"""Another server behind istiod's port: its certificate is of another authority and for another name."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.lab.authority import Authority

if TYPE_CHECKING:
    from meshvm_tui.lab.faults import Faults

WRONG_CERTIFICATE = "wrong-certificate"
ANOTHER = "istiod.another-mesh.svc"


class Impostor:
    """Answers in istiod's place while the fault is on. `folder` keeps its authority."""

    def __init__(self, faults: Faults, folder: Path) -> None:
        self._faults = faults
        self._folder = folder
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self) -> ssl.SSLContext | None:
        """TLS as it speaks it; None while the fault is off."""
        if not self._faults.active(WRONG_CERTIFICATE):
            return None
        name = self._faults.value(WRONG_CERTIFICATE) or ANOTHER
        if name not in self._contexts:
            self._contexts[name] = self._made(name)
        return self._contexts[name]

    def _made(self, name: str) -> ssl.SSLContext:
        authority = Authority(self._folder / name, name=name)
        chain, key = authority.issue("", dns=[name])
        pem = self._folder / name / "serving.pem"
        pem.touch(mode=0o600)
        pem.write_text(chain + key, encoding="ascii")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        pem.unlink()
        return context
