"""Requests and answers that no GitHub would make."""

import asyncio
from collections.abc import Callable, Coroutine

import httpx
import pytest
from tests.virtual_time import virtual_time

from mayfly.domain.errors import InvalidInput
from mayfly.forges.github import transport
from mayfly.forges.github.budget import Budget, Kind, registrations
from mayfly.forges.github.errors import RateLimited, ServerTrouble, Unreadable
from mayfly.forges.github.transport import Identity, Request, Transport

BASE = "https://ghe.example/api/v3"
LIST = Request("GET", "things{?per_page}")
Answering = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


def now() -> float:
    return asyncio.get_running_loop().time()


class Fixed:
    """A credential that never changes."""

    async def get(self) -> str:
        return "secret"

    def refused(self, token: str) -> None:
        pass


def identity() -> Identity:
    return Identity("me", Budget(registrations()), Fixed())


def reaching(answering: Answering) -> Transport:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answering))
    return Transport(http, f"{BASE}/", now)


@pytest.mark.parametrize("address", ["", "ghe.example", "file:///etc", "ftp://x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        Transport(httpx.AsyncClient(), address, now)


@virtual_time
async def test_values_stay_in_their_place_of_the_address() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=str(request.url))

    request = Request("GET", "orgs/{org}/x{?name}", {"org": "a/../b?c", "name": "d&e=f"})
    said = await reaching(answer).send(request, identity())
    assert said.data == f"{BASE}/orgs/a%2F..%2Fb%3Fc/x?name=d%26e%3Df"


@virtual_time
async def test_the_token_follows_no_page_to_another_host() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "ghe.example"
        return httpx.Response(
            200, json=[], headers={"link": '<https://evil.example/2>; rel="next"'}
        )

    with pytest.raises(Unreadable, match="another place"):
        await reaching(answer).pages(LIST, identity())


@virtual_time
async def test_the_token_follows_no_redirect_to_another_host() -> None:
    seen = []

    async def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, request.headers.get("authorization")))
        if request.url.host == "ghe.example":
            return httpx.Response(301, headers={"location": "https://evil.example/"})
        return httpx.Response(200, json=[])

    await reaching(answer).send(Request("GET", "x"), identity())
    assert seen == [("ghe.example", "bearer secret"), ("evil.example", None)]


@virtual_time
async def test_pages_without_end_are_given_up() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[], headers={"link": f'<{BASE}/things?page=2>; rel="next"'})

    with pytest.raises(Unreadable, match="more than 100 pages"):
        await reaching(answer).pages(LIST, identity())


@virtual_time
async def test_answers_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER", 1000)

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"[" + b" " * 2000)

    with pytest.raises(Unreadable, match="too large"):
        await reaching(answer).send(Request("GET", "x"), identity())


@virtual_time
async def test_no_answer_in_time_is_trouble_and_so_is_no_connection() -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(10_000)
        raise AssertionError

    async def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ServerTrouble, match="TimeoutError"):
        await reaching(never).send(Request("GET", "x"), identity())
    assert now() == pytest.approx(60, abs=0.1)
    with pytest.raises(ServerTrouble, match="refused"):
        await reaching(broken).send(Request("GET", "x"), identity())


@virtual_time
async def test_a_page_of_a_proxy_is_trouble() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"<html>", headers={"content-type": "application/json"})

    with pytest.raises(ServerTrouble, match="not JSON"):
        await reaching(answer).send(Request("GET", "x"), identity())


@virtual_time
async def test_short_waits_are_waited_and_long_ones_refused() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[])

    me = identity()
    reach = reaching(answer)
    me.budget.block(now() + 4)
    await reach.send(Request("GET", "x"), me)
    assert now() == pytest.approx(4, abs=0.1)
    me.budget.block(now() + 6)
    with pytest.raises(RateLimited) as caught:
        await reach.send(Request("GET", "x"), me)
    assert caught.value.until == pytest.approx(10, abs=0.1)


@virtual_time
async def test_not_more_than_a_bound_at_once_and_cancelled_ones_give_their_place_back() -> None:
    running = most = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await asyncio.sleep(1)
        finally:
            running -= 1
        return httpx.Response(200, json=[])

    reach, me = reaching(answer), identity()
    tasks = [asyncio.ensure_future(reach.send(Request("GET", "x"), me)) for _ in range(100)]
    await asyncio.sleep(0.5)
    for task in tasks[:50]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 60
    assert sum(not task.cancelled() for task in tasks) == 50
    assert me.budget._in_flight == 0


@virtual_time
async def test_a_poll_that_did_not_change_gives_the_kept_answer() -> None:
    asked = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("if-none-match"))
        if asked[-1] == '"1"':
            return httpx.Response(304)
        return httpx.Response(200, json=["kept"], headers={"etag": '"1"'})

    reach, me = reaching(answer), identity()
    poll = Request("GET", "things{?per_page}", kind=Kind.POLL, polled=True)
    for _ in range(2):
        assert await reach.pages(poll, me) == [["kept"]]
    other = Identity("other", me.budget, me.credential)
    assert await reach.pages(poll, other) == [["kept"]]
    assert asked == [None, '"1"', None]


@virtual_time
async def test_what_is_not_polled_is_asked_anew() -> None:
    asked = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("if-none-match"))
        return httpx.Response(200, json=[len(asked)], headers={"etag": '"1"'})

    reach, me = reaching(answer), identity()
    read = Request("GET", "things{?per_page}")
    poll = Request("GET", "things{?per_page}", kind=Kind.POLL, polled=True)
    for count, request in enumerate((read, poll, read), 1):
        assert await reach.pages(request, me) == [[count]]
    assert asked == [None, None, None]


@pytest.mark.parametrize(
    "unkept",
    [
        httpx.Response(200, json=[]),
        httpx.Response(200, json=["x" * 300_000], headers={"etag": '"1"'}),
    ],
)
@virtual_time
async def test_answers_without_a_tag_and_large_ones_are_not_kept(unkept: httpx.Response) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        assert "if-none-match" not in request.headers
        return httpx.Response(200, content=unkept.content, headers=unkept.headers)

    reach, me = reaching(answer), identity()
    poll = Request("GET", "x", kind=Kind.POLL, polled=True)
    for _ in range(2):
        assert (await reach.send(poll, me)).data == unkept.json()


@virtual_time
async def test_the_answers_kept_are_bounded_the_longest_unused_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "_KEPT_ANSWERS", 2)

    async def answer(request: httpx.Request) -> httpx.Response:
        if "if-none-match" in request.headers:
            return httpx.Response(304)
        asked.append(request.url.path[-1])
        return httpx.Response(200, json=[], headers={"etag": '"1"'})

    asked: list[str] = []
    reach, me = reaching(answer), identity()
    for path in "abacab":
        await reach.send(Request("GET", path, kind=Kind.POLL, polled=True), me)
    assert asked == ["a", "b", "c", "b"]
