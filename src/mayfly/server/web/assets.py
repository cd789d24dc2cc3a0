"""The files browsers load, at addresses with their digest, so that they are kept for ever."""

import hashlib
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Response

from mayfly.server.api.access import Caller, may
from mayfly.server.people.roles import Action
from mayfly.server.refusals import NotFound

router = APIRouter()

_FOREVER = "public, max-age=31536000, immutable"
_KINDS = MappingProxyType({
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
})  # fmt: skip


def _load() -> dict[str, tuple[bytes, str]]:
    """By name: the content and its kind."""
    found = {}
    for file in files(__package__).joinpath("static").iterdir():
        suffix = f".{file.name.rpartition('.')[2]}"
        if suffix in _KINDS:
            found[file.name] = (file.read_bytes(), _KINDS[suffix])
    return found


_FILES = _load()
_DIGEST = hashlib.sha256(
    b"".join(name.encode() + content for name, (content, _) in sorted(_FILES.items()))
).hexdigest()[:16]


def address(name: str) -> str:
    """Modules find each other in the same folder; KeyError for a file that is not there."""
    if name not in _FILES:
        raise KeyError(name)
    return f"/static/{_DIGEST}/{name}"


@router.get("/static/{digest}/{name}")
async def serve(digest: str, name: str, _caller: Annotated[Caller, may(Action.LOOK)]) -> Response:
    """Another digest is that of another version, in a page that was open for long."""
    known = _FILES.get(name)
    if known is None:
        raise NotFound(f"there is no file {name}")
    content, kind = known
    headers = {"Cache-Control": _FOREVER} if digest == _DIGEST else {}
    return Response(content, media_type=kind, headers=headers)
