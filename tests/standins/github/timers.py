"""What the stand-in does later, all of which ends with it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Timers:
    def __init__(self) -> None:
        self._handles: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        def fire() -> None:
            self._handles.discard(handle)
            act()

        handle = asyncio.get_running_loop().call_later(seconds, fire)
        self._handles.add(handle)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Waits until everything that was started has ended, and what that started."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
