"""A store of each kind, empty."""

from collections.abc import AsyncIterator, Callable

import pytest
from tests.postgres import Postgres, postgres  # noqa: F401 (a fixture)
from tests.store.stores import DATABASES, PostgresDatabases, SqliteFiles, open_with

from mayfly.store.base import Store
from mayfly.store.memory import MemoryStore

MakeUrl = Callable[[], str]


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> MakeUrl:
    return SqliteFiles(tmp_path_factory.mktemp("sqlite")).make


@pytest.fixture(scope="session")
def postgresql_url(postgres: Postgres) -> MakeUrl:  # noqa: F811 (the fixture)
    return PostgresDatabases(postgres).make


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest) -> str:
    """Of a database at the newest version, without rows."""
    make: MakeUrl = request.getfixturevalue(f"{request.param}_url")
    return make()


@pytest.fixture(params=("memory", *DATABASES))
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    made: Store = MemoryStore()
    if request.param != "memory":
        made = await open_with(request.getfixturevalue(f"{request.param}_url")())
    yield made
    await made.close()
