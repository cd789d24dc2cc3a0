"""A PostgreSQL for tests, from Debian's package: one a process of pytest, gone with it.

from tests.postgres import postgres  # noqa: F401 (a fixture)
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

_PACKAGES = Path("/usr/lib/postgresql")
_OLDEST = 15
_USER = "postgres"
_TRIES, _PAUSE_S = 600, 0.05
_CONFIGURATION = """
listen_addresses = ''
fsync = off
full_page_writes = off
max_connections = 200
shared_buffers = 64MB
"""


class Postgres:
    """A running server, reached by a socket in a folder of its own."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._count = 0

    def url(self, database: str) -> str:
        return f"postgresql://{_USER}@/{database}?host={self._folder}"

    def create(self, template: str = "template1") -> str:
        """The name of a new database, a copy of the template."""
        self._count += 1
        name = f"test_{self._count}"
        self.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def drop(self, database: str) -> None:
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def wait(self) -> None:
        """Until it answers."""
        for _ in range(_TRIES):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url("postgres")).close()
                return
            time.sleep(_PAUSE_S)
        raise RuntimeError(f"PostgreSQL does not start:\n{(self._folder / 'log').read_text()}")

    def execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def started(configuration: str = _CONFIGURATION) -> Iterator[Postgres]:
    """A cluster in a temporary folder; raises Missing when the packages are not there."""
    binaries = _binaries()
    # Not below pytest's folders, whose names are too long for a socket's and closed to its user.
    folder = Path(tempfile.mkdtemp(prefix="mayfly-pg-"))
    data = folder / "data"
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _USER, _USER)
        _run(binaries / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "-N")
        (data / "postgresql.auto.conf").write_text(
            f"{configuration}\nunix_socket_directories = '{folder}'\n"
        )
        with _running(binaries / "postgres", data, folder / "log"):
            server = Postgres(folder)
            server.wait()
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(program: Path, data: Path, log: Path) -> Iterator[None]:
    """Ends with us, also when we are killed."""
    with log.open("wb") as told:
        process = subprocess.Popen(
            [*_become("--pdeathsig", "QUIT"), program, "-D", data],
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            cwd="/",
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()


class Missing(Exception):
    """Says what is not installed."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    try:
        with started() as server:
            yield server
    except Missing as error:
        pytest.skip(str(error))


def _binaries() -> Path:
    found = [path for path in _PACKAGES.glob("*/bin") if int(path.parent.name) >= _OLDEST]
    if not found:
        raise Missing(f"no PostgreSQL >= {_OLDEST} in {_PACKAGES}: apt install postgresql")
    return max(found, key=lambda path: int(path.parent.name))


def _run(program: Path, *arguments: str | Path) -> None:
    done = subprocess.run(
        [*_become(), program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{program.name} failed:\n{done.stdout}")


def _become(*options: str) -> Sequence[str]:
    """A user that PostgreSQL is willing to run as."""
    if os.geteuid() == 0:
        options = (f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", *options)
    return ("setpriv", *options)
