"""What all routes of agents do: who asks, what is said in the words of `protocol.wire`."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from mayfly.protocol import codec, wire
from mayfly.server.api.agent_errors import NotUnderstood
from mayfly.server.enrolment import HostKeys
from mayfly.server.refusals import TooLarge, Unauthenticated

T = TypeVar("T")

_BEARER = "bearer "


async def host_of(request: Request, keys: HostKeys) -> str:
    """Whose key is shown. Raises Unauthenticated."""
    header = request.headers.get("authorization", "")
    if not header.lower().startswith(_BEARER):
        raise Unauthenticated("agents show their host's key", remedy="mayfly agent enroll")
    return await keys.host_of(header[len(_BEARER) :].strip())


async def read(request: Request, kind: type[T], limit: int = wire.MAX_BODY) -> T:
    """The message in the body. Raises NotUnderstood and TooLarge."""
    encoding = request.headers.get("content-encoding", "")
    try:
        return wire.read(kind, wire.unpack(await request.body(), encoding, limit))
    except codec.DecodeError as error:
        raise NotUnderstood(str(error)) from None
    except OverflowError as error:
        raise TooLarge(str(error)) from None


def answer(message: Any) -> Response:
    return Response(wire.write(message), media_type="application/json")


async def stream(pieces: AsyncIterator[bytes], media_type: str) -> Response:
    """Raises what the pieces raise before the first: so it is told before the answer begins."""
    begun = await anext(pieces, b"")
    return StreamingResponse(_all(begun, pieces), media_type=media_type)


async def _all(begun: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(pieces):  # type: ignore[type-var]
        yield begun
        async for piece in pieces:
            yield piece
