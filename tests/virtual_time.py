"""An event loop whose clock jumps to the next timer: no test waits, and a lost wake-up is seen.

With nothing ready and no timer left nothing could ever happen again; a real loop would hang, this
one raises `Stuck` with what every task waits for. For coroutines that keep to one process.
"""

import asyncio
import functools
import itertools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

_TURNS = 200_000  # far more than any test needs


class Stuck(AssertionError):
    """Nothing will ever happen again."""


class _Selector(selectors.DefaultSelector):
    """Never waits; `turns` counts the loop's iterations."""

    def __init__(self, most_turns: int) -> None:
        super().__init__()
        self.now = 0.0
        self.turns = 0
        self.most_turns = most_turns
        self.at_turn: Callable[[int], None] = lambda turn: None

    def select(self, timeout: float | None = None) -> Any:
        self.turns += 1
        self.at_turn(self.turns)
        ready = super().select(0)
        if self.turns > self.most_turns:
            raise Stuck(f"still busy after {self.most_turns} turns:\n{_waiting()}")
        if not ready and timeout is None:
            raise Stuck(f"nothing will ever happen:\n{_waiting()}")
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self, most_turns: int = _TURNS) -> None:
        self.virtual = _Selector(most_turns)
        super().__init__(self.virtual)

    def time(self) -> float:
        # Timers may be off by the clock's resolution; a jump must reach them.
        return self.virtual.now + 1e-6

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, function: Callable[..., _T], *args: Any
    ) -> "asyncio.Future[_T]":
        """At once: the clock would jump on while a thread is at work, each time elsewhere."""
        future: asyncio.Future[_T] = self.create_future()
        try:
            future.set_result(function(*args))
        except Exception as error:  # noqa: BLE001 (whatever it is, who awaits it is told)
            future.set_exception(error)
        return future


def run_virtual(
    work: Callable[[], Coroutine[Any, Any, _T]],
    *,
    cancel_at: int | None = None,
    cancel_times: int = 1,
    most_turns: int = _TURNS,
) -> _T:
    """Run to the end; fails if a task is left. Cancelled at the given turns of the loop, if any.

    After `most_turns` nothing but an endless loop is thought of.
    """

    async def main() -> _T:
        task = asyncio.ensure_future(work())
        if cancel_at is not None:
            turns = range(cancel_at, cancel_at + cancel_times)
            begun = loop.virtual.turns

            def maybe(turn: int) -> None:
                if turn - begun in turns:
                    loop.call_soon(task.cancel)

            loop.virtual.at_turn = maybe
        try:
            return await task
        finally:
            loop.virtual.at_turn = lambda turn: None
            await _settle()

    loop = VirtualTimeLoop(most_turns)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main())


def cancelled_at_every_turn(
    work: Callable[[], Coroutine[Any, Any, object]],
    check: Callable[[], None],
    *,
    times: int = 1,
) -> int:
    """Run again and again, each time cancelled a turn later, until one run ends by itself.

    After each run no task may be left, and `check` must pass. Returns how many were cancelled.
    """
    for turn in itertools.count(1):
        try:
            run_virtual(work, cancel_at=turn, cancel_times=times)
        except asyncio.CancelledError:
            check()
            continue
        check()
        return turn - 1
    raise AssertionError


def virtual_time(
    test: Callable[_P, Coroutine[Any, Any, None]],
) -> Callable[_P, None]:
    """Decorates an asynchronous test."""

    @functools.wraps(test)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> None:
        run_virtual(functools.partial(test, *args, **kwargs))

    return wrapped


async def _settle() -> None:
    """Let what was cancelled end; nothing else may be left."""
    for _ in range(3):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks are left:\n{left}"


def _waiting() -> str:
    return "\n".join(str(task) for task in asyncio.all_tasks())
