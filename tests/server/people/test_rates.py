"""How often something may be tried, by one who is quick and by several servers at once."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly.server.people.rates import Limit, forget_full, source_of, take, use_up
from mayfly.server.refusals import TooMany
from mayfly.store.memory import MemoryStore
from mayfly.store.people import RateRow

LIMIT = Limit("try of", burst=3, every_s=10.0)


async def tries(store: MemoryStore, *times: float, who: str = "ann") -> list[bool]:
    done = []
    for now in times:
        try:
            await use_up(store, LIMIT, who, now)
            done.append(True)
        except TooMany:
            done.append(False)
    return done


async def test_so_many_at_once_and_then_one_at_a_time() -> None:
    store = MemoryStore()
    assert await tries(store, 0, 0, 0, 0) == [True, True, True, False]
    assert await tries(store, 9.9, 10, 10, 20, 20) == [False, True, False, True, False]
    assert await tries(store, 1000, 1000, 1000, 1000) == [True, True, True, False]


async def test_each_has_their_own() -> None:
    store = MemoryStore()
    await tries(store, 0, 0, 0)
    assert await tries(store, 0, who="bob") == [True]


async def test_one_is_told_when_to_try_again() -> None:
    store = MemoryStore()
    await tries(store, 0, 0, 0)
    with pytest.raises(TooMany) as refused:
        await use_up(store, LIMIT, "ann", 4.0)
    assert refused.value.wait_s == 6
    assert await tries(store, 4.0 + refused.value.wait_s) == [True]


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_never_more_than_the_limit_in_any_time(gaps: list[float]) -> None:
    row = RateRow(id="x", left=LIMIT.burst, at=0.0, until=0.0)
    now, done = 0.0, []
    for gap in gaps:
        now += gap
        taken = take(row, LIMIT, now)
        if isinstance(taken, RateRow):
            row = taken
            done.append(now)
        else:
            assert 0 < taken <= LIMIT.every_s
    for index, first in enumerate(done):
        for number, last in enumerate(done[index:], 1):
            assert number <= LIMIT.burst + (last - first) / LIMIT.every_s + 1e-6


def test_a_clock_that_goes_back_gives_nothing() -> None:
    row = RateRow(id="x", left=0.5, at=100.0, until=0.0)
    assert not isinstance(take(row, LIMIT, 50.0), RateRow)


class Contended(MemoryStore):
    """Another server is quicker, so often: it takes what we are about to take."""

    def __init__(self, quicker: int):
        super().__init__()
        self.quicker = quicker

    async def write(self, work: Any) -> Any:
        if not self.quicker:
            return await super().write(work)
        self.quicker -= 1
        mine = await super().write(work)
        return mine and False  # what was written is theirs; our guarded update finds it changed


async def test_servers_that_try_at_once_take_turns() -> None:
    assert await tries(Contended(quicker=1), 0, 0, 0) == [True, True, False]


async def test_several_at_once_share_one_bucket() -> None:
    store = MemoryStore()
    done = await asyncio.gather(*(tries(store, 0.0) for _ in range(8)))
    assert [one for [one] in done].count(True) == LIMIT.burst


async def test_full_buckets_are_forgotten() -> None:
    store = MemoryStore()
    await tries(store, 0, 0)
    await store.serial(lambda tx: forget_full(tx, 19.9))
    assert await store.read(lambda view: view.count(RateRow)) == 1
    await store.serial(lambda tx: forget_full(tx, 20.1))
    assert await store.read(lambda view: view.count(RateRow)) == 0


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_addresses_of_one_network_are_one_source(address: str, source: str) -> None:
    assert source_of(address) == source
