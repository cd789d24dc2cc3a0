"""The cache of actions under several users at once, and servers that behave badly."""

import asyncio
import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.services.gitting import clone, commit, new_repository, run_git

from mayfly.services.action_store import ActionSource, ActionStore, ActionUnavailable
from mayfly.services.config import ActionSettings
from mayfly.services.scratch import scratch
from mayfly.workflow.actions import RemoteAction

TOOL = RemoteAction("octo", "tool", "", "v1")


@contextlib.contextmanager
def store(folder: Path, server: str) -> Iterator[ActionStore]:
    """One run's view of the cache in `folder`."""
    with scratch(folder / "work") as work:
        yield ActionStore(ActionSettings(server), folder / "cache", work)


async def published(folder: Path) -> str:
    """Repository octo/tool with tag v1 at the commit that is returned, and another after it."""
    root = await new_repository(folder / "octo/tool")
    sha = await commit(root, {"action.yml": "one"})
    await run_git(root, "tag", "v1")
    await commit(root, {"action.yml": "two"})
    return sha


def text(source: ActionSource) -> str:
    return (source.read("action.yml", 100) or b"").decode()


async def test_runs_that_fetch_the_same_at_once(tmp_path: Path) -> None:
    sha = await published(tmp_path / "server")
    url = (tmp_path / "server").as_uri()
    with store(tmp_path, url) as one, store(tmp_path, url) as other:
        sources = await asyncio.gather(*(run.get(TOOL) for run in (one, other, one, other)))
        assert {text(source) for source in sources} == {"one"}
    assert list((tmp_path / "work").iterdir()) == []
    assert sorted(p.name for p in (tmp_path / "cache/octo/tool").iterdir()) == [sha]


async def test_a_ref_means_the_same_all_through_a_run(tmp_path: Path) -> None:
    await published(tmp_path / "server")
    with store(tmp_path, (tmp_path / "server").as_uri()) as run:
        before = await run.get(TOOL)
        await run_git(tmp_path / "server/octo/tool", "tag", "-f", "v1")
        assert await run.get(TOOL) == before


async def test_a_tag_comes_before_a_branch_of_the_same_name(tmp_path: Path) -> None:
    await published(tmp_path / "server")
    await run_git(tmp_path / "server/octo/tool", "branch", "v1")
    with store(tmp_path, (tmp_path / "server").as_uri()) as run:
        assert text(await run.get(TOOL)) == "one"


async def test_links_in_an_action_are_not_followed_here(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "server/octo/tool")
    (root / "action.yml").symlink_to("/etc/passwd")
    await commit(root, {"x": ""})
    await run_git(root, "tag", "v1")
    with store(tmp_path, (tmp_path / "server").as_uri()) as run:
        assert (await run.get(TOOL)).read("action.yml", 100) is None


async def test_a_cancelled_fetch_leaves_nothing(tmp_path: Path) -> None:
    await published(tmp_path / "server")
    with silent_server() as (url, asked):
        with store(tmp_path, url) as run:
            fetching = asyncio.create_task(run.get(TOOL))
            await asyncio.to_thread(asked.wait)
            fetching.cancel()
            with pytest.raises(asyncio.CancelledError):
                await fetching
        assert list((tmp_path / "work").iterdir()) == []
        assert not (tmp_path / "cache").exists()


async def test_a_server_that_never_answers_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mayfly.services.action_server._ANSWER_SECONDS", 0.5)
    monkeypatch.setattr("mayfly.services.action_server._CONCURRENT", 1)
    with silent_server() as (url, asked), store(tmp_path, url) as run:
        with pytest.raises(ActionUnavailable, match=r"no answer within 0\.5 seconds"):
            await run.get(TOOL)
        asked.clear()
        with pytest.raises(ActionUnavailable, match="cannot be reached"):
            await run.get(RemoteAction("octo", "other", "", "v1"))
        assert not asked.is_set()


@pytest.mark.parametrize("pinned", [False, True])
async def test_a_server_that_only_serves_files(tmp_path: Path, pinned: bool) -> None:
    sha = await published(tmp_path / "source")
    bare = tmp_path / "server/octo/tool"
    bare.parent.mkdir(parents=True)
    await clone(tmp_path / "source/octo/tool", bare, "--bare")
    await run_git(bare, "update-server-info")
    action = RemoteAction("octo", "tool", "", sha) if pinned else TOOL
    with file_server(tmp_path / "server") as url, store(tmp_path, url) as run:
        source = await run.get(action)
        assert (source.key, text(source)) == (f"octo/tool@{sha}", "one")


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        pass


class _Silent(http.server.BaseHTTPRequestHandler):
    """Takes requests and does not answer before `closed` is set."""

    asked: threading.Event
    closed: threading.Event

    def do_GET(self) -> None:
        self.asked.set()
        self.closed.wait()


@contextlib.contextmanager
def serving(
    handler: type[http.server.BaseHTTPRequestHandler] | functools.partial[_Files],
) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def file_server(folder: Path) -> Iterator[str]:
    with serving(functools.partial(_Files, directory=str(folder))) as url:
        yield url


@contextlib.contextmanager
def silent_server() -> Iterator[tuple[str, threading.Event]]:
    """Its URL, and an event that is set when it is asked."""

    class Handler(_Silent):
        asked, closed = threading.Event(), threading.Event()

    with serving(Handler) as url:
        try:
            yield url, Handler.asked
        finally:
            Handler.closed.set()
