"""Coroutines side by side: the first of several, and what a cancellation must not cut short."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def to_the_end(work: Coroutine[Any, Any, _T]) -> _T:
    """Do this even if the caller is cancelled meanwhile, once or often; it is told afterwards.

    For what gives back machines, processes and networks. The work must not wait for long.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None and not task.cancelled() and task.exception() is None:
        raise cancelled
    return task.result()


async def first(*works: Coroutine[Any, Any, object]) -> None:
    """Returns when one of them has ended, and raises what it raised; the others are cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await stop(*tasks)


async def stop(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel tasks and wait until they have ended, however that is."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    if running:
        await to_the_end(_ended(running))


async def _ended(tasks: "list[asyncio.Task[Any]]") -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
