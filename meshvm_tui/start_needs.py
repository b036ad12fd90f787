"""Looks at what a first onboarding needs of this computer: files and PATH, and the current context's API server.

Google is never asked, and no plugin that would ask it is run, unless gcloud has been set up here. Nothing is kept, so
what is put right in another terminal is seen at the next look.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.start_facts import Fact, Found, StartFact

if TYPE_CHECKING:
    from meshvm_tui.adapters.kubeconfig import Kubeconfig

Tell = Callable[[StartFact], object]

PATIENCE = 8.0
"""Seconds after which an API server that says nothing is called silent; it may still answer later."""
ASK_AGAIN = 30.0
"""Seconds after which one that answered is asked again."""
GOOGLE_PLUGINS = ("gke-gcloud-auth-plugin", "gcloud")


@dataclass
class _Asked:
    """One question to an API server, answered on a thread of its own. `earlier` is shown until then."""

    context: str
    since: float
    answer: StartFact | None = None
    at: float = 0.0
    earlier: StartFact | None = None


class StartNeeds:
    """Called again and again on a thread; tells every fact, the quick ones first."""

    def __init__(self) -> None:
        self._asked: _Asked | None = None

    def __call__(self, tell: Tell) -> None:
        """One look."""
        config = _kubeconfig()
        tell(_cluster(config))
        tell(_istioctl())
        tell(_ssh())
        tell(StartFact(Fact.ROOT, Found.LATER, "needs sudo or root on the VM; seen there"))
        tell(self._access(config, tell))

    def _access(self, config: Kubeconfig | None, tell: Tell) -> StartFact:
        context = config.current_context if config else ""
        if config is None or not context:
            self._asked = None
            return StartFact(Fact.ACCESS, Found.LATER, "looked at when you have chosen")
        if _wants_google(config) and not _gcloud_folder().is_dir():
            return StartFact(Fact.ACCESS, Found.MISSING, "signs in by gcloud, which is not set up here")
        asked = self._asked
        if asked is None or asked.context != context or _is_stale(asked):
            earlier = asked.answer if asked and asked.context == context else None
            asked = self._asked = _Asked(context, time.monotonic(), earlier=earlier)
            threading.Thread(target=_ask, args=(asked, tell), name="meshvm-ask", daemon=True).start()
        if known := asked.answer or asked.earlier:
            return known
        if time.monotonic() - asked.since > PATIENCE:
            return StartFact(Fact.ACCESS, Found.MISSING, f"{context} does not answer; still trying")
        return StartFact(Fact.ACCESS, Found.LOOKING, f"asking {context}")


def _ask(asked: _Asked, tell: Tell) -> None:
    """Asks for the version with a connection of its own, which cannot write."""
    from meshvm_tui.plan import Cluster, Plan
    from meshvm_tui.problems import Problem
    from meshvm_tui.wiring import WiredConnections

    connections = WiredConnections(read_only=True)
    try:
        version = connections.cluster_reader(Plan(cluster=Cluster(context=asked.context))).version()
        answer = StartFact(Fact.ACCESS, Found.THERE, f"it answers: Kubernetes {version}")
    except Problem as problem:
        answer = StartFact(Fact.ACCESS, Found.MISSING, problem.title)
    except Exception as error:  # noqa: BLE001 (a look must never end the thread in silence)
        answer = StartFact(Fact.ACCESS, Found.MISSING, f"{type(error).__name__}")
    finally:
        connections.close()
    asked.at, asked.answer = time.monotonic(), answer
    tell(answer)


def _is_stale(asked: _Asked) -> bool:
    """An answer is old after a while; a refusal at once, for it may just have been put right."""
    if asked.answer is None:
        return False
    return asked.answer.found is not Found.THERE or time.monotonic() - asked.at > ASK_AGAIN


def _kubeconfig() -> Kubeconfig | None:
    from meshvm_tui.adapters.kubeconfig import load
    from meshvm_tui.problems import Problem

    try:
        return load()
    except Problem:
        return None


def _cluster(config: Kubeconfig | None) -> StartFact:
    count = len(config.contexts) if config else 0
    if config and count:
        more = f" and {count - 1} more" if count > 1 else ""
        named = config.current_context or next(iter(config.contexts))
        return StartFact(Fact.CLUSTER, Found.THERE, f"context {named}{more}")
    if account := _google_account():
        return StartFact(Fact.CLUSTER, Found.THERE, f"GKE, as {account}")
    return StartFact(Fact.CLUSTER, Found.MISSING, "no kubeconfig and no Google login found")


def _google_account() -> str:
    """Who gcloud is logged in as, from its files alone."""
    from meshvm_tui.adapters.google_settings import read_settings
    from meshvm_tui.problems import Problem

    try:
        settings = read_settings()
        account = settings.get("core", "account").value
        login = settings.credentials_file().value
    except (Problem, OSError):
        return ""
    return account or ("application default credentials" if login and Path(login).is_file() else "")


def _wants_google(config: Kubeconfig) -> bool:
    """Whether the current context's user gets its token from Google."""
    context, _ = config.contexts.get(config.current_context, ({}, ""))
    user, _ = config.users.get(context.get("user") or "", ({}, ""))
    command = (user.get("exec") or {}).get("command") if isinstance(user.get("exec"), dict) else ""
    return Path(str(command or "")).name in GOOGLE_PLUGINS


def _gcloud_folder() -> Path:
    named = os.environ.get("CLOUDSDK_CONFIG", "")
    return Path(named) if named else Path.home() / ".config" / "gcloud"


def _istioctl() -> StartFact:
    found = shutil.which("istioctl")
    if found:
        return StartFact(Fact.ISTIOCTL, Found.THERE, "istioctl is here")
    return StartFact(Fact.ISTIOCTL, Found.LATER, "no istioctl; needed only to install Istio")


def _ssh() -> StartFact:
    folder = Path.home() / ".ssh"
    keys = sorted(path.name for path in folder.glob("id_*") if path.suffix != ".pub") if folder.is_dir() else []
    agent = os.environ.get("SSH_AUTH_SOCK", "")
    parts = [f"~/.ssh/{keys[0]}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")] if keys else []
    if agent and Path(agent).exists():
        parts.append("an SSH agent")
    if parts:
        return StartFact(Fact.SSH, Found.THERE, ", ".join(parts))
    return StartFact(Fact.SSH, Found.MISSING, "no SSH key; Compute Engine gets one")
