"""Answers that go on for long end when the server closes, or soon after their right is lost."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from mayfly.server.api.access import Caller
from mayfly.store.base import StoreUnavailable
from mayfly.system.tasks import first, stop

LOOK_AGAIN_S = 15.0
"""How often it is looked at whether the caller still may: a lost right shows no longer."""


@contextlib.asynccontextmanager
async def while_allowed(
    caller: Caller, closing: asyncio.Event
) -> AsyncGenerator[asyncio.Event, None]:
    """An event that is set when `closing` is, or when the caller may not any more."""
    over = asyncio.Event()
    watching = asyncio.create_task(_watch(caller, closing, over))
    try:
        yield over
    finally:
        await stop(watching)


async def _watch(caller: Caller, closing: asyncio.Event, over: asyncio.Event) -> None:
    """Also over when nobody can say: the client comes back, and is asked as at first."""
    try:
        with contextlib.suppress(StoreUnavailable):
            while not closing.is_set() and await caller.may_still():
                await first(asyncio.sleep(LOOK_AGAIN_S), closing.wait())
    finally:
        over.set()
