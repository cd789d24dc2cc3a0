"""`mayfly logs` of a job whose log is kept no longer."""

import httpx
import pytest

from mayfly.cli import logs
from mayfly.cli.client import Client
from mayfly.cli.servers import Account
from mayfly.domain.job import JobState

GONE = "the log of job j was deleted on 2026-01-02: its time was over"


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/api/v1/jobs/j":
        return httpx.Response(200, json={"id": "j", "state": "failed"})
    return httpx.Response(410, json={"error": GONE})


async def test_it_is_said_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    async with Client(Account("http://server", "token"), httpx.MockTransport(answer)) as client:
        await logs._print_all(client, "j")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"{GONE}\n")


async def test_who_follows_leaves_with_the_end_of_the_job_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with Client(Account("http://server", "token"), httpx.MockTransport(answer)) as client:
        assert await logs._follow(client, "j") is JobState.FAILED
    assert capsys.readouterr().err == f"{GONE}\n"
