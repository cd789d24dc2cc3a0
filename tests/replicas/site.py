"""Real processes: replicas over PostgreSQL behind nginx, and agents on dummy machines."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from mayfly.cli.client import Client
from mayfly.cli.servers import Account
from mayfly.system.process import which

_ROOT = Path(__file__).parents[2]
_EXAMPLE = _ROOT / "packaging/nginx/mayfly.conf"
PROGRAM = "from mayfly.cli.main import main; main()"
_TOKEN = re.compile(r"signs in with: (\S+)")
_STARTING_S = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@dataclass
class Program:
    """A command that can be killed and started again; what it says is in a file."""

    command: Sequence[str]
    environment: dict[str, str]
    log: Path
    folder: Path = _ROOT
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                env={**os.environ, **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    async def kill(self, number: int = signal.SIGKILL) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        await self.process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass
class Site:
    """Everything by its address; `programs` by name: server0, server1, host0, host1."""

    url: str
    programs: dict[str, Program]
    token: str = ""
    folder: Path = field(default_factory=Path)

    def client(self) -> Client:
        return Client(Account(self.url, self.token))

    async def restart(self, name: str) -> None:
        """As by kill -9 and a supervisor."""
        await self.programs[name].kill()
        await self.programs[name].start()


@contextlib.asynccontextmanager
async def site(
    folder: Path, database: str, *, servers: int = 2, hosts: int = 2
) -> AsyncIterator[Site]:
    """All of it running and enrolled; gone afterwards."""
    ports = [free_port() for _ in range(servers)]
    front = free_port()
    url = f"http://127.0.0.1:{front}"
    programs = {
        f"server{number}": _server(folder, number, port, database, url)
        for number, port in enumerate(ports)
    }
    made = Site(url, programs, folder=folder)
    nginx = _nginx(folder, front, ports)
    try:
        for program in list(programs.values()):
            await program.start()
            await until_said(program, "serving on")
        await nginx.start()
        made.token = _token(programs.values())
        await _until_answering(url, nginx)
        for number in range(hosts):
            programs[f"host{number}"] = await _host(made, number)
        yield made
    finally:
        for program in [*programs.values(), nginx]:
            if program.process is not None:
                await program.kill()


def _server(folder: Path, number: int, port: int, database: str, url: str) -> Program:
    """All of one home: they share the key of the vault, and the blobs."""
    options = ["--listen", f"127.0.0.1:{port}", "--database", database, "--base-url", url]
    command = [sys.executable, "-c", PROGRAM, "serve", *options]
    home = {"MAYFLY_HOME": str(folder / "servers")}
    return Program(command, home, folder / f"server{number}.log")


def _nginx(folder: Path, front: int, ports: Sequence[int]) -> Program:
    """The example of the documentation, on other ports."""
    text = _EXAMPLE.read_text().replace(":8080;", f":{front};")
    lines = [f"    server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;" for port in ports]
    text = re.sub(r"(    server 127.*\n)+", "\n".join(lines) + "\n", text, count=1)
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{place}_temp_path {folder}/nginx-{place};\n" for place in places)
    whole = (
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; user root;\n"
        f"events {{}}\nhttp {{ access_log off;\n{temporary}{text}}}\n"
    )
    file = folder / "nginx.conf"
    file.write_text(whole)
    program = which("nginx")
    assert program is not None, "nginx is not installed; packages.txt lists it"
    return Program([program, "-c", str(file), "-p", str(folder)], {}, folder / "nginx.out")


async def _host(made: Site, number: int) -> Program:
    home = made.folder / f"host{number}"
    home.mkdir()
    async with made.client() as client:
        enrolment = await client.post("/enrolments")
    options = ["--server", made.url, "--token", enrolment["token"], "--name", f"host{number}"]
    environment = {"MAYFLY_HOME": str(home)}
    enrolling = Program(
        [sys.executable, "-c", PROGRAM, "agent", "enroll", *options],
        environment,
        made.folder / f"enroll{number}.log",
    )
    await enrolling.start()
    assert enrolling.process is not None
    assert await enrolling.process.wait() == 0, enrolling.said()
    command = [sys.executable, "-m", "tests.agent.agent_program", str(home), "127.0.0.1:0"]
    agent = Program(command, environment, made.folder / f"host{number}.log")
    await agent.start()
    return agent


def _token(programs: Iterable[Program]) -> str:
    for program in programs:
        if found := _TOKEN.search(program.said()):
            return found[1]
    raise AssertionError("no server printed a token")


async def until_said(program: Program, words: str) -> None:
    async with asyncio.timeout(_STARTING_S):
        while words not in program.said():
            assert program.process is not None
            assert program.process.returncode is None, program.said()
            await asyncio.sleep(0.05)


async def _until_answering(url: str, front: Program) -> None:
    async with asyncio.timeout(_STARTING_S), httpx.AsyncClient() as http:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get(f"{url}/readyz")).status_code == 200:
                    return
            assert front.process is not None
            assert front.process.returncode is None, front.said()
            await asyncio.sleep(0.05)
