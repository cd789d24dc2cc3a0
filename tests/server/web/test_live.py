"""News for open pages: at once, not too often, and an end when the server stops."""

import asyncio
from collections.abc import AsyncGenerator

from fastapi.sse import ServerSentEvent
from tests.virtual_time import virtual_time

from mayfly.server.web.live import CHANGED, news
from mayfly.store.memory import MemoryStore
from mayfly.system.tasks import stop


async def announced(store: MemoryStore, times: int = 1) -> None:
    for _ in range(times):
        await store.write(lambda tx: tx.announce("topic"))


async def comes(stream: AsyncGenerator[ServerSentEvent, None], seconds: float) -> bool:
    """Whether there is news within that time."""
    waiting = asyncio.ensure_future(anext(stream))
    done, _ = await asyncio.wait([waiting], timeout=seconds)
    if done:
        assert waiting.result().event == CHANGED
        return True
    await stop(waiting)
    return False


@virtual_time
async def test_there_is_news_at_first_and_then_when_something_happens() -> None:
    store = MemoryStore()
    stream = news(store.watch("topic"), asyncio.Event())
    assert await comes(stream, 0.1)
    await announced(store)
    assert await comes(stream, 0.1)
    assert not await comes(stream, 60)


@virtual_time
async def test_a_thousand_changes_are_one_piece_of_news_a_second() -> None:
    store = MemoryStore()
    loop = asyncio.get_running_loop()
    stream = news(store.watch("topic"), asyncio.Event())
    await anext(stream)
    await announced(store, 1000)
    await anext(stream)
    before = loop.time()
    await announced(store, 1000)
    await anext(stream)
    assert loop.time() - before >= 0.99
    assert not await comes(stream, 60)


@virtual_time
async def test_it_ends_when_the_server_stops() -> None:
    closing = asyncio.Event()
    stream = news(MemoryStore().watch("topic"), closing)
    await anext(stream)
    asyncio.get_running_loop().call_later(5, closing.set)
    assert [event async for event in stream if event.event != CHANGED] == []


@virtual_time
async def test_it_ends_after_a_while_so_that_rights_are_looked_at_again() -> None:
    stream = news(MemoryStore().watch("topic"), asyncio.Event())
    loop = asyncio.get_running_loop()
    before = loop.time()
    assert len([event async for event in stream]) == 1
    assert loop.time() - before < 3600
