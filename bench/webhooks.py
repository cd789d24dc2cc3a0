"""`python -m bench.webhooks`: how fast webhooks are accepted and stored, on SQLite and PostgreSQL.

One server process with all its loops, one process that sends over loopback connections, each
request when the one before was answered. Bodies are 12 KB and signed; one in ten is of a job for
this server. No GitHub is there to be asked about it. Databases write to disk as they do for users.
"""

import argparse
import asyncio
import json
import logging
import multiprocessing
import tempfile
import time
import uuid
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.postgres import started
from tests.replicas.site import free_port
from tests.standins.github.base import private_key

from mayfly.forges.github.events import sign
from mayfly.server.config import ServerConfig
from mayfly.server.github.connecting import connect
from mayfly.server.logs import configure_logs
from mayfly.server.main import opened, serve
from mayfly.server.people.audit import Author
from mayfly.store.forge_rows import AppRow
from mayfly.system.home import Home

_SECRET = "0123456789abcdef"  # noqa: S105 (of this measurement alone)
_APP = 7
_CONNECTIONS = 16
_POSTGRES = "listen_addresses = ''\nshared_buffers = 256MB"  # the rest as it comes
AIMS = {"SQLite": "≥ 300/s, p99 ≤ 50 ms", "PostgreSQL": "≥ 500/s, p99 ≤ 50 ms"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000, help="webhooks sent")
    count = parser.parse_args().count
    table = Table("database", "accepted", "p50", "p99", "aim", title="Webhooks")
    for database, found in measure(count).items():
        table.add_row(database, *found, AIMS[database])
    Console().print(table)


def measure(count: int) -> dict[str, tuple[str, str, str]]:
    """Webhooks a second, the median and the 99th percentile of their answers, by database."""
    with tempfile.TemporaryDirectory() as folder:
        found = {"SQLite": _measured(f"sqlite:///{folder}/bench.db", count)}
    with started(_POSTGRES) as server:
        found["PostgreSQL"] = _measured(server.url(server.create()), count)
    return found


def _measured(database: str, count: int) -> tuple[str, str, str]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(database, theirs))
    process.start()
    try:
        port = ours.recv()
        asyncio.run(_send(port, list(_requests(count // 10))))  # until all is warm
        begun = time.perf_counter()
        latencies = sorted(asyncio.run(_send(port, list(_requests(count)))))
        seconds = time.perf_counter() - begun
    finally:
        ours.send("stop")
        process.join()
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
    return f"{count / seconds:.0f}/s", f"{p50:.1f} ms", f"{p99:.1f} ms"


def _requests(count: int) -> Iterator[bytes]:
    """Whole HTTP requests, signed."""
    for number in range(count):
        label = "ubuntu-latest" if number % 10 else "mayfly-4cpu-16gb"
        body = json.dumps(_payload(uuid.uuid4().int >> 80, label)).encode()
        lines = (
            "POST /webhooks/github HTTP/1.1",
            "host: localhost",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "x-github-event: workflow_job",
            f"x-github-delivery: {uuid.uuid4()}",
            f"x-github-hook-installation-target-id: {_APP}",
            f"x-hub-signature-256: {sign(body, _SECRET)}",
        )
        yield "\r\n".join((*lines, "", "")).encode() + body


def _payload(number: int, label: str) -> dict[str, Any]:
    """Of a job that was queued; `filler` stands for what nobody reads."""
    job = {
        "id": number,
        "run_id": number,
        "run_attempt": 1,
        "status": "queued",
        "name": "build",
        "head_sha": "0" * 40,
        "labels": [label],
    }
    return {
        "action": "queued",
        "workflow_job": job,
        "repository": {"id": 1, "full_name": "acme/site", "private": True},
        "installation": {"id": 1},
        "sender": {"login": "mona"},
        "filler": "x" * 12_000,
    }


async def _send(port: int, requests: list[bytes]) -> list[float]:
    """Seconds that each took."""
    left, latencies = iter(requests), list[float]()

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in left:
            begun = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            latencies.append(time.perf_counter() - begun)
            if not head.startswith(b"HTTP/1.1 202"):
                raise RuntimeError(head.decode())
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(_CONNECTIONS)))
    return latencies


def _serve(database: str, ours: Connection) -> None:
    configure_logs(as_json=True, level=logging.ERROR)  # that no GitHub answers is known
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_served(database, Home(Path(folder)), ours))


async def _served(database: str, home: Home, ours: Connection) -> None:
    """As `mayfly serve` does, with an app of GitHub's connected."""
    port = free_port()
    key_file = home.root / "vault.key"
    config = ServerConfig(database=database, key_file=key_file, listen=("127.0.0.1", port))
    async with opened(config, home) as services:
        await services.store.serial(lambda tx: connect(tx, Author("bench", time.time()), _app()))
    wish = asyncio.Event()
    telling = asyncio.create_task(_until_told(ours, wish))
    await serve(config, home, wish, lambda _: ours.send(port))
    await telling


async def _until_told(ours: Connection, wish: asyncio.Event) -> None:
    await asyncio.to_thread(ours.recv)
    wish.set()


def _app() -> AppRow:
    return AppRow(
        id=str(_APP),
        slug="mayfly",
        name="Mayfly",
        owner="acme",
        html_url="http://127.0.0.1:9",
        api_url="http://127.0.0.1:9",
        web_url="http://127.0.0.1:9",
        prefix="bench",
        webhook_secret=_SECRET,
        private_key=private_key(),
    )


if __name__ == "__main__":
    main()
