"""PostgreSQL 15 or newer, by psycopg: what any number of servers share.

Statements are sent in pipelines: one whose result nobody needs yet is not waited for. A server
that hangs in the middle of a transaction would hold up the fleet, so the database ends such a
transaction after some seconds.
"""

import contextlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import conninfo, pq
from psycopg.types.array import ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.store.sql.driver import Heard, Link, Listener, Mode, Params, Record, Trouble
from mayfly.store.sql.postgres_listener import CHANNEL, PostgresListener

OLDEST = 15
_CONNECT = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "client_encoding": "utf8",
}
_HANGING = "10s"
_LOCKED = {Mode.SERIAL: "15s", Mode.WRITE: "500ms", Mode.READ: "15s"}
_BEGIN = {
    Mode.SERIAL: "BEGIN",
    Mode.WRITE: "BEGIN",
    Mode.READ: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
_STATEMENTS = 500  # kept prepared, per connection
_NOTE_CHARACTERS = 6000  # a notification takes 8000 bytes
_AGAIN = frozenset({"40001", "40P01", "55P03"})  # serialization, deadlock, lock not available
_FULL = frozenset({"53100", "42501"})  # disk full, no permission
_DAMAGED = ("XX",)
# Connection, shutdown, resources, idle for too long, and a primary that is none any more.
_GONE = ("08", "57P", "53", "25P", "25006")


class PostgresDriver:
    """See `driver.Driver`."""

    dialect: sa.Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
    errors: tuple[type[Exception], ...] = (psycopg.Error,)
    writers = 4
    readers = 4

    def __init__(self, url: str):
        self._params = parameters(url)
        self._sender = uuid.uuid4().hex

    def connect(self, mode: Mode) -> Link:
        connection = connect(self._params, f"mayfly {mode.value}")
        connection.execute(
            "SELECT set_config('lock_timeout', %s, false),"
            " set_config('idle_in_transaction_session_timeout', %s, false)",
            (_LOCKED[mode], _HANGING),
        )
        return PostgresLink(connection, mode, self._sender)

    def trouble(self, error: BaseException) -> Trouble:
        state = getattr(error, "sqlstate", None)
        if state in _AGAIN:
            return Trouble.AGAIN
        if state in _FULL:
            return Trouble.FULL
        if state is not None and state.startswith(_DAMAGED):
            return Trouble.DAMAGED
        broken = isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
        if broken if state is None else state.startswith(_GONE):
            return Trouble.GONE
        return Trouble.WRONG

    def listen(self, heard: Heard) -> Listener | None:
        return PostgresListener(
            lambda: connect(self._params, "mayfly listener"), self._sender, heard
        )

    def describe(self) -> tuple[str, str]:
        return name_of(self._params), "is PostgreSQL running there, and is the URL right?"


def parameters(url: str) -> dict[str, Any]:
    """Of a connection; raises InvalidInput."""
    try:
        return {**_CONNECT, **conninfo.conninfo_to_dict(url)}
    except psycopg.ProgrammingError as error:
        raise InvalidInput(f"not the URL of a PostgreSQL database: {error}") from None


def name_of(params: Mapping[str, Any]) -> str:
    """Without the password."""
    return f"{params.get('dbname', '')} at {params.get('host', 'localhost')}"


def connect(params: Mapping[str, Any], purpose: str) -> psycopg.Connection[Any]:
    """Each statement of it is a transaction, unless one was begun."""
    connection = psycopg.connect(**{"application_name": purpose, **params}, autocommit=True)
    connection.prepared_max = _STATEMENTS
    # One type for all whole numbers, so that each statement is prepared once; lists as bytes, as
    # quoting their items costs much.
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    connection.adapters.register_dumper(list, ListBinaryDumper)
    return connection


def check(connection: psycopg.Connection[Any], name: str) -> None:
    """Raises HostCannot if this PostgreSQL will not do."""
    version = connection.info.server_version // 10_000
    if version < OLDEST:
        raise HostCannot(
            f"the database {name} is PostgreSQL {version}",
            remedy=f"Mayfly needs PostgreSQL {OLDEST} or newer",
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise HostCannot(
            f"the database {name} keeps text in {encoding}",
            remedy="make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
        )


class PostgresLink:
    """See `driver.Link`."""

    def __init__(self, connection: psycopg.Connection[Any], mode: Mode, sender: str):
        self._connection = connection
        self._begin = _BEGIN[mode]
        self._sender = sender
        self._pipeline = contextlib.ExitStack()
        self._saved = False

    def begin(self) -> None:
        self._saved = False
        self._pipeline.enter_context(self._connection.pipeline())
        self._execute(self._begin)

    def rows(self, sql: str, params: Params) -> list[Record]:
        return self._execute(sql, params).fetchall()

    def many(self, sql: str, many: Sequence[Params]) -> list[Record]:
        return self.rows(sql, _lists(many))

    def send(self, sql: str, params: Params) -> None:
        self._execute(sql, params)

    def send_many(self, sql: str, many: Sequence[Params]) -> None:
        self._execute(sql, _lists(many))

    def save(self) -> None:
        if self._saved:
            self._execute("RELEASE work")
        self._execute("SAVEPOINT work")
        self._saved = True

    def back(self) -> None:
        self._execute("ROLLBACK TO work")

    def commit(self, topics: Iterable[str]) -> None:
        for note in _notes(topics):
            self._execute(
                "SELECT pg_notify(%(channel)s, %(note)s)",
                {"channel": CHANNEL, "note": f"{self._sender}:{note}"},
            )
        self._execute("COMMIT")
        self._pipeline.close()

    def rollback(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self._pipeline.close()
        with contextlib.suppress(psycopg.Error):
            if self._connection.info.transaction_status != pq.TransactionStatus.IDLE:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self._connection.close()

    def _execute(self, sql: str, params: Params | None = None) -> psycopg.Cursor[Any]:
        return self._connection.execute(sql, params, prepare=True)


def _lists(many: Sequence[Params]) -> Params:
    return {name: [params[name] for params in many] for name in many[0]}


def _notes(topics: Iterable[str]) -> Iterable[str]:
    """All topics, as JSON, in as few notifications as hold them."""
    note: list[str] = []
    size = 0
    for topic in topics:
        if note and size + len(topic) > _NOTE_CHARACTERS:
            yield json.dumps(note)
            note, size = [], 0
        note.append(topic)
        size += len(json.dumps(topic)) + 2
    if note:
        yield json.dumps(note)
