"""What a person reads when a server refuses, fails, or is none of ours."""

from collections.abc import Callable

import httpx
import pytest
from tests.virtual_time import virtual_time

from mayfly.cli.client import Client
from mayfly.cli.servers import Account
from mayfly.domain.errors import HostCannot, InvalidInput, MayflyError
from mayfly.protocol.told import END

URL = "http://server"


async def refused(response: httpx.Response, path: str = "/session") -> MayflyError:
    transport = httpx.MockTransport(lambda _request: response)
    async with Client(Account(URL, "token"), transport) as client:
        with pytest.raises(MayflyError) as caught:
            await client.get(path)
    return caught.value


async def test_a_refusal_is_told_as_the_server_puts_it() -> None:
    error = await refused(
        httpx.Response(403, json={"error": "no", "remedy": "ask", "details": "d"})
    )
    assert isinstance(error, InvalidInput)
    assert (error.message, error.remedy, error.details) == ("no", "ask", "d")


async def test_a_token_that_is_not_good_leads_to_signing_in() -> None:
    error = await refused(httpx.Response(401, json={"error": "no", "remedy": "make another"}))
    assert error.remedy == f"make another; then: mayfly login --server {URL}"


async def test_what_is_not_there_can_be_looked_up() -> None:
    error = await refused(httpx.Response(404, json={"error": "there is no job j"}), "/jobs/j")
    assert error.message == "there is no job j"
    assert "mayfly jobs" in (error.remedy or "")


async def test_a_fault_of_the_server_is_not_the_persons() -> None:
    error = await refused(httpx.Response(502, html="<h1>Bad gateway</h1>"))
    assert isinstance(error, HostCannot)
    assert error.message == f"{URL} answered 502"


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, html="<h1>It works!</h1>"),
        httpx.Response(404, html="<h1>Not Found</h1>"),
        httpx.Response(404, json={"error": "Not Found"}),  # another path of ours
        httpx.Response(301, headers={"Location": "https://server/"}),
    ],
)
async def test_another_server_is_known_as_one(response: httpx.Response) -> None:
    error = await refused(response)
    assert error.message == f"what answers at {URL} is no Mayfly server, or an old one"
    assert f"status {response.status_code}" in (error.details or "")
    assert response.headers.get("location", "") in (error.details or "")


async def test_another_server_has_nothing_of_ours() -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(404, text="no"))
    async with Client(Account(URL, "token"), transport) as client:
        with pytest.raises(InvalidInput, match="no Mayfly server"):
            await client.has("/projects/a/b")


async def test_a_server_that_is_down_is_named() -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("All connection attempts failed", request=request)

    async with Client(Account(URL, "token"), httpx.MockTransport(down)) as client:
        with pytest.raises(HostCannot, match=f"{URL} cannot be reached"):
            await client.get("/session")


async def follow(answer: Callable[[httpx.Request], httpx.Response]) -> None:
    async with Client(Account(URL, "token"), httpx.MockTransport(answer)) as client:
        async for _told in client.events("/jobs/j/log"):
            pass


def away_for(times: int) -> Callable[[httpx.Request], httpx.Response]:
    """Does not answer at first; then with the end of a stream."""
    left = iter(range(times))

    def answer(request: httpx.Request) -> httpx.Response:
        if next(left, None) is not None:
            raise httpx.ConnectError("All connection attempts failed", request=request)
        return httpx.Response(200, text=f"event: {END}\ndata: {{}}\n\n")

    return answer


@virtual_time
async def test_who_follows_hears_once_of_a_server_that_is_away_and_that_it_is_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await follow(away_for(30))
    said = capsys.readouterr()
    assert said.err == f"{URL} does not answer; trying again\n{URL} answers again\n"
    assert said.out == ""


@virtual_time
async def test_a_server_that_is_back_soon_is_not_spoken_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    await follow(away_for(2))
    assert capsys.readouterr().err == ""


@virtual_time
async def test_who_follows_gives_up_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HostCannot, match=f"{URL} cannot be reached"):
        await follow(away_for(1000))
    assert capsys.readouterr().err == f"{URL} does not answer; trying again\n"
