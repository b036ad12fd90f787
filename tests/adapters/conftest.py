"""A scripted API server and a cluster that speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meshvm_tui.adapters.kubernetes_api import KubernetesCluster, connect

from .scripted_api import Opener, Script, ScriptedApi


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    closers: list[Callable[[], None]] = []

    def open_api(script: Script, **given: Any) -> tuple[ScriptedApi, KubernetesCluster]:
        api = ScriptedApi(tmp_path, script)
        api.__enter__()
        cluster = KubernetesCluster(connect(api.kubeconfig(tmp_path, **given)))
        closers.extend((cluster.close, api.__exit__))
        return api, cluster

    yield open_api
    for close in closers:
        close()
