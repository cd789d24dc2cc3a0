"""A PostgreSQL for tests, from Debian's package: one a process of pytest, gone with it.

from tests.postgres import postgres  # noqa: F401 (a fixture)
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

_PACKAGES = Path("/usr/lib/postgresql")
_OLDEST = 15
_USER = "postgres"
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
        _run(binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "start")
        try:
            yield Postgres(folder)
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
    """As a user that PostgreSQL is willing to run as."""
    become: Sequence[str] = ()
    if os.geteuid() == 0:
        become = ("setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups")
    done = subprocess.run(
        [*become, program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{program.name} failed:\n{done.stdout}")
