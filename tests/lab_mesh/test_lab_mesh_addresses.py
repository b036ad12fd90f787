"""Whose addresses a lab takes, and that nothing of it leaves loopback."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from meshvm_tui.lab import addresses
from meshvm_tui.lab.addresses import Addresses, NoAddresses
from meshvm_tui.lab.mesh.dataplane import Unreachable, connect


def test_roles_keep_their_addresses_over_a_restart(tmp_path: Path) -> None:
    first = Addresses(tmp_path, seed=1)
    api, vm = first.take("api"), first.take("vm/vm-1")
    assert api != vm
    first.close()
    second = Addresses(tmp_path, seed=2)
    assert (second.take("api"), second.take("vm/vm-1")) == (api, vm)
    second.release("api")
    assert second.take("another") == api
    second.close()


def test_a_block_that_another_lab_holds_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = Addresses(tmp_path / "a", seed=5), Addresses(tmp_path / "b", seed=5)
    assert first.take("api") != second.take("api")
    second.close()
    first.close()


def test_a_full_block_says_so(tmp_path: Path) -> None:
    block = Addresses(tmp_path, seed=3)
    for number in range(253):
        block.take(str(number))
    with pytest.raises(NoAddresses, match="no address left for one-more"):
        block.take("one-more")
    block.close()


def test_where_only_one_address_exists_pods_get_a_name_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_listen", lambda _: None)
    only = Addresses(tmp_path)
    assert only.single
    assert only.take("api") == only.take("vm/vm-1") == "127.0.0.1"
    pods = [only.take_pod("pod/default/a"), only.take_pod("pod/default/b")]
    assert pods == ["10.244.0.2", "10.244.0.3"]


def test_no_connection_leaves_this_computer() -> None:
    async def story() -> None:
        with pytest.raises(Unreachable, match="connection timeout"):
            await connect(("192.0.2.1", 80))

    asyncio.run(story())
