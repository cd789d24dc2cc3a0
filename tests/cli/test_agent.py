"""`mayfly agent` as a person types it, against a real server."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from fastapi import FastAPI

from mayfly.domain.errors import ExitCode
from mayfly.protocol.wire import hash_key
from mayfly.server.api import agents
from mayfly.server.enrolment import HostKeys, issue_enrolment
from mayfly.server.hosts import Hosts
from mayfly.server.listening import listening
from mayfly.server.people.audit import Author
from mayfly.server.problems import install
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import HostRow

PROGRAM = "from mayfly.cli.main import main; main()"


async def mayfly(home: Path, *arguments: str) -> tuple[int, str]:
    """The exit code, and all that was printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        "agent",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "MAYFLY_HOME": str(home)},
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_a_host_is_enrolled_once(tmp_path: Path) -> None:
    store = MemoryStore()
    author = Author("admin", time.time())
    token = await store.serial(lambda tx: issue_enrolment(tx, author, labels=["rack=1"]))
    app = FastAPI()
    keys = HostKeys(store, time.time)
    app.include_router(agents.router(object.__new__(Hosts), keys, store, time.time))
    async with listening(app, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}"
        asked = ["enroll", "--server", url, "--name", "h1", "--label", "ssd", "--cpu-factor", "3"]
        wrong, said = await mayfly(tmp_path, *asked, "--token", "wrong")
        assert wrong == ExitCode.HOST
        assert "token is not good" in said
        code, said = await mayfly(tmp_path, *asked, "--token", token)
        assert code == ExitCode.OK, said
        assert "mayfly agent run" in said
        token = await store.serial(lambda tx: issue_enrolment(tx, author))
        taken, said = await mayfly(tmp_path / "other", *asked, "--token", token)
        assert taken == ExitCode.INVALID
        assert "there is a host h1 already" in said
        assert "--name" in said
        again, said = await mayfly(tmp_path, *asked, "--token", token)
        assert again == ExitCode.INVALID
        assert "belongs to" in said
    kept = json.loads((tmp_path / "agent.json").read_text())
    row = await store.read(lambda view: view.get(HostRow, "h1"))
    assert row is not None
    assert (row.labels, row.key_hash) == (("rack=1", "ssd"), hash_key(kept["key"]))
    assert (kept["server"], kept["host"], kept["cpu_factor"]) == (url, "h1", 3.0)
    assert kept["key"] not in said


async def test_a_host_that_is_not_enrolled_does_not_start(tmp_path: Path) -> None:
    code, said = await mayfly(tmp_path, "run")
    assert code == ExitCode.INVALID
    assert "mayfly agent enroll" in said


async def test_an_address_beside_the_servers_is_known_as_one(tmp_path: Path) -> None:
    app = FastAPI()
    install(app)
    async with listening(app, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}/elsewhere"
        code, said = await mayfly(tmp_path, "enroll", "--server", url, "--token", "x")
    assert code == ExitCode.INVALID
    assert "no Mayfly server" in said


async def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    code, said = await mayfly(tmp_path, "enroll", "--server", "server:8080", "--token", "x")
    assert code == ExitCode.INVALID
    assert "https://HOST" in said
