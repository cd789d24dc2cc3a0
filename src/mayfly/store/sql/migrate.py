"""Brings a database to a version of the schema, and says which one it has.

Versions are numbered: a server of version N works with a database of version N or N + 1, so that
servers can be replaced one after the other, the first new one migrating under the old ones.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.store.schema import ALL_ROWS
from mayfly.store.sql.databases import Database, database
from mayfly.store.sql.driver import Trouble, unavailable
from mayfly.store.sql.tables import Tables

_HERE = Path(__file__).parent / "migrations"
HEAD = "head"
EMPTY = "base"


def migrate(url: str, target: str = HEAD) -> None:
    """To a version such as `0002`, to `head`, the newest, or to `base`, which removes all tables.

    All or nothing; several at the same time wait for each other. A database of the next version
    is left as it is by `head`. Raises HostCannot for tables that are not those of their version.
    """
    chosen = database(url)
    with _connected(chosen) as connection:
        chosen.lock_for_migration(connection)
        now = _version(connection)
        if target == HEAD and now > head():
            _check(now, chosen.name)
            return
        wanted = _number(target) if target not in {HEAD, EMPTY} else 0
        if target == EMPTY or (target != HEAD and wanted < now):
            command.downgrade(_config(connection), target)
        else:
            if now:
                _check_tables(connection, now, chosen.name)
            command.upgrade(_config(connection), target)


def check_version(url: str) -> None:
    """Raises HostCannot if this Mayfly cannot work with the database as it is."""
    chosen = database(url)
    with _connected(chosen) as connection:
        _check(_version(connection), chosen.name)


def version_of(url: str) -> int:
    """Of the database's schema; 0 without one."""
    with _connected(database(url)) as connection:
        return _version(connection)


def head() -> int:
    """The version that this Mayfly was made for."""
    return _number(ScriptDirectory.from_config(_config()).get_current_head() or "0")


def _check(version: int, name: str) -> None:
    wanted = head()
    if version < wanted:
        raise HostCannot(
            f"the database {name} has schema {version}, this Mayfly needs {wanted}",
            remedy="start `mayfly serve` of this version; those of the version before go on",
        )
    if version > wanted + 1:
        raise HostCannot(
            f"the database {name} has schema {version}, too new for this Mayfly ({wanted})",
            remedy="install the Mayfly that the other servers run",
        )


def _check_tables(connection: sa.Connection, version: int, name: str) -> None:
    """The first version was written anew while none was released, and kept its number."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as model:
        command.upgrade(_config(model), f"{version:04}")
        wanted = _columns(model)
    engine.dispose()
    found = _columns(connection)
    ours = Tables(ALL_ROWS).metadata.tables
    if others := sorted(table for table in ours if found.get(table) != wanted.get(table)):
        raise HostCannot(
            f"the database {name} is not as schema {version} is: {', '.join(others)}",
            details="a version of Mayfly that was never released made it, or somebody changed it",
            remedy="start with an empty database",
        )


def _columns(connection: sa.Connection) -> dict[str, set[str]]:
    """Their names, by table."""
    found = sa.inspect(connection).get_multi_columns()
    return {table: {column["name"] for column in columns} for (_, table), columns in found.items()}


def _version(connection: sa.Connection) -> int:
    return _number(MigrationContext.configure(connection).get_current_revision() or "0")


def _number(revision: str) -> int:
    if not (revision.isascii() and revision.isdecimal()):
        raise InvalidInput(f"{revision!r} is not a version of the schema, such as 0001")
    return int(revision)


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextlib.contextmanager
def _connected(chosen: Database) -> Iterator[sa.Connection]:
    engine = chosen.engine()
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.DBAPIError as error:
        driver = chosen.driver()
        if error.orig is None or (trouble := driver.trouble(error.orig)) is Trouble.WRONG:
            raise
        raise unavailable(driver, error.orig, trouble) from error
    finally:
        engine.dispose()
