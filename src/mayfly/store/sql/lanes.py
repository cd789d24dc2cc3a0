"""Threads that carry out works: those that wait at the same time are taken together."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from mayfly.store.sql.driver import Mode
from mayfly.system.threads import in_thread

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Call:
    """A work that a caller waits for; its thread sets `result` or `error`."""

    work: Callable[[Any], Any]
    mode: Mode
    future: "asyncio.Future[Any]"
    asked: float
    result: Any = None
    error: BaseException | None = None

    def answer(self) -> None:
        """In the caller's loop. Who was cancelled meanwhile is told nothing."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Worker(Protocol):
    """Belongs to one thread."""

    def carry_out(self, calls: Sequence[Call]) -> Iterable[str]:
        """Settles each call, raises nothing; gives the topics to announce."""

    def close(self) -> None: ...


@dataclass(slots=True)
class _Waiting:
    calls: "deque[Call]" = field(default_factory=deque)
    idle: int = 0
    closing: bool = False


class Lane:
    """`threads` workers, each taking up to `most` calls at a time; threads start when needed.

    `announce` is called in the event loop, after the calls were answered.
    """

    def __init__(
        self,
        name: str,
        *,
        threads: int,
        most: int,
        worker: Callable[[], Worker],
        announce: Callable[[Iterable[str]], None],
    ):
        self._name = name
        self._most = most
        self._size = threads
        self._worker = worker
        self._announce = announce
        self._loop = asyncio.get_running_loop()
        self._threads: list[threading.Thread] = []
        self._news = threading.Condition()
        self._waiting = _Waiting()

    async def submit(self, mode: Mode, work: Callable[[Any], T]) -> T:
        """What the work returns or raises. A cancelled call that has not begun never will."""
        call = Call(work, mode, self._loop.create_future(), time.monotonic())
        with self._news:
            if self._waiting.closing:
                raise RuntimeError("the store is closed")
            self._waiting.calls.append(call)
            if not self._waiting.idle and len(self._threads) < self._size:
                self._start_thread()
            self._news.notify()
        result: T = await call.future
        return result

    async def close(self) -> None:
        """Waits for all that was asked for."""
        with self._news:
            self._waiting.closing = True
            self._news.notify_all()
        await in_thread(self._join)

    def _start_thread(self) -> None:
        # A daemon, as a transaction that is cut short is undone: nothing needs to be waited for
        # when a process ends without closing its store.
        thread = threading.Thread(target=self._main, name=self._name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _main(self) -> None:
        worker = self._worker()
        try:
            while calls := self._take():
                topics = worker.carry_out(calls)
                self._tell(calls, topics)
        finally:
            worker.close()

    def _take(self) -> list[Call]:
        """The next calls, shared with other threads that are free; none when all is done."""
        waiting = self._waiting
        with self._news:
            while True:
                taken: list[Call] = []
                share = min(self._most, -(-len(waiting.calls) // (waiting.idle + 1)))
                while waiting.calls and len(taken) < share:
                    call = waiting.calls.popleft()
                    if not call.future.cancelled():
                        taken.append(call)
                if taken or (waiting.closing and not waiting.calls):
                    return taken
                if not waiting.calls:
                    waiting.idle += 1
                    self._news.wait()
                    waiting.idle -= 1

    def _tell(self, calls: Sequence[Call], topics: Iterable[str]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            self._loop.call_soon_threadsafe(self._answer, calls, topics)

    def _answer(self, calls: Sequence[Call], topics: Iterable[str]) -> None:
        for call in calls:
            call.answer()
        self._announce(topics)
