"""What a request shows of who asks, and whether a browser was made to ask by another site."""

from urllib.parse import urlsplit

from fastapi import Request

from mayfly.server.people.actors import Shown
from mayfly.server.refusals import Forbidden
from mayfly.server.services import Services

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

_BEARER = "bearer "


def shown_by(request: Request, services: Services) -> Shown:
    """A token, the cookie of a web session, or neither; and from where."""
    header = request.headers.get("authorization", "")
    token = header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else None
    address = request.client.host if request.client else ""
    return Shown(token, request.cookies.get(cookie_name(services)), address)


def cookie_name(services: Services) -> str:
    """With the prefix browsers keep other hosts from setting it, but only over HTTPS."""
    return "__Host-mayfly" if services.settings.secure else "mayfly"


def refuse_other_sites(request: Request) -> None:
    """By what browsers say of who makes them ask; other clients say nothing. Raises Forbidden."""
    headers = request.headers
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    same = site in {"same-origin", "none"} if site else not origin or _is_own(request, origin)
    if request.method not in SAFE and not same:
        raise Forbidden("another site made your browser ask for that")


def _is_own(request: Request, origin: str) -> bool:
    return urlsplit(origin).netloc == request.headers.get("host")


async def csrf_token_of(request: Request) -> str | None:
    """From the header, or from a form."""
    said = request.headers.get(CSRF_HEADER)
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if said is None and kind == "application/x-www-form-urlencoded":
        field = (await request.form()).get(CSRF_FIELD)
        said = field if isinstance(field, str) else None
    return said
