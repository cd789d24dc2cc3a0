"""What becomes of works when the database has troubles; every error happens at a chosen step."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from tests.store.stores import VAULT

from mayfly.store.base import StoreUnavailable, Tx
from mayfly.store.rows import CounterRow
from mayfly.store.sql.driver import Heard, Link, Listener, Mode, Params, Record, Trouble
from mayfly.store.sql.group import Carried
from mayfly.store.sql.store import SqlStore


class Failed(Exception):
    def __init__(self, trouble: Trouble):
        super().__init__(f"it is {trouble.value}")
        self.trouble = trouble


class Scripted:
    """See `driver.Driver` and `driver.Link`: a database that fails as told and remembers nothing.

    `fails` is asked before each step.
    """

    dialect: sa.Dialect = SQLiteDialect_pysqlite(paramstyle="named")
    errors: tuple[type[Exception], ...] = (Failed,)
    writers = 1
    readers = 1

    def __init__(self, fails: Callable[[str], Trouble | None]):
        self._fails = fails
        self.steps: list[str] = []

    def connect(self, mode: Mode) -> Link:
        self._step("connect")
        return self

    def trouble(self, error: BaseException) -> Trouble:
        assert isinstance(error, Failed)
        return error.trouble

    def listen(self, heard: Heard) -> Listener | None:
        return None

    def describe(self) -> tuple[str, str]:
        return "scripted", "write another script"

    def begin(self) -> None:
        self._step("begin")

    def rows(self, sql: str, params: Params) -> list[Record]:
        self._step("tick" if "clock" in sql else "rows")
        return [(1000,)]

    def many(self, sql: str, many: Sequence[Params]) -> list[Record]:
        return []

    def send(self, sql: str, params: Params) -> None:
        self._step(f"send {params['id']}")

    def send_many(self, sql: str, many: Sequence[Params]) -> None:
        pass

    def save(self) -> None:
        self._step("save")

    def back(self) -> None:
        self._step("back")

    def commit(self, topics: Iterable[str]) -> None:
        self._step("commit")

    def rollback(self) -> None:
        self.steps.append("rollback")

    def close(self) -> None:
        self.steps.append("close")

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if (trouble := self._fails(name)) is not None:
            raise Failed(trouble)


def at(step: str, trouble: Trouble, times: int = 1) -> Callable[[str], Trouble | None]:
    left = iter(range(times))
    return lambda name: trouble if name == step and next(left, None) is not None else None


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    return taken


def put(name: str) -> Callable[[Tx], str]:
    def work(tx: Tx) -> str:
        tx.put(CounterRow(id=name))
        return name

    return work


async def serially(driver: Scripted, *works: Callable[[Tx], Any]) -> list[Any]:
    """Together in one group, as far as can be."""
    store = SqlStore(driver, VAULT, (CounterRow,), lambda carried: None)
    calls = [asyncio.create_task(store.serial(work)) for work in works]
    results = await asyncio.gather(*calls, return_exceptions=True)
    await store.close()
    return list(results)


@pytest.mark.parametrize("step", ["connect", "begin", "tick", "send a", "commit"])
async def test_what_was_undone_for_another_is_tried_again(step: str, pauses: list[float]) -> None:
    driver = Scripted(at(step, Trouble.AGAIN, times=3))
    assert await serially(driver, put("a")) == ["a"]
    assert driver.steps.count("commit") == (4 if step == "commit" else 1)
    assert len(pauses) == 3


@pytest.mark.parametrize("step", ["connect", "begin", "tick", "send a"])
async def test_a_lost_connection_is_made_anew(step: str) -> None:
    driver = Scripted(at(step, Trouble.GONE))
    assert await serially(driver, put("a")) == ["a"]
    assert driver.steps.count("connect") == 2


async def test_a_connection_lost_at_the_end_leaves_it_open() -> None:
    """Trying again could do it twice."""
    driver = Scripted(at("commit", Trouble.GONE))
    (result,) = await serially(driver, put("a"))
    assert isinstance(result, StoreUnavailable)
    assert driver.steps.count("commit") == 1
    assert driver.steps[-1] == "close"


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble.AGAIN, "the database scripted is kept busy by others"),
        (Trouble.GONE, "the database scripted cannot be reached"),
        (Trouble.FULL, "the database scripted cannot be written to"),
        (Trouble.DAMAGED, "the database scripted is damaged, or no database"),
    ],
)
async def test_patience_ends(trouble: Trouble, said: str, pauses: list[float]) -> None:
    driver = Scripted(at("begin", trouble, times=100))
    (result,) = await serially(driver, put("a"))
    assert isinstance(result, StoreUnavailable)
    assert (result.message, result.details) == (said, f"it is {trouble.value}")
    assert result.remedy == "write another script"
    assert len(pauses) < 10
    assert pauses == sorted(pauses) or max(pauses) <= 0.5


async def test_who_comes_later_does_not_wait_for_what_is_gone(pauses: list[float]) -> None:
    store = SqlStore(
        Scripted(at("connect", Trouble.GONE, times=100)), VAULT, (CounterRow,), lambda _: None
    )
    with pytest.raises(StoreUnavailable):
        await store.serial(put("a"))
    before = len(pauses)
    with pytest.raises(StoreUnavailable):
        await store.serial(put("b"))
    assert len(pauses) == before
    await store.close()


async def together(store: SqlStore, *works: Callable[[Tx], Any]) -> list[Any]:
    """Done in one group: they come while another work holds the thread up."""
    begun, gate = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(_tx: Tx) -> None:
        loop.call_soon_threadsafe(begun.set)
        gate.wait()

    holding = asyncio.create_task(store.serial(hold))
    await begun.wait()
    calls = [asyncio.create_task(store.serial(work)) for work in works]
    await asyncio.sleep(0)
    gate.set()
    await holding
    return list(await asyncio.gather(*calls, return_exceptions=True))


async def test_only_the_work_at_fault_fails() -> None:
    driver = Scripted(lambda step: Trouble.WRONG if step == "send b" else None)
    store = SqlStore(driver, VAULT, (CounterRow,), lambda _: None)
    a, b, c = await together(store, put("a"), put("b"), put("c"))
    await store.close()
    assert (a, c) == ("a", "c")
    assert isinstance(b, Failed)
    assert driver.steps.count("commit") == 3


async def test_tells_what_it_did() -> None:
    told: list[Carried] = []
    store = SqlStore(Scripted(lambda step: None), VAULT, (CounterRow,), told.append)
    await store.serial(put("a"))
    await store.read(lambda view: None)
    await store.close()
    assert [(carried.mode, carried.works) for carried in told] == [
        (Mode.SERIAL, 1),
        (Mode.READ, 1),
    ]
    assert all(carried.waited_s >= 0 and carried.took_s >= 0 for carried in told)


async def test_a_work_that_only_put_needs_no_savepoint() -> None:
    def fail(tx: Tx) -> None:
        tx.put(CounterRow(id="lost"))
        raise ValueError

    driver = Scripted(lambda step: None)
    store = SqlStore(driver, VAULT, (CounterRow,), lambda _: None)
    await together(store, put("a"), fail, put("b"))
    await store.close()
    assert driver.steps[-6:] == ["begin", "tick", "send a", "send b", "commit", "close"]
