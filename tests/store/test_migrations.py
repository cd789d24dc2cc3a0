"""The way from nothing to the newest schema and back, on both databases."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.ddl.impl import DefaultImpl
from alembic.migration import MigrationContext
from tests.postgres import Postgres
from tests.store.stores import DATABASES, VAULT, open_with

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.store.base import StoreUnavailable, Tx
from mayfly.store.rows import CounterRow, ProjectRow
from mayfly.store.schema import ALL_ROWS
from mayfly.store.sql.databases import database
from mayfly.store.sql.migrate import EMPTY, check_version, head, migrate, version_of
from mayfly.store.sql.store import open_store
from mayfly.store.sql.tables import Tables


@pytest.fixture(params=DATABASES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


def inspected(url: str, look: Callable[[sa.Connection], Any]) -> Any:
    engine = database(url).engine()
    with engine.begin() as connection:
        return look(connection)


def tables(url: str) -> set[str]:
    names: list[str] = inspected(url, lambda connection: sa.inspect(connection).get_table_names())
    return set(names) - {"alembic_version"}


def differs(
    _context: MigrationContext,
    _in_database: Any,
    _in_model: Any,
    default: str | None,
    _clause: Any,
    expected: str | None,
) -> bool | None:
    """Alembic takes SQLite's empty text for another than its own; None leaves it to Alembic."""
    return False if (default, expected) == ("('')", "") else None


def test_they_make_what_the_rows_say(empty: str) -> None:
    migrate(empty)

    def differences(connection: sa.Connection) -> Any:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": differs}
        )
        return compare_metadata(context, Tables(ALL_ROWS).metadata)

    assert inspected(empty, differences) == [], "see docs/database.md: how the schema changes"


async def test_rows_outlive_the_way_back_and_forth(empty: str) -> None:
    project = ProjectRow(id="o/p", created=1.0, public=True, hosts=("big",))

    def fill(tx: Tx) -> None:
        tx.add(project)
        tx.put(CounterRow(id="runs", value=7))

    migrate(empty)
    store = await open_with(empty)
    await store.serial(fill)
    await store.close()
    for version in range(head() - 1, 0, -1):
        migrate(empty, f"{version:04}")
    migrate(empty)
    store = await open_with(empty)
    (kept,) = await store.read(lambda view: view.find(ProjectRow))
    assert (kept.created, kept.hosts, kept.public) == (1.0, ("big",), False)
    assert await store.read(lambda view: view.find(CounterRow)) == [CounterRow(id="runs", value=7)]
    assert await store.serial(lambda tx: tx.number) == 2
    await store.close()


def test_the_way_back_ends_with_nothing(empty: str) -> None:
    migrate(empty)
    assert len(tables(empty)) == len(ALL_ROWS) + 3
    migrate(empty, EMPTY)
    assert tables(empty) == set()
    migrate(empty)
    migrate(empty)


def test_a_step_that_fails_changes_nothing(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps are one transaction, also those of the schema."""
    migrate(empty, "0001")
    before = tables(empty)
    monkeypatch.setattr(DefaultImpl, "add_column", Mock(side_effect=ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        migrate(empty)
    assert tables(empty) == before
    monkeypatch.undo()
    migrate(empty)


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        (head() - 1, "this Mayfly needs"),
        (head(), None),
        (head() + 1, None),
        (head() + 2, "too new"),
    ],
)
async def test_a_server_works_with_its_version_and_the_next(
    empty: str, version: int, problem: str | None
) -> None:
    migrate(empty)
    stamp(empty, version)
    if problem is None:
        await (await open_store(empty, VAULT)).close()
    else:
        with pytest.raises(HostCannot, match=problem):
            await open_store(empty, VAULT)
    if version > head():
        with pytest.raises(HostCannot) if problem else nullcontext():
            migrate(empty)


def stamp(url: str, version: int) -> None:
    inspected(
        url,
        lambda connection: connection.exec_driver_sql(
            f"UPDATE alembic_version SET version_num = '{version:04}'"
        ),
    )


@pytest.mark.parametrize(
    ("version", "rewritten", "other"),
    [
        (f"{head():04}", "ALTER TABLE projects DROP COLUMN hosts", "projects"),
        (f"{head():04}", "ALTER TABLE runs RENAME COLUMN created TO made", "runs"),
        ("0001", "ALTER TABLE hosts ADD COLUMN next_key_hash TEXT", "hosts"),
        ("0001", "CREATE TABLE segments (id TEXT)", "segments"),
    ],
)
def test_tables_of_a_version_that_was_never_released_are_refused_and_kept(
    empty: str, version: str, rewritten: str, other: str
) -> None:
    migrate(empty, version)
    inspected(empty, lambda connection: connection.exec_driver_sql(rewritten))
    with pytest.raises(HostCannot, match=f"is not as schema {int(version)} is: {other}$") as raised:
        migrate(empty)
    assert raised.value.remedy == "start with an empty database"
    assert version_of(empty) == int(version)


def test_tables_of_others_are_none_of_our_business(empty: str) -> None:
    migrate(empty, "0001")
    inspected(empty, lambda connection: connection.exec_driver_sql("CREATE TABLE notes (id TEXT)"))
    migrate(empty)
    migrate(empty)


def test_an_empty_database_is_refused(empty: str) -> None:
    with pytest.raises(HostCannot, match="has schema 0"):
        check_version(empty)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///", "x.db", "", "postgres:"])
async def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="not a database that Mayfly knows") as raised:
        await open_store(url, VAULT)
    assert "postgresql://user@host/database" in str(raised.value.remedy)


async def test_a_wrong_version_is_refused(empty: str) -> None:
    with pytest.raises(InvalidInput, match="'latest' is not a version"):
        migrate(empty, "latest")


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="jobs at /nowhere cannot be reached") as raised:
        await open_store("postgresql://me:hush@/jobs?host=/nowhere", VAULT)
    assert "hush" not in f"{raised.value} {raised.value.details} {raised.value.remedy}"
    with pytest.raises(InvalidInput, match="no folder"):
        await open_store(f"sqlite:///{tmp_path}/missing/x.db", VAULT)
