"""File locks that the kernel releases when their holder ends, however it ends."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

_POLL_SECONDS = 0.1


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, made when missing; for short sections only, as it blocks."""
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextlib.asynccontextmanager
async def locked_async(path: Path) -> AsyncIterator[bool]:
    """Hold the lock of a file; gives whether another holder had to be waited for.

    Polls, so that waiting can be cancelled, which a thread that blocks in flock cannot.
    """
    with _opened(path) as descriptor:
        waited = False
        while not _take(descriptor):
            waited = True
            await asyncio.sleep(_POLL_SECONDS)
        yield waited


@contextlib.contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Gives whether the lock could be taken at once; holds it if so."""
    with _opened(path) as descriptor:
        yield _take(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
