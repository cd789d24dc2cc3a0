"""Coroutines side by side, and cancellations that wait their turn."""

import asyncio
from typing import NoReturn

import pytest
from tests.virtual_time import virtual_time

from mayfly.system.tasks import first, stop, to_the_end


async def after(seconds: float, result: list[str], what: str) -> str:
    await asyncio.sleep(seconds)
    result.append(what)
    return what


async def fail(seconds: float) -> NoReturn:
    await asyncio.sleep(seconds)
    raise ZeroDivisionError


@virtual_time
async def test_to_the_end_gives_the_result() -> None:
    assert await to_the_end(after(1, [], "done")) == "done"


@virtual_time
async def test_to_the_end_raises_what_the_work_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        await to_the_end(fail(1))


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancellation_waits_for_the_end(times: int) -> None:
    @virtual_time
    async def check() -> None:
        result: list[str] = []
        task = asyncio.create_task(to_the_end(after(10, result, "done")))
        for _ in range(times):
            await asyncio.sleep(1)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert result == ["done"]

    check()


@virtual_time
async def test_a_cancellation_at_the_very_end_is_not_lost() -> None:
    result: list[str] = []
    task = asyncio.create_task(to_the_end(after(10, result, "done")))
    asyncio.get_running_loop().call_later(10, task.cancel)
    await asyncio.wait([task])
    assert result == ["done"]
    assert task.cancelled() or task.result() == "done"


@virtual_time
async def test_first_cancels_the_others() -> None:
    result: list[str] = []
    await first(after(1, result, "a"), after(2, result, "b"))
    await asyncio.sleep(5)
    assert result == ["a"]


@virtual_time
async def test_first_raises_what_the_first_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        await first(fail(1), after(2, [], "b"))


@virtual_time
async def test_first_can_be_cancelled() -> None:
    result: list[str] = []
    task = asyncio.create_task(first(after(5, result, "a"), after(6, result, "b")))
    await asyncio.sleep(1)
    await stop(task)
    await asyncio.sleep(10)
    assert result == []


@virtual_time
async def test_stop_waits_for_clean_up() -> None:
    tidied = []

    async def work() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(5)
            tidied.append(True)

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    await stop(task, None)
    assert tidied == [True]
