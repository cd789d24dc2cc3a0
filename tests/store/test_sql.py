"""What both databases share beyond the contract."""

import asyncio
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.store.stores import open_with

from mayfly.domain.events import JobRef, RunRef, Summarised
from mayfly.store.base import Tx
from mayfly.store.people import SecretRow
from mayfly.store.rows import CounterRow, RequestRow
from mayfly.store.sql.databases import database
from mayfly.store.sql.migrate import migrate
from mayfly.store.vault import CannotUnseal, Vault


def raw(url: str, sql: str) -> list[Any]:
    engine = database(url).engine()
    with engine.begin() as connection:
        done = connection.exec_driver_sql(sql)
        return list(done) if done.returns_rows else []


async def test_sealed_fields_are_not_to_be_read_in_the_database(url: str) -> None:
    store = await open_with(url)
    await store.serial(lambda tx: tx.add(RequestRow(id="r", text="hush hush")))
    ((written,),) = raw(url, "SELECT text FROM requests")
    assert b"hush" not in bytes(written)
    found = await store.read(lambda view: view.get(RequestRow, "r"))
    assert found == RequestRow(id="r", text="hush hush")
    await store.close()


async def test_a_sealed_field_moved_to_another_row_is_refused(url: str) -> None:
    store = await open_with(url)
    await store.serial(lambda tx: tx.add(RequestRow(id="mine", text="hush")))
    raw(url, "UPDATE requests SET id = 'yours'")
    with pytest.raises(CannotUnseal, match="requests text yours"):
        await store.read(lambda view: view.get(RequestRow, "yours"))
    await store.close()


async def test_keys_can_be_changed(url: str) -> None:
    """None of the rows needs the old key afterwards, and values are what they were."""
    old, new = b"o" * 32, b"n" * 32
    store = await open_with(url, vault=Vault([old]))
    rows = [RequestRow(id=f"{number:03}", text=f"hush {number}") for number in range(250)]

    def fill(tx: Tx) -> None:
        for row in rows:
            tx.add(row)

    await store.serial(fill)
    await store.close()
    store = await open_with(url, vault=Vault([new, old]))
    await store.serial(lambda tx: tx.add(RequestRow(id="x", text="already")))
    assert await store.reseal() == 250
    assert await store.reseal() == 0
    await store.close()
    store = await open_with(url, vault=Vault([new]))
    found = await store.read(lambda view: view.find(RequestRow))
    assert found == [*rows, RequestRow(id="x", text="already")]
    await store.close()


async def test_secrets_of_environments_follow_the_key(url: str) -> None:
    old, new = b"o" * 32, b"n" * 32
    of_all = SecretRow(id="o/p/T", project="o/p", name="T", value="hush", updated=0.0)
    rows = [of_all, replace(of_all, id="o/p/production/T", environment="production", value="sh")]
    store = await open_with(url, vault=Vault([old]))
    for row in rows:
        await store.serial(partial(_put, row=row))
    await store.close()
    store = await open_with(url, vault=Vault([new, old]))
    assert await store.reseal() == 2
    await store.close()
    store = await open_with(url, vault=Vault([new]))
    assert await store.read(lambda view: view.find(SecretRow)) == rows
    await store.close()


def _put(tx: Tx, row: Any) -> None:
    tx.put(row)


async def test_sealed_fields_cannot_be_searched_by(url: str) -> None:
    store = await open_with(url)
    with pytest.raises(KeyError, match="text"):
        await store.read(lambda view: view.find(RequestRow, text="hush"))
    await store.close()


async def test_characters_that_databases_refuse_are_replaced(url: str) -> None:
    store = await open_with(url)
    await store.serial(lambda tx: tx.add(CounterRow(id="a\0b\ud800")))
    assert await store.read(lambda view: view.get(CounterRow, "a\0b\ud800")) == CounterRow(
        id="a\ufffdb\ufffd"
    )
    await store.close()


async def test_names_are_never_code(url: str) -> None:
    store = await open_with(url)
    name = "'; DROP TABLE counters; -- %s %(id)s :id \\"
    await store.serial(lambda tx: tx.put(CounterRow(id=name, value=1)))
    found = await store.read(lambda view: view.find(CounterRow, id=(name, "x")))
    assert found == [CounterRow(id=name, value=1)]
    await store.close()


async def test_what_was_committed_outlives_the_store(url: str) -> None:
    for number in range(1, 4):
        store = await open_with(url)
        assert await store.serial(lambda tx: tx.number) == number
        await store.close()


class TestBeingBusy:
    """The serial thread is held up by a work of ours."""

    async def test_a_cancelled_work_that_has_not_begun_never_does(self, url: str) -> None:
        store = await open_with(url)
        begun, gate = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def hold(_tx: Tx) -> None:
            loop.call_soon_threadsafe(begun.set)
            gate.wait()

        called: list[str] = []
        holding = asyncio.create_task(store.serial(hold))
        await begun.wait()
        waiting = asyncio.create_task(store.serial(lambda tx: called.append("cancelled")))
        last = asyncio.create_task(store.serial(lambda tx: called.append("last")))
        await asyncio.sleep(0)
        waiting.cancel()
        gate.set()
        await asyncio.gather(holding, last)
        assert called == ["last"]
        await store.close()

    async def test_a_cancelled_work_that_has_begun_is_done(self, url: str) -> None:
        store = await open_with(url)
        begun, gate = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def hold(tx: Tx) -> None:
            loop.call_soon_threadsafe(begun.set)
            gate.wait()
            tx.put(CounterRow(id="done"))

        holding = asyncio.create_task(store.serial(hold))
        await begun.wait()
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
        gate.set()
        await store.close()
        again = await open_with(url)
        assert await again.read(lambda view: view.count(CounterRow)) == 1
        await again.close()

    async def test_reads_do_not_wait(self, url: str) -> None:
        store = await open_with(url)
        begun, gate = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def hold(tx: Tx) -> None:
            tx.add(CounterRow(id="unseen"))
            tx.get(CounterRow, "unseen")
            loop.call_soon_threadsafe(begun.set)
            gate.wait()

        holding = asyncio.create_task(store.serial(hold))
        await begun.wait()
        assert await store.read(lambda view: view.count(CounterRow)) == 0
        gate.set()
        await holding
        await store.close()


async def test_what_cannot_be_written_is_the_fault_of_its_work_alone(url: str) -> None:
    unwritable: Any = object()
    event = Summarised(1.0, JobRef(RunRef("ci.yml"), "test"), 0, unwritable)
    store = await open_with(url)

    def work(number: int) -> Callable[[Tx], None]:
        def do(tx: Tx) -> None:
            tx.put(CounterRow(id=f"{number:02}", value=1 if number % 2 else 1 << 70))
            tx.emit("r", None, [replace(event, markdown="x" if number % 3 else unwritable)])

        return do

    done = await asyncio.gather(
        *(store.serial(work(number)) for number in range(40)), return_exceptions=True
    )
    good = [number for number in range(40) if number % 2 and number % 3]
    assert [number for number, error in enumerate(done) if error is None] == good
    rows = await store.read(lambda view: view.find(CounterRow))
    assert [int(row.id) for row in rows] == good
    await store.close()


async def test_a_closed_store_refuses(url: str) -> None:
    store = await open_with(url)
    await store.close()
    with pytest.raises(RuntimeError, match="closed"):
        await store.serial(lambda tx: None)


async def test_no_thread_is_left(url: str) -> None:
    before = set(threading.enumerate())
    store = await open_with(url)
    await asyncio.gather(*(store.read(lambda view: view.count(CounterRow)) for _ in range(50)))
    await store.serial(lambda tx: None)
    await store.close()
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not {name for name in left if name.startswith("store")}


async def test_sqlite_files_are_ours_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mayfly.db'}"
    migrate(url)
    store = await open_with(url)
    await store.serial(lambda tx: tx.put(CounterRow(id="a")))
    modes = {entry.name: entry.stat().st_mode & 0o777 for entry in os.scandir(tmp_path)}
    assert set(modes) == {"mayfly.db", "mayfly.db-wal", "mayfly.db-shm"}
    assert set(modes.values()) == {0o600}
    await store.close()
