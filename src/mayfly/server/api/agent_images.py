"""Images as agents ask for them: the digest that a name stands for, and parts by their SHA-256."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mayfly.protocol import wire
from mayfly.server.api.agent_errors import AgentRoute
from mayfly.server.api.agent_requests import answer, host_of, read, stream
from mayfly.server.enrolment import HostKeys
from mayfly.server.images import image_key, row_id
from mayfly.store.base import Store
from mayfly.store.blobs import BlobStore
from mayfly.store.rows import ImageRow


def router(keys: HostKeys, store: Store, blobs: BlobStore) -> APIRouter:
    """Open to every host that is enrolled."""
    routes = APIRouter(prefix=wire.PREFIX, route_class=AgentRoute, include_in_schema=False)
    serving = _Serving(keys, store, blobs)
    for path, handler in {"/images": serving.image, "/images/part": serving.part}.items():
        routes.add_api_route(path, handler, methods=["POST"], max_body_size=wire.MAX_BODY)
    return routes


@dataclass(frozen=True, slots=True)
class _Serving:
    keys: HostKeys
    store: Store
    blobs: BlobStore

    async def image(self, request: Request) -> Response:
        await host_of(request, self.keys)
        asked = await read(request, wire.OfImage)
        key = row_id(asked.name, asked.architecture)
        row = await self.store.read(lambda view: view.get(ImageRow, key))
        return answer(wire.ImageFound(row.digest if row else None))

    async def part(self, request: Request) -> Response:
        await host_of(request, self.keys)
        asked = await read(request, wire.OfPart)
        pieces: AsyncIterator[bytes] = self.blobs.open(image_key(asked.sha256))
        return await stream(pieces, "application/octet-stream")
