"""Runs what blocks in the kernel outside the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Call a function in a thread of its own, which ends with it.

    A cancelled call waits for the thread, so that descriptors it uses can be closed afterwards; a
    result that has a `close` method is closed then.
    """
    executor = ThreadPoolExecutor(max_workers=1)
    running = asyncio.get_running_loop().run_in_executor(
        executor, partial(function, *args, **kwargs)
    )
    executor.shutdown(wait=False)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if running.exception() is None and hasattr(unwanted := running.result(), "close"):
            unwanted.close()
        raise
