"""What several servers and a database of their own bring with them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from tests.store.stores import open_with

from mayfly.domain.errors import HostCannot
from mayfly.store.base import Tx
from mayfly.store.rows import CounterRow
from mayfly.store.sql.driver import Mode, Trouble
from mayfly.store.sql.postgres import PostgresDriver, PostgresLink, check
from mayfly.store.sql.store import SqlStore

_END = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
_CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'mayfly%'"


@pytest.fixture
def postgresql(postgresql_url: Callable[[], str]) -> str:
    return postgresql_url()


@pytest.fixture
async def stores(postgresql: str) -> AsyncIterator[tuple[SqlStore, SqlStore]]:
    """Two servers."""
    one, other = await open_with(postgresql), await open_with(postgresql)
    yield one, other
    await one.close()
    await other.close()


def ask(url: str, sql: str, *values: Any) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(sql, values or None).fetchall()


def count(tx: Tx) -> int:
    row = tx.get(CounterRow, "a") or CounterRow(id="a")
    tx.put(CounterRow(id="a", value=row.value + 1))
    return tx.number


async def test_servers_take_turns(stores: tuple[SqlStore, SqlStore]) -> None:
    numbers = await asyncio.gather(*(stores[n % 2].serial(count) for n in range(100)))
    assert sorted(numbers) == list(range(1, 101))
    found = await stores[0].read(lambda view: view.get(CounterRow, "a"))
    assert found == CounterRow(id="a", value=100)


async def test_servers_hear_each_other(stores: tuple[SqlStore, SqlStore]) -> None:
    one, other = stores
    news = other.watch("a")
    await one.write(lambda tx: tx.announce("a"))
    await news.wait()


async def test_a_server_does_not_hear_itself_twice(stores: tuple[SqlStore, SqlStore]) -> None:
    one, other = stores
    news, probe = one.watch("a"), one.watch("probe")
    await one.write(lambda tx: tx.announce("a"))
    await news.wait()
    await other.write(lambda tx: tx.announce("probe"))
    await probe.wait()  # arrives after whatever came before
    waiting = asyncio.create_task(news.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_many_topics_reach_everybody(stores: tuple[SqlStore, SqlStore]) -> None:
    one, other = stores
    topics = [f"topic {'ü' * 100} {number}" for number in range(300)]
    watches = [other.watch(topic) for topic in topics]

    def work(tx: Tx) -> None:
        for topic in topics:
            tx.announce(topic)

    await one.write(work)
    await asyncio.gather(*(watch.wait() for watch in watches))


@pytest.mark.parametrize("mode", ["serial", "write", "read"])
async def test_a_connection_that_ended_is_made_anew(
    stores: tuple[SqlStore, SqlStore], postgresql: str, mode: str
) -> None:
    do = getattr(stores[0], mode)
    for _ in range(2):
        assert await do(lambda tx: tx.count(CounterRow)) == 0
        assert ask(postgresql, _END, f"mayfly {mode}") == [(True,)]


async def test_a_connection_that_ends_within_a_work_does_it_once(
    stores: tuple[SqlStore, SqlStore], postgresql: str
) -> None:
    ended: list[Any] = []

    def work(tx: Tx) -> int:
        number = count(tx)
        if not ended:
            ended.extend(ask(postgresql, _END, "mayfly serial"))
        tx.count(CounterRow)
        return number

    assert await stores[0].serial(work) == 1
    assert ended == [(True,)]
    found = await stores[1].read(lambda view: view.get(CounterRow, "a"))
    assert found == CounterRow(id="a", value=1)


async def test_who_may_have_missed_something_is_woken(
    stores: tuple[SqlStore, SqlStore], postgresql: str
) -> None:
    news = stores[0].watch("a")
    assert len(ask(postgresql, _END, "mayfly listener")) == 2
    await news.wait()  # as listening began anew
    await stores[1].write(lambda tx: tx.announce("a"))
    await news.wait()


async def test_works_that_wait_for_each_other_are_both_done(
    stores: tuple[SqlStore, SqlStore],
) -> None:
    def fill(tx: Tx) -> None:
        for key in ("a", "b"):
            tx.add(CounterRow(id=key, value=0))

    await stores[0].serial(fill)
    meet = threading.Barrier(2)

    def work(*keys: str) -> Callable[[Tx], None]:
        first = iter([True])

        def do(tx: Tx) -> None:
            tx.update(CounterRow, keys[0], {}, value=1)
            if next(first, False):
                meet.wait()  # each holds now what the other wants
            tx.update(CounterRow, keys[1], {}, value=2)

        return do

    await asyncio.gather(stores[0].write(work("a", "b")), stores[1].write(work("b", "a")))
    rows = await stores[0].read(lambda view: view.find(CounterRow))
    assert {row.value for row in rows} == {1, 2}


async def test_cancelled_callers_leave_no_connection(postgresql: str) -> None:
    store = await open_with(postgresql)
    for _ in range(20):
        tasks = [asyncio.create_task(store.write(lambda tx: None)) for _ in range(10)]
        tasks += [asyncio.create_task(store.read(lambda view: None)) for _ in range(10)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    ((connected,),) = ask(postgresql, _CONNECTED)
    assert connected <= 1 + 1 + 3 + 4, "listener, serial, write, read"
    await store.close()


def test_the_database_ends_a_server_that_hangs(postgresql: str) -> None:
    link = PostgresDriver(postgresql).connect(Mode.SERIAL)
    assert isinstance(link, PostgresLink)
    link.begin()
    assert link.rows("SHOW idle_in_transaction_session_timeout", {}) == [("10s",)]
    assert link.rows("SHOW lock_timeout", {}) == [("15s",)]
    link.rollback()
    link.close()


@pytest.mark.parametrize(
    ("state", "trouble"),
    [
        ("40001", Trouble.AGAIN),
        ("40P01", Trouble.AGAIN),
        ("55P03", Trouble.AGAIN),
        ("57P01", Trouble.GONE),
        ("57P03", Trouble.GONE),
        ("53300", Trouble.GONE),
        ("08006", Trouble.GONE),
        ("25P03", Trouble.GONE),
        ("53100", Trouble.FULL),
        ("25006", Trouble.GONE),
        ("XX001", Trouble.DAMAGED),
        ("42P01", Trouble.WRONG),
        ("23502", Trouble.WRONG),
    ],
)
def test_tells_troubles_apart(state: str, trouble: Trouble) -> None:
    driver = PostgresDriver("postgresql://nobody@localhost/x")
    assert driver.trouble(psycopg.errors.lookup(state)()) is trouble


def test_a_broken_connection_is_gone() -> None:
    driver = PostgresDriver("postgresql://nobody@localhost/x")
    assert driver.trouble(psycopg.OperationalError("broken")) is Trouble.GONE


@pytest.mark.parametrize(
    ("version", "encoding", "problem"),
    [(140_010, "UTF8", "is PostgreSQL 14"), (150_000, "SQL_ASCII", "keeps text in SQL_ASCII")],
)
def test_what_will_not_do_is_said(version: int, encoding: str, problem: str) -> None:
    info = SimpleNamespace(server_version=version, parameter_status=lambda name: encoding)
    connection: Any = SimpleNamespace(info=info)
    with pytest.raises(HostCannot, match=f"the database jobs {problem}"):
        check(connection, "jobs")
