"""Archives: had once, from wherever they are, and never used unchecked."""

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mayfly.domain.errors import HostCannot
from mayfly.machines.images.fetch import fetch
from mayfly.machines.images.recipe import Archive
from mayfly.system.home import Home

CONTENT = b"an archive" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Serves CONTENT, or what it is told; `asked` counts."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.status = 200
        self.asked = 0
        self.hang = threading.Event()
        self.hang.set()
        self.began = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                outer.began.set()
                outer.hang.wait()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.content)))
                self.end_headers()
                self.wfile.write(outer.content)

            def log_message(self, *_: object) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/a.tar.gz"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    yield server
    server.hang.set()
    server.http.shutdown()
    server.thread.join()
    server.http.server_close()


def kept(home: Home) -> list[str]:
    return sorted(path.name for path in (home.root / "cache" / "archives").glob("[!.]*"))


def parts(home: Home) -> list[Path]:
    return list((home.root / "cache" / "archives").glob(".part-*"))


async def test_what_was_fetched_is_kept(server: Server, tmp_path: Path) -> None:
    home = Home(tmp_path)
    for _ in range(2):
        file = await fetch(home, Archive(server.url, DIGEST))
        assert file.read_bytes() == CONTENT
    assert server.asked == 1
    assert kept(home) == [DIGEST]
    assert parts(home) == []


async def test_what_lies_there_damaged_is_fetched_again(server: Server, tmp_path: Path) -> None:
    home = Home(tmp_path)
    file = await fetch(home, Archive(server.url, DIGEST))
    file.write_bytes(b"damaged")
    assert (await fetch(home, Archive(server.url, DIGEST))).read_bytes() == CONTENT


async def test_what_is_not_what_was_meant_is_refused(server: Server, tmp_path: Path) -> None:
    home = Home(tmp_path)
    server.content = b"something else"
    found = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(HostCannot, match="cannot fetch http://127") as caught:
        await fetch(home, Archive(server.url, DIGEST))
    assert caught.value.details == f"its SHA-256 is {found}, not {DIGEST}"
    assert kept(home) == []
    assert parts(home) == []


async def test_a_remedy_names_where_to_put_it_by_hand(server: Server, tmp_path: Path) -> None:
    home = Home(tmp_path)
    server.status = 404
    with pytest.raises(HostCannot) as caught:
        await fetch(home, Archive(server.url, DIGEST))
    assert "404" in (caught.value.details or "")
    place = Path((caught.value.remedy or "").rpartition("put it at ")[2])
    await asyncio.to_thread(place.write_bytes, CONTENT)
    assert await fetch(home, Archive(server.url, DIGEST)) == place


async def test_files_are_used_where_they_are(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    file = tmp_path / "a file"
    file.write_bytes(CONTENT)
    assert await fetch(home, Archive(file.as_uri(), DIGEST)) == file
    file.write_bytes(b"changed")
    with pytest.raises(HostCannot, match="cannot fetch file:///"):
        await fetch(home, Archive(file.as_uri(), DIGEST))
    file.unlink()
    with pytest.raises(HostCannot, match="cannot fetch file:///"):
        await fetch(home, Archive(file.as_uri(), DIGEST))


async def test_a_cancelled_fetch_leaves_nothing(server: Server, tmp_path: Path) -> None:
    home = Home(tmp_path)
    server.hang.clear()
    fetching = asyncio.create_task(fetch(home, Archive(server.url, DIGEST)))
    await asyncio.to_thread(server.began.wait)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert kept(home) == []
    assert parts(home) == []


async def test_what_a_killed_fetch_left_goes_with_the_next(server: Server, tmp_path: Path) -> None:
    home = Home(tmp_path)
    folder = home.root / "cache" / "archives" / ".part-dead"
    folder.mkdir(parents=True)
    await fetch(home, Archive(server.url, DIGEST))
    assert parts(home) == []
