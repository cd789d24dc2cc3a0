"""What every store must keep to, whatever it is made of."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import Location
from mayfly.domain.events import JobRef, LogLines, RunRef
from mayfly.domain.job import JobState
from mayfly.domain.labels import Requirement
from mayfly.store.base import KeyTaken, Store, Tx, View, Watch, run_topic
from mayfly.store.forge_rows import ChoreRow
from mayfly.store.rows import CounterRow, HostRow, JobRow, LeaseRow, ProjectRow, RequestRow, SpecRow
from mayfly.workflow.planned import PlannedJob, PlannedState
from mayfly.workflow.spec import JobSpec

PLANNED = PlannedJob("test", "Test", "test", Location("ci.yml", 1, 1), PlannedState.READY)


def job(key: str, run: str = "r", state: JobState = JobState.QUEUED, **more: Any) -> JobRow:
    return JobRow(id=key, run=run, project="o/p", planned=PLANNED, state=state, **more)


def spec(env: str) -> JobSpec:
    return JobSpec("test", "Test", (), {"secrets": {"TOKEN": "hush"}}, {"A": env})


def line(text: str) -> LogLines:
    return LogLines(1.0, JobRef(RunRef("ci.yml"), "test"), 0, (text,))


async def add(store: Store, *rows: Any) -> None:
    def work(tx: Tx) -> None:
        for row in rows:
            tx.add(row)

    await store.serial(work)


async def found(store: Store, kind: type[Any], /, **query: Any) -> list[str]:
    rows = await store.read(lambda view: view.find(kind, **query))
    return [row.id for row in rows]


async def get(store: Store, like: Any) -> Any:
    return await store.read(lambda view: view.get(type(like), like.id))


def unversioned(row: Any) -> Any:
    return replace(row, version=0) if hasattr(row, "version") else row


async def woken(store: Store, watch: Watch) -> bool:
    """Whether it wakes; what was announced before has arrived when another watch has woken."""
    probe = store.watch("probe")
    await store.write(lambda tx: tx.announce("probe"))
    await probe.wait()
    waiting = asyncio.create_task(watch.wait())
    await asyncio.sleep(0)
    done = waiting.done()
    waiting.cancel()
    return done


class TestRows:
    async def test_come_back_as_they_were(self, store: Store) -> None:
        rows: list[Any] = [
            job(
                "a",
                requirement=Requirement(Architecture.ARM64, Decimal("1.5"), 2048),
                placed=Architecture.ARM64,
                outputs={"x": "ü\n\x01"},
                queued_at=2.5,
            ),
            job("b"),
            SpecRow(id="a", spec=spec("b")),
            RequestRow(id="r", text="hush"),
            ProjectRow(id="o/p", created=1.5, hosts=("big", "fast"), quota_jobs=4),
            HostRow(id="h", created=2.0, architectures=(Architecture.AMD64,), draining=True),
        ]
        await add(store, *rows)
        for row in rows:
            assert unversioned(await get(store, row)) == row

    async def test_what_is_not_there_is_none(self, store: Store) -> None:
        assert await store.read(lambda view: view.get(JobRow, "nobody")) is None

    async def test_a_key_is_taken_once(self, store: Store) -> None:
        await add(store, CounterRow(id="a", value=1))
        for attempt in (store.serial, store.write):
            with pytest.raises(KeyTaken, match="CounterRow a"):
                await attempt(lambda tx: tx.add(CounterRow(id="a", value=2)))
        assert await store.read(lambda view: view.get(CounterRow, "a")) == CounterRow(
            id="a", value=1
        )

    async def test_a_taken_key_does_not_end_the_work(self, store: Store) -> None:
        await add(store, CounterRow(id="a"))

        def work(tx: Tx) -> None:
            with pytest.raises(KeyTaken):
                tx.add(CounterRow(id="a"))
            tx.add(CounterRow(id="b"))

        await store.write(work)
        assert await found(store, CounterRow) == ["a", "b"]

    async def test_a_field_may_have_any_name(self, store: Store) -> None:
        await add(
            store,
            *(ChoreRow(id=f"{kind}/1", kind=kind, target="1") for kind in ("poll", "sweep")),
        )
        assert await found(store, ChoreRow, kind="poll") == ["poll/1"]

        def work(tx: Tx) -> int:
            assert tx.update(ChoreRow, "poll/1", {"kind": "poll"}, kind="sweep")
            return tx.count(ChoreRow, kind="sweep")

        assert await store.serial(work) == 2

    async def test_put_adds_and_replaces(self, store: Store) -> None:
        await store.serial(lambda tx: tx.put(CounterRow(id="a", value=1)))
        await store.serial(lambda tx: tx.put(CounterRow(id="a", value=2)))
        got = await store.read(lambda view: view.find(CounterRow))
        assert got == [CounterRow(id="a", value=2)]

    async def test_put_of_a_row_that_was_read_writes_every_change(self, store: Store) -> None:
        await add(
            store, job("a", outputs={"x": "1"}, reason="waits"), SpecRow(id="a", spec=spec("old"))
        )

        def work(tx: Tx) -> None:
            row = tx.get(JobRow, "a")
            assert row is not None
            tx.put(replace(row, state=JobState.RUNNING, reason=None))
            tx.put(SpecRow(id="a", spec=spec("new")))
            (again,) = tx.find(JobRow, id="a")
            tx.put(replace(again, outputs={"x": "2"}))

        await store.serial(work)
        got = await store.read(lambda view: view.get(JobRow, "a"))
        assert got is not None
        assert (got.state, got.reason) == (JobState.RUNNING, None)
        written = await store.read(lambda view: view.get(SpecRow, "a"))
        assert written == SpecRow(id="a", spec=spec("new"))
        assert (got.outputs, got.planned) == ({"x": "2"}, PLANNED)

    async def test_put_is_for_serial_transactions(self, store: Store) -> None:
        with pytest.raises(RuntimeError, match="serial"):
            await store.write(lambda tx: tx.put(CounterRow(id="a")))

    async def test_delete_removes_one_or_nothing(self, store: Store) -> None:
        await add(store, CounterRow(id="a"), CounterRow(id="b"))
        for _ in range(2):
            await store.serial(lambda tx: tx.delete(CounterRow, "a"))
        assert await found(store, CounterRow) == ["b"]

    async def test_put_after_delete_adds_again(self, store: Store) -> None:
        await add(store, CounterRow(id="a", value=1))

        def work(tx: Tx) -> None:
            row = tx.get(CounterRow, "a")
            tx.delete(CounterRow, "a")
            assert tx.get(CounterRow, "a") is None
            tx.put(row)

        await store.serial(work)
        assert await found(store, CounterRow) == ["a"]

    async def test_the_version_is_of_the_transaction_that_wrote_last(self, store: Store) -> None:
        numbers = []

        def step(write: Any) -> Any:
            def work(tx: Tx) -> None:
                write(tx)
                numbers.append(tx.number)

            return work

        async def version() -> int:
            row = await store.read(lambda view: view.get(JobRow, "a"))
            assert row is not None
            return row.version

        for write in (
            lambda tx: tx.add(job("a")),
            lambda tx: tx.put(job("a", reason="r")),
            lambda tx: tx.put(tx.get(JobRow, "a")),
            lambda tx: tx.update(JobRow, "a", {"reason": "r"}, reason=None),
        ):
            await store.serial(step(write))
            assert await version() == numbers[-1]
        assert numbers == sorted(set(numbers))
        assert await found(store, JobRow, version__gt=numbers[-2]) == ["a"]
        assert await found(store, JobRow, version__gt=numbers[-1]) == []


class TestGuardedUpdates:
    async def test_change_what_is_as_expected(self, store: Store) -> None:
        await add(store, LeaseRow(id="j", attempt=1, session="s", host="h"))
        update = {"attempt": 1, "session": "s"}
        assert await store.write(lambda tx: tx.update(LeaseRow, "j", update, reports=1))
        assert not await store.write(
            lambda tx: tx.update(LeaseRow, "j", {"attempt": 2}, reports=2, session="t")
        )
        assert not await store.write(lambda tx: tx.update(LeaseRow, "k", {}, reports=2))
        got = await store.read(lambda view: view.find(LeaseRow))
        assert got == [LeaseRow(id="j", attempt=1, session="s", host="h", reports=1)]

    async def test_expect_none(self, store: Store) -> None:
        await add(store, HostRow(id="h", created=0.0))
        expected = {"last_seen": None, "draining": False}
        assert await store.write(lambda tx: tx.update(HostRow, "h", expected, last_seen=5.0))
        assert not await store.write(lambda tx: tx.update(HostRow, "h", expected, last_seen=6.0))

    async def test_of_many_at_once_one_wins(self, store: Store) -> None:
        await add(store, CounterRow(id="a", value=0))

        def take(name: int) -> Any:
            return lambda tx: tx.update(CounterRow, "a", {"value": 0}, value=name)

        won = await asyncio.gather(*(store.write(take(name)) for name in range(1, 30)))
        assert won.count(True) == 1
        got = await store.read(lambda view: view.get(CounterRow, "a"))
        assert got is not None
        assert got.value == won.index(True) + 1

    async def test_are_seen_by_a_later_put_of_the_same_work(self, store: Store) -> None:
        await add(store, HostRow(id="h", created=0.0, labels=("a",)))

        def work(tx: Tx) -> None:
            row = tx.get(HostRow, "h")
            assert row is not None
            tx.update(HostRow, "h", {}, labels=("b",))
            tx.put(row)

        await store.serial(work)
        got = await store.read(lambda view: view.get(HostRow, "h"))
        assert got is not None
        assert got.labels == ("a",)


class TestConditions:
    @pytest.fixture(autouse=True)
    async def rows(self, store: Store) -> None:
        await add(
            store,
            job("a", "r", JobState.QUEUED, finished_at=None, host="x"),
            job("b", "r", JobState.RUNNING, finished_at=3.0, host=None),
            job("c", "s", JobState.QUEUED, finished_at=1.0, host="y"),
            job("d", "s", JobState.LOST, finished_at=2.0, host="x"),
        )

    @pytest.mark.parametrize(
        ("conditions", "expected"),
        [
            ({}, "abcd"),
            ({"run": "r"}, "ab"),
            ({"run": "r", "state": JobState.QUEUED}, "a"),
            ({"state": (JobState.QUEUED, JobState.LOST)}, "acd"),
            ({"state": ()}, ""),
            ({"host": None}, "b"),
            ({"host": ("x", None)}, "abd"),
            ({"finished_at__lt": 3.0}, "cd"),
            ({"finished_at__gt": 1.0}, "bd"),
            ({"finished_at__gt": 1.0, "finished_at__lt": 3.0}, "d"),
            ({"id__gt": "b", "run": ("r", "s")}, "cd"),
            ({"id": ("a", "z")}, "a"),
            ({"attempt": (0, 7)}, "abcd"),
            ({"finished_at": (1.0, 2.0)}, "cd"),
        ],
    )
    async def test_all_must_hold(
        self, store: Store, conditions: dict[str, Any], expected: str
    ) -> None:
        assert await found(store, JobRow, **conditions) == list(expected)
        assert await store.read(lambda view: view.count(JobRow, **conditions)) == len(expected)

    @pytest.mark.parametrize(
        ("order", "limit", "expected"),
        [
            ("id", 2, "ab"),
            ("-id", 2, "dc"),
            ("run", None, "abcd"),
            ("-run", None, "cdab"),
            ("finished_at", None, "acdb"),
            ("-finished_at", None, "bdca"),
            ("host", 3, "bad"),
            ("id", 0, ""),
        ],
    )
    async def test_order_and_limit(
        self, store: Store, order: str, limit: int | None, expected: str
    ) -> None:
        assert await found(store, JobRow, order=order, limit=limit) == list(expected)

    async def test_flags(self, store: Store) -> None:
        await add(store, HostRow(id="x", created=0.0, draining=True), HostRow(id="y", created=0.0))
        assert await found(store, HostRow, draining=True) == ["x"]
        assert await found(store, HostRow, draining=(True, False)) == ["x", "y"]


async def test_text_is_sorted_by_code_points(store: Store) -> None:
    names = ["B", "a", "Z/1", "_", "ä", "z-2", "z1", "é", "\u4e00"]
    await add(store, *(CounterRow(id=name) for name in names))
    assert await found(store, CounterRow) == sorted(names)
    assert await found(store, CounterRow, id__gt="a") == [n for n in sorted(names) if n > "a"]


class TestTransactions:
    @pytest.mark.parametrize("kind", ["serial", "write"])
    async def test_an_exception_undoes_everything(self, store: Store, kind: str) -> None:
        await add(store, CounterRow(id="a", value=1))
        news = store.watch("topic", run_topic("r"))

        def work(tx: Tx) -> None:
            tx.add(CounterRow(id="b"))
            tx.update(CounterRow, "a", {}, value=7)
            tx.emit("r", None, [line("lost")])
            tx.announce("topic")
            raise ValueError("no")

        with pytest.raises(ValueError, match=r"^no$"):
            await getattr(store, kind)(work)
        got = await store.read(lambda view: (view.find(CounterRow), view.journal("r")))
        assert got == ([CounterRow(id="a", value=1)], [])
        assert not await woken(store, news)

    async def test_one_that_fails_does_not_disturb_others(self, store: Store) -> None:
        def work(name: int) -> Any:
            def do(tx: Tx) -> int:
                tx.add(CounterRow(id=f"{name:03}"))
                tx.emit("r", None, [line(str(name))])
                if name % 3 == 0:
                    raise ValueError(name)
                return tx.number

            return do

        results = await asyncio.gather(
            *(store.serial(work(name)) for name in range(100)), return_exceptions=True
        )
        kept = [name for name in range(100) if name % 3]
        assert [n for n, result in enumerate(results) if isinstance(result, int)] == kept
        assert await found(store, CounterRow) == [f"{name:03}" for name in kept]
        journal = await store.read(lambda view: view.journal("r"))
        assert [entry.event for entry in journal] == [line(str(name)) for name in kept]

    async def test_serial_ones_come_one_after_the_other(self, store: Store) -> None:
        await add(store, CounterRow(id="a", value=0))

        def work(tx: Tx) -> int:
            row = tx.get(CounterRow, "a")
            assert row is not None
            tx.put(CounterRow(id="a", value=row.value + 1))
            return tx.number

        numbers = await asyncio.gather(*(store.serial(work) for _ in range(100)))
        got = await store.read(lambda view: view.get(CounterRow, "a"))
        assert got == CounterRow(id="a", value=100)
        assert numbers == sorted(set(numbers))

    async def test_those_beside_have_no_number(self, store: Store) -> None:
        assert await store.write(lambda tx: tx.number) == 0
        assert await store.serial(lambda tx: tx.number) > 0

    async def test_reads_see_the_works_own_writes(self, store: Store) -> None:
        def work(tx: Tx) -> tuple[Any, ...]:
            tx.add(job("a"))
            tx.put(job("b"))
            tx.update(JobRow, "a", {}, state=JobState.RUNNING)
            tx.delete(JobRow, "b")
            tx.emit("r", None, [line("1"), line("2")])
            running = tx.find(JobRow, state=JobState.RUNNING)
            numbers = [entry.number for entry in tx.journal("r")]
            tx.emit("r", None, [line("3")])
            return [row.id for row in running], tx.count(JobRow), numbers, tx.journal_span("r")

        assert await store.serial(work) == (["a"], 1, [1, 2], (1, 3))

    async def test_a_journal_looked_at_by_a_work_that_fails_is_whole(self, store: Store) -> None:
        def good(tx: Tx) -> None:
            tx.emit("r", None, [line("kept")])

        def bad(tx: Tx) -> None:
            tx.emit("r", None, [line("lost")])
            assert tx.journal_span("r")[1] > 0
            raise ValueError

        works = [good, bad] * 20
        await asyncio.gather(*(store.serial(work) for work in works), return_exceptions=True)
        journal = await store.read(lambda view: view.journal("r"))
        assert [entry.event for entry in journal] == [line("kept")] * 20
        assert [entry.number for entry in journal] == list(range(1, 21))

    async def test_a_read_sees_one_moment(self, store: Store) -> None:
        """Both rows are changed together again and again, and never seen apart."""
        await add(store, CounterRow(id="a", value=0), CounterRow(id="b", value=0))

        def change(tx: Tx) -> None:
            for key in ("a", "b"):
                tx.update(CounterRow, key, {}, value=tx.number)

        def look(view: View) -> bool:
            a, b = view.get(CounterRow, "a"), view.get(CounterRow, "b")
            return a is not None and b is not None and a.value == b.value

        changes = [asyncio.create_task(store.serial(change)) for _ in range(100)]
        seen = await asyncio.gather(*(store.read(look) for _ in range(100)))
        await asyncio.gather(*changes)
        assert all(seen)

    async def test_a_cancelled_call_does_no_harm(self, store: Store) -> None:
        tasks = [
            asyncio.create_task(add(store, CounterRow(id=f"{number:03}"))) for number in range(50)
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await add(store, CounterRow(id="last"))
        assert {f"{number:03}" for number in range(1, 50, 2)} | {"last"} <= set(
            await found(store, CounterRow)
        )


def trim(upto: int) -> Callable[[Tx], None]:
    return lambda tx: tx.trim_journal("r", upto)


class TestJournal:
    async def test_counts_from_one_without_gaps(self, store: Store) -> None:
        assert await store.read(lambda view: view.journal_span("r")) == (1, 0)
        works = [store.serial, store.write]
        await asyncio.gather(
            *(
                works[number % 2](lambda tx: tx.emit("r", "j", [line("x"), line("y")]))
                for number in range(50)
            )
        )
        journal = await store.read(lambda view: view.journal("r"))
        assert [entry.number for entry in journal] == list(range(1, 101))
        assert [entry.event for entry in journal] == [line("x"), line("y")] * 50
        assert await store.read(lambda view: view.journal_span("r")) == (1, 100)

    async def test_is_read_in_parts(self, store: Store) -> None:
        def work(tx: Tx) -> None:
            tx.emit("r", "a", [line("1")])
            tx.emit("r", None, [line("2")])
            tx.emit("other", "a", [line("x")])
            tx.emit("r", "b", [line("3")])
            tx.emit("r", "a", [line("4")])

        await store.serial(work)

        async def numbers(**query: Any) -> list[int]:
            entries = await store.read(lambda view: view.journal("r", **query))
            return [entry.number for entry in entries]

        assert await numbers() == [1, 2, 3, 4]
        assert await numbers(after=1, limit=2) == [2, 3]
        assert await numbers(job="a") == [1, 4]
        assert await numbers(job="a", after=1) == [4]
        assert await numbers(after=4) == []
        (entry,) = await store.read(lambda view: view.journal("r", after=3))
        assert (entry.run, entry.number, entry.job, entry.event) == ("r", 4, "a", line("4"))

    async def test_is_trimmed_and_goes_on(self, store: Store) -> None:
        await store.write(lambda tx: tx.emit("r", None, [line(str(n)) for n in range(1, 6)]))
        for upto in (3, 2):
            await store.serial(trim(upto))
            assert await store.read(lambda view: view.journal_span("r")) == (4, 5)
        await store.serial(trim(5))
        assert await store.read(lambda view: view.journal_span("r")) == (6, 5)
        await store.write(lambda tx: tx.emit("r", None, [line("6")]))
        journal = await store.read(lambda view: view.journal("r", after=2))
        assert [(entry.number, entry.event) for entry in journal] == [(6, line("6"))]

    async def test_a_trim_that_failed_forgets_nothing(self, store: Store) -> None:
        await store.write(lambda tx: tx.emit("r", None, [line("1"), line("2")]))

        def work(tx: Tx) -> None:
            tx.trim_journal("r", 1)
            raise ValueError

        with pytest.raises(ValueError, match=r"^$"):
            await store.serial(work)
        assert await store.read(lambda view: view.journal_span("r")) == (1, 2)
        assert len(await store.read(lambda view: view.journal("r"))) == 2

    async def test_keeps_what_was_printed(self, store: Store) -> None:
        printed = line("\0 \x1b[1m \ud800 ü \u2028 'quote' \"double\" % : \\")
        await store.write(lambda tx: tx.emit("r", None, [printed]))
        (entry,) = await store.read(lambda view: view.journal("r"))
        assert entry.event == printed


class TestWatching:
    async def test_wakes_for_its_topics(self, store: Store) -> None:
        mine, others = store.watch("a", "b"), store.watch("c")
        await store.serial(lambda tx: tx.announce("b"))
        await mine.wait()
        assert not await woken(store, others)

    async def test_emitting_announces_the_run(self, store: Store) -> None:
        news = store.watch(run_topic("r"))
        await store.write(lambda tx: tx.emit("r", None, [line("x")]))
        await news.wait()

    async def test_what_was_announced_before_the_wait_is_not_missed(self, store: Store) -> None:
        news = store.watch("a")
        for _ in range(2):
            await store.serial(lambda tx: tx.announce("a"))
            await news.wait()

    async def test_what_wakes_can_be_seen(self, store: Store) -> None:
        news = store.watch("a")

        def work(tx: Tx) -> None:
            tx.add(CounterRow(id="x"))
            tx.announce("a")

        task = asyncio.create_task(store.write(work))
        await news.wait()
        assert await found(store, CounterRow) == ["x"]
        await task

    async def test_a_closed_one_is_forgotten(self, store: Store) -> None:
        news = store.watch("a")
        news.close()
        news.close()
        assert not await woken(store, news)


async def test_closing_waits_for_what_runs(store: Store) -> None:
    tasks = [asyncio.create_task(add(store, CounterRow(id=str(n)))) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    await asyncio.gather(*tasks)
