"""What a transaction is told of those before it: which stay, and which may be undone with it."""

import asyncio
import threading

from tests.store.stores import open_with

from mayfly.store.base import Store, Tx
from mayfly.store.rows import HostRow


async def test_what_was_returned_to_its_caller_is_committed(store: Store) -> None:
    for name in "abc":
        await store.serial(lambda tx, name=name: tx.put(HostRow(id=name)))  # type: ignore[misc]

    def look(tx: Tx) -> tuple[list[str], int]:
        tx.put(HostRow(id="own"))
        certain = [row.id for row in tx.find(HostRow) if row.version <= tx.committed]
        return certain, tx.number - tx.committed

    certain, ahead = await store.serial(look)
    assert certain == ["a", "b", "c"]
    assert ahead >= 1


async def test_works_of_one_group_are_not_committed_for_each_other(url: str) -> None:
    store = await open_with(url)
    begun, gate = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(tx: Tx) -> int:
        loop.call_soon_threadsafe(begun.set)
        gate.wait()
        return tx.number

    def work(tx: Tx) -> tuple[int, int, int]:
        seen = tx.count(HostRow)
        tx.put(HostRow(id=f"h{tx.number}"))
        return tx.number, tx.committed, seen

    holding = asyncio.create_task(store.serial(hold))
    await begun.wait()
    working = [asyncio.create_task(store.serial(work)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    before = await holding
    found = await asyncio.gather(*working)
    await store.close()
    assert found == [(before + one, before, one - 1) for one in (1, 2, 3)]
