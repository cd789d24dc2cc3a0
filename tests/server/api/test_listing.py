"""Lists page by page: nothing twice, nothing left out, while rows come and go."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly.domain.errors import InvalidInput
from mayfly.server.api.listing import page
from mayfly.store.base import Tx
from mayfly.store.memory import MemoryStore


@dataclass(frozen=True, slots=True)
class Thing:
    id: str
    number: int = 0
    time: float = 0.0
    group: str = "a"


async def filled(values: list[int]) -> MemoryStore:
    store = MemoryStore()
    rows = [
        Thing(f"{index:03d}", value, value / 7, "ab"[index % 2])
        for index, value in enumerate(values)
    ]

    def work(tx: Tx) -> None:
        for row in rows:
            tx.add(row)

    await store.serial(work)
    return store


async def pages(store: MemoryStore, order: str, limit: int, **conditions: Any) -> list[Thing]:
    found: list[Thing] = []
    after = None
    while True:
        rows, after = await store.read(
            lambda view, after=after: page(view, Thing, order, limit, after, **conditions)  # type: ignore[misc]
        )
        assert len(rows) <= limit
        found += rows
        if after is None:
            return found


@given(
    st.lists(st.integers(0, 3), max_size=60),
    st.sampled_from(["id", "-id", "number", "-number", "time", "-time"]),
    st.integers(1, 9),
)
def test_pages_together_are_the_list(values: list[int], order: str, limit: int) -> None:
    async def work() -> None:
        store = await filled(values)
        whole = await store.read(lambda view: view.find(Thing, order=order, group="a"))
        assert await pages(store, order, limit, group="a") == whole

    asyncio.run(work())


async def test_what_comes_meanwhile_moves_nothing() -> None:
    store = await filled([5, 4, 3, 2, 1])
    first, after = await store.read(lambda view: page(view, Thing, "-number", 2, None))
    await store.serial(lambda tx: tx.add(Thing("new", 9, 9.0)))
    await store.serial(lambda tx: tx.delete(Thing, first[-1].id))
    second, _ = await store.read(lambda view: page(view, Thing, "-number", 2, after))
    assert [row.number for row in first + second] == [5, 4, 3, 2]


@pytest.mark.parametrize(
    "cursor", ["", "x", "bnVsbA", "WzFd", "WyJhIiwiYiJd", "W05hTiwiYSJd", "WzFlOTk5LCJhIl0", "é"]
)
async def test_what_is_no_cursor_of_the_list_is_refused(cursor: str) -> None:
    store = await filled([1])
    with pytest.raises(InvalidInput):
        await store.read(lambda view: page(view, Thing, "number", 2, cursor))
