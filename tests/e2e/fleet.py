"""A whole fleet on this host as people start it: `mayfly up`, and commands beside it."""

import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.conftest import ProcessId, descendants
from tests.replicas.site import PROGRAM, Program, free_port, until_said

from mayfly.system.home import Home


@dataclass
class Fleet:
    """`mayfly up`, with a home of its own that people's commands share; they are in `clone`."""

    home: Home
    up: Program
    url: str
    clone: Path
    commands: int = 0

    async def start(self) -> None:
        self.up.log.unlink(missing_ok=True)
        await self.up.start()
        await until_said(self.up, "dashboard:")

    def family(self) -> set[ProcessId]:
        """All that it started and that lives."""
        assert self.up.process is not None
        return descendants(self.up.process.pid)

    def command(self, name: str, *arguments: str) -> Program:
        """Of a person of this host."""
        self.commands += 1
        log = self.up.log.with_name(f"{name}{self.commands}.log")
        environment = {"MAYFLY_HOME": str(self.home.root), "CI": "1"}
        line = [sys.executable, "-c", PROGRAM, name, *arguments]
        return Program(line, environment, log, self.clone)

    async def says(self, name: str, *arguments: str) -> str:
        """All that a command prints, which must succeed."""
        command = self.command(name, *arguments)
        await command.start()
        assert await status(command) == 0, command.said()
        return command.said()

    async def lists(self, name: str, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(await self.says(name, "--json", *arguments))
        return found


async def status(program: Program) -> int:
    """Once it has ended by itself."""
    assert program.process is not None
    return await program.process.wait()


@contextlib.asynccontextmanager
async def fleet(home: Home, folder: Path, clone: Path) -> AsyncIterator[Fleet]:
    """Running; ended in order afterwards, and `folder` has what everybody said."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-c", PROGRAM, "up", "--listen", address]
    up = Program(command, {"MAYFLY_HOME": str(home.root)}, folder / "up.log")
    made = Fleet(home, up, f"http://{address}", clone)
    try:
        await made.start()
        yield made
        await up.kill(signal.SIGTERM)
    finally:
        await up.kill()
