"""One request to GitHub: within the budget, with a token that works, its answer bounded and typed.

Nothing is repeated but after 401, once, with a new token: callers look at absolute state again.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from gidgethub import sansio

from mayfly.domain.errors import InvalidInput
from mayfly.forges.github import answers
from mayfly.forges.github.answers import Answer
from mayfly.forges.github.auth import Clock, Credential
from mayfly.forges.github.budget import Budget, Kind
from mayfly.forges.github.errors import RateLimited, ServerTrouble, Unauthorised, Unreadable

MAX_ANSWER = 16 * 2**20  # bytes
PATIENCE = 5.0  # seconds that a request waits for its budget, rather than being refused
_DEADLINE = 60.0  # seconds for a request and its whole answer
_MOST_AT_ONCE = 60  # of the 100 that GitHub bears, for there may be other servers
_MAX_PAGES = 100
_KEPT_ANSWERS = 2000
_KEPT_BYTES = 256 * 1024  # of one answer
_VERSION = "2022-11-28"


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom a request is made; `name` is unique. Without a credential: who has none yet."""

    name: str
    budget: Budget
    credential: Credential | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is a template such as `orgs/{org}/actions/runners`, filled in from `variables`.

    `polled`: asked again and again, so the answer is kept, and costs nothing while it is the same.
    """

    method: str
    path: str
    variables: Mapping[str, str | int] = field(default_factory=dict)
    body: Any = None
    kind: Kind = Kind.READ
    polled: bool = False

    def __str__(self) -> str:
        return f"{self.method} {sansio.format_url(self.path, self.variables, base_url='')}"


@dataclass(frozen=True, slots=True)
class _Kept:
    etag: str
    body: bytes
    headers: dict[str, str]


class Transport:
    """All requests to one GitHub. Calls may be made concurrently; the caller closes `http`."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, clock: Clock):
        """`base_url` is `https://api.github.com`, or `https://HOST/api/v3` of an own server."""
        if httpx.URL(base_url).scheme not in {"http", "https"}:
            raise InvalidInput(f"{base_url!r} is no address of a GitHub")
        self._http = http
        self._base = base_url.rstrip("/")
        self._clock = clock
        self._at_once = asyncio.Semaphore(_MOST_AT_ONCE)
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def send(self, request: Request, identity: Identity) -> Answer:
        """Raises GitHubError."""
        url = sansio.format_url(request.path, request.variables, base_url=self._base)
        return await self._authorised(request, url, identity)

    async def pages(self, request: Request, identity: Identity) -> list[Any]:
        """The data of all pages of a list, 100 entries each."""
        variables = {**request.variables, "per_page": 100}
        url = sansio.format_url(request.path, variables, base_url=self._base)
        pages = []
        for _ in range(_MAX_PAGES):
            answer = await self._authorised(request, url, identity)
            pages.append(answer.data)
            if answer.next is None:
                return pages
            url = self._own(answer.next, request)
        raise Unreadable(f"GitHub answers {request} with more than {_MAX_PAGES} pages")

    def _own(self, url: str, request: Request) -> str:
        """Tokens go to no other host, whatever an answer says."""
        if not url.startswith(f"{self._base}/"):
            raise Unreadable(f"GitHub's answer to {request} continues at another place, {url}")
        return url

    async def _authorised(self, request: Request, url: str, identity: Identity) -> Answer:
        credential = identity.credential
        if credential is None:
            return await self._budgeted(request, url, identity, None)
        token = await credential.get()
        try:
            return await self._budgeted(request, url, identity, token)
        except Unauthorised:
            credential.refused(token)
        token = await credential.get()
        return await self._budgeted(request, url, identity, token)

    async def _budgeted(
        self, request: Request, url: str, identity: Identity, token: str | None
    ) -> Answer:
        budget = identity.budget
        await self._granted(request, budget)
        seen: answers.Limits | None = None
        try:
            async with self._at_once:
                key = (identity.name, url)
                status, headers, body = await self._exchange(request, key, token)
            seen = answers.limits(headers)
            return answers.read(str(request), status, headers, body, self._clock())
        except RateLimited as error:
            budget.block(error.until)
            raise
        finally:
            budget.answered(seen)

    async def _granted(self, request: Request, budget: Budget) -> None:
        deadline = self._clock() + PATIENCE
        while (wait := budget.take(request.kind, self._clock())) > 0:
            if self._clock() + wait > deadline:
                until = self._clock() + wait
                raise RateLimited(f"no more requests to GitHub for now: {request} waits", until)
            await asyncio.sleep(wait)

    async def _exchange(
        self, request: Request, key: tuple[str, str], token: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        headers = sansio.create_headers("mayfly", jwt=token)
        headers["x-github-api-version"] = _VERSION
        content = None
        if request.body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(request.body).encode()
        kept = self._kept.get(key) if request.polled else None
        if kept is not None:
            headers["if-none-match"] = kept.etag
        status, answered, body = await self._fetch(request, key[1], headers, content)
        if status == 304 and kept is not None:
            self._kept.move_to_end(key)
            return 200, {**kept.headers, **answered}, kept.body
        if request.polled and status == 200:
            self._keep(key, answered, body)
        return status, answered, body

    async def _fetch(
        self, request: Request, url: str, headers: dict[str, str], content: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            async with (
                asyncio.timeout(_DEADLINE),
                self._http.stream(
                    request.method,
                    url,
                    headers=headers,
                    content=content,
                    follow_redirects=request.method == "GET",
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        raise Unreadable(f"GitHub's answer to {request} is too large")
                return response.status_code, response.headers, bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise ServerTrouble(f"GitHub did not answer {request}: {reason}") from error

    def _keep(self, key: tuple[str, str], headers: Mapping[str, str], body: bytes) -> None:
        etag = headers.get("etag")
        if etag is None or len(body) > _KEPT_BYTES:
            return
        told = {name: headers[name] for name in ("content-type", "link") if name in headers}
        self._kept[key] = _Kept(etag, body, told)
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT_ANSWERS:
            self._kept.popitem(last=False)
