"""A store of each kind, empty; also as the version before opens a database of today."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.postgres import Postgres, postgres  # noqa: F401 (a fixture)
from tests.store.before import kinds_before
from tests.store.stores import DATABASES, PostgresDatabases, SqliteFiles, open_with

from mayfly.store.base import Store
from mayfly.store.memory import MemoryStore
from mayfly.store.schema import ALL_ROWS

MakeUrl = Callable[[], str]

_BEFORE = "by the version before"


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> MakeUrl:
    return SqliteFiles(tmp_path_factory.mktemp("sqlite")).make


@pytest.fixture(scope="session")
def postgresql_url(postgres: Postgres) -> MakeUrl:  # noqa: F811 (the fixture)
    return PostgresDatabases(postgres).make


@pytest.fixture(scope="session")
def before(tmp_path_factory: pytest.TempPathFactory) -> tuple[type[Any], ...]:
    return kinds_before(tmp_path_factory.mktemp("before"))


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest) -> str:
    """Of a database at the newest version, without rows."""
    make: MakeUrl = request.getfixturevalue(f"{request.param}_url")
    return make()


@pytest.fixture(params=("memory", *DATABASES, *(f"{name} {_BEFORE}" for name in DATABASES)))
async def store(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Store]:
    """Opened by the version before it knows less: the test's module is given what it knows."""
    name, _, version = request.param.partition(" ")
    if name == "memory":
        yield MemoryStore()
        return
    kinds = ALL_ROWS
    if version:
        kinds = request.getfixturevalue("before")
        for kind in kinds:
            if hasattr(request.module, kind.__name__):
                monkeypatch.setattr(request.module, kind.__name__, kind)
    made = await open_with(request.getfixturevalue(f"{name}_url")(), kinds)
    yield made
    await made.close()
