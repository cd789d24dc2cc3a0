"""A store of each kind, empty."""

from collections.abc import AsyncIterator, Callable

import pytest
from tests.store.stores import DATABASES, SqliteFiles, open_with

from mayfly.store.base import Store
from mayfly.store.memory import MemoryStore


@pytest.fixture(scope="session")
def sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> SqliteFiles:
    return SqliteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest) -> str:
    """A database at the newest version, without rows."""
    make: Callable[[], str] = request.getfixturevalue("sqlite_files").make
    return make()


@pytest.fixture(params=("memory", *DATABASES))
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    made: Store = MemoryStore()
    if request.param != "memory":
        made = open_with(request.getfixturevalue("sqlite_files").make())
    yield made
    await made.close()
