"""Images for the fleet's hosts: their parts are uploaded first, then a name stands for them."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from mayfly.domain.architecture import Architecture
from mayfly.server.api.access import Caller, may
from mayfly.server.api.blobs import BODY, Digest, checked
from mayfly.server.api.said import REFUSALS, Asked, Said
from mayfly.server.images import forget_image, image_key, name_image
from mayfly.server.people.roles import Action
from mayfly.server.refusals import Conflict, NotFound
from mayfly.store.rows import ImageRow

ImageName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Part = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

_MOST_PARTS = 32


class ImageSaid(Said):
    """`digest` is of the manifest; `by` is who pushed it."""

    name: str
    architecture: Architecture
    digest: str
    pushed: float
    by: str

    @classmethod
    def of(cls, row: ImageRow) -> Self:
        name, _, architecture = row.id.rpartition("/")
        return cls(
            name=name,
            architecture=Architecture(architecture),
            digest=row.digest,
            pushed=row.pushed,
            by=row.by,
        )


class NewImage(Asked):
    """SHA-256 of each of its parts; the first is the manifest, whose digest is the image's."""

    parts: list[Part] = Field(min_length=1, max_length=_MOST_PARTS)


def image_router(limit: int) -> APIRouter:
    """`limit` is of one part, in bytes."""
    routes = APIRouter(tags=["images"], responses=REFUSALS)
    routes.add_api_route("/images", show, methods=["GET"], summary="All images")
    routes.add_api_route(
        "/images/{image}/{architecture}",
        push,
        methods=["PUT"],
        status_code=204,
        summary="Let a name stand for an image",
    )
    routes.add_api_route(
        "/images/{image}/{architecture}",
        forget,
        methods=["DELETE"],
        status_code=204,
        summary="Remove an image",
    )
    routes.add_api_route(
        "/image-parts/{digest}",
        upload,
        methods=["PUT"],
        status_code=201,
        summary="Upload a part of an image",
        response_class=Response,
        max_body_size=limit,
        openapi_extra=BODY,
    )
    routes.add_api_route(
        "/image-parts/{digest}",
        has,
        methods=["GET"],
        status_code=204,
        summary="Whether a part of an image is there",
        response_class=Response,
    )
    return routes


async def show(caller: Annotated[Caller, may(Action.HOST_READ)]) -> list[ImageSaid]:
    rows = await caller.read(lambda view: view.find(ImageRow))
    return [ImageSaid.of(row) for row in rows]


async def push(
    image: ImageName,
    architecture: Architecture,
    wanted: NewImage,
    caller: Annotated[Caller, may(Action.HOST_MANAGE)],
) -> None:
    """Hosts take it for their next machine. Its parts must be there."""
    blobs = caller.services.blobs
    for part in wanted.parts:
        if await blobs.size(image_key(part)) is None:
            raise Conflict(f"there is no part {part}", remedy="upload it, then try again")
    unused = await caller.change(
        lambda tx, author: name_image(tx, author, image, architecture, wanted.parts)
    )
    for part in unused:
        await blobs.delete(image_key(part))


async def forget(
    image: ImageName,
    architecture: Architecture,
    caller: Annotated[Caller, may(Action.HOST_MANAGE)],
) -> None:
    """Hosts use their own image of that name from then on."""
    unused = await caller.change(lambda tx, author: forget_image(tx, author, image, architecture))
    for part in unused:
        await caller.services.blobs.delete(image_key(part))


async def upload(
    digest: Digest, request: Request, caller: Annotated[Caller, may(Action.HOST_MANAGE)]
) -> Response:
    """Streamed and checked; one that is there already is not read again."""
    blobs, key = caller.services.blobs, image_key(digest)
    if await blobs.size(key) is None:
        limit = caller.services.settings.blob_limit
        await blobs.put(key, checked(request.stream(), digest, limit))
    return Response(status_code=201)


async def has(digest: Digest, caller: Annotated[Caller, may(Action.HOST_MANAGE)]) -> Response:
    """204 or 404: for clients that need not send what is there."""
    if await caller.services.blobs.size(image_key(digest)) is None:
        raise NotFound(f"there is no part {digest}")
    return Response(status_code=204)
