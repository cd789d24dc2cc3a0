"""Brings a source from the server to a machine; goes on where it broke off, if it is the same."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from mayfly.agent.backoff import Backoff
from mayfly.agent.connection import Unreachable
from mayfly.domain.errors import MayflyError

_TRIES = 6
_STALL_S = 60.0

Stream = Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]
"""Begins anew with each call. Raises what `agent.connection` says."""


class SourceFailed(MayflyError):
    """A source could not be brought here whole."""


async def fetch(stream: Stream) -> AsyncGenerator[bytes, None]:
    """The bytes of the stream, each once. Raises SourceFailed after some tries without progress."""
    given, digest = 0, hashlib.sha256()
    backoff = Backoff()
    tries = 0
    while True:
        try:
            async with stream() as pieces:
                begun = _Begun(given, digest.digest())
                while (piece := await _next(pieces)) is not None:
                    if rest := begun.rest(piece):
                        given += len(rest)
                        digest.update(rest)
                        tries = 0
                        backoff.reset()
                        yield rest
                begun.ended()
                return
        except Unreachable as error:
            tries += 1
            if tries == _TRIES:
                raise SourceFailed(
                    f"a source did not come from the server: {error}",
                    remedy="see that the server can be reached from this host",
                ) from error
        await backoff.pause()


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    try:
        async with asyncio.timeout(_STALL_S):
            return await anext(pieces, None)
    except TimeoutError:
        raise Unreachable(f"nothing came for {_STALL_S:g} s") from None


class _Begun:
    """Passes over what was given before, and sees that it is the same again."""

    def __init__(self, given: int, digest: bytes):
        self._left = given
        self._digest = digest
        self._again = hashlib.sha256()

    def rest(self, piece: bytes) -> bytes:
        if not self._left:
            return piece
        known, rest = piece[: self._left], piece[self._left :]
        self._left -= len(known)
        self._again.update(known)
        if not self._left and self._again.digest() != self._digest:
            raise SourceFailed("a source changed while it was brought here; run the job again")
        return rest

    def ended(self) -> None:
        if self._left:
            raise SourceFailed("a source became shorter while it was brought here")
