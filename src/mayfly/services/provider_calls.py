"""What all providers' calls share: bounded JSON answers, and PKCE's challenge."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import httpx

from mayfly.services.sign_in import ProviderFailed

_TIMEOUT_S = 10.0
_LIMIT = 1 << 20


async def call(http: httpx.AsyncClient, method: str, address: str, **options: Any) -> Any:
    """The JSON that comes back with a status of 200. Raises ProviderFailed."""
    headers = {"Accept": "application/json", **options.pop("headers", {})}
    request = http.build_request(
        method,
        address,
        data=options.get("data"),
        params=options.get("params"),
        headers=headers,
        timeout=_TIMEOUT_S,
    )
    place = f"{method} {request.url.copy_with(query=None)}"
    try:
        response = await http.send(request, auth=options.get("auth"), stream=True)
        try:
            body = await _bounded(response, place)
        finally:
            await response.aclose()
    except httpx.HTTPError as error:
        raise ProviderFailed(
            f"{place} failed: {type(error).__name__}: {error}", remedy="try again"
        ) from None
    if response.status_code != 200:
        raise ProviderFailed(
            f"{place} answered {response.status_code}",
            remedy="sign in again; if that does not help, check the provider's settings",
            details=body[:500].decode(errors="replace"),
        )
    try:
        return httpx.Response(200, content=body).json()
    except ValueError:
        raise ProviderFailed(f"{place} answered something that is not JSON") from None


def text(said: Mapping[str, Any], key: str) -> str:
    """A text that must be there."""
    value = said.get(key) if isinstance(said, Mapping) else None
    if not isinstance(value, str) or not value:
        raise ProviderFailed(f"the provider's answer has no {key!r}")
    return value


def challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def _bounded(response: httpx.Response, place: str) -> bytes:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _LIMIT:
            raise ProviderFailed(f"{place} answered more than {_LIMIT} bytes")
    return body
