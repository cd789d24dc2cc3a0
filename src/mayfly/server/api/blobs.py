"""What clients send to be run: blobs, named by their SHA-256, which is checked on the way."""

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from mayfly.server.api.access import Caller, may
from mayfly.server.api.said import REFUSALS
from mayfly.server.people.roles import Action
from mayfly.server.refusals import NotFound, Refused, TooLarge
from mayfly.server.uploads import of_user, uploaded_by

Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the content")]


class _WrongContent(Refused):
    """Raised while the body is read, so that nothing is kept of it."""


def upload_router(limit: int) -> APIRouter:
    """`limit` is of one blob, in bytes."""
    routes = APIRouter(tags=["blobs"], responses=REFUSALS)
    routes.add_api_route(
        "/blobs/{digest}",
        upload,
        methods=["PUT"],
        status_code=201,
        summary="Upload a blob",
        response_class=Response,
        max_body_size=limit,
        openapi_extra=BODY,
    )
    routes.add_api_route(
        "/blobs/{digest}",
        has,
        methods=["GET"],
        status_code=204,
        summary="Whether a blob is there",
        response_class=Response,
    )
    return routes


async def upload(
    digest: Digest, request: Request, caller: Annotated[Caller, may(Action.BLOB_WRITE)]
) -> Response:
    """Streamed and checked; one that is there already is not read again."""
    limit = caller.services.settings.blob_limit
    pieces = checked(request.stream(), digest, limit)
    length = request.headers.get("content-length", "")
    await caller.services.uploads.keep(
        uploaded_by(caller.actor.user, digest),
        of_user(caller.actor.user),
        pieces,
        min(int(length), limit) if length.isdecimal() else None,
    )
    return Response(status_code=201)


async def has(digest: Digest, caller: Annotated[Caller, may(Action.BLOB_WRITE)]) -> Response:
    """204 or 404: for clients that need not send what is there."""
    if not await caller.services.uploads.has(uploaded_by(caller.actor.user, digest)):
        raise NotFound(f"there is no blob {digest}")
    return Response(status_code=204)


async def checked(pieces: AsyncIterator[bytes], digest: str, limit: int) -> AsyncIterator[bytes]:
    """The pieces, if they are what has that digest: TooLarge and Refused otherwise."""
    hashed, size = hashlib.sha256(), 0
    async for piece in pieces:
        size += len(piece)
        if size > limit:
            raise TooLarge(f"a blob has {limit} bytes at most")
        hashed.update(piece)
        yield piece
    if hashed.hexdigest() != digest:
        raise _WrongContent(f"the content has the SHA-256 {hashed.hexdigest()}, not {digest}")


BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
