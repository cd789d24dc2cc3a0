"""Runs plans and shows them: until the last has ended, and then until kept machines are let go."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from mayfly.cli.views import View
from mayfly.domain.errors import ExitCode
from mayfly.domain.events import Event, Observer, RunFinished, RunRef
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.record import Record
from mayfly.parity.compare import compare
from mayfly.system import tasks

_GOOD = frozenset({Conclusion.SUCCESS, Conclusion.SKIPPED})


class Progress:
    """What is known of the runs; `ended` once all of them are over, though machines may be kept."""

    def __init__(self, runs: Sequence[RunRef], stop: asyncio.Event):
        self.record = Record()
        self.ended = asyncio.Event()
        self.interrupted = False
        self._left = len(runs)
        self._stop = stop

    def take(self, event: Event) -> None:
        self.record.apply(event)
        if isinstance(event, RunFinished):
            self._left -= 1
            if self._left == 0:
                self.interrupted = self._stop.is_set()
                self.ended.set()


Running = Callable[[Observer], Coroutine[Any, Any, Mapping[RunRef, Conclusion]]]
"""Carries all plans out, here or on a server, and tells what happens."""


async def watch(
    carry_out: Running,
    progress: Progress,
    view: View,
    stop: asyncio.Event,
) -> int:
    """The exit code, once nothing is left; the report comes as soon as all runs have ended."""

    def observe(event: Event) -> None:
        progress.take(event)
        view.observe(event)

    running = asyncio.create_task(carry_out(observe))
    try:
        await _draw(running, progress.ended, stop, view)
        if progress.ended.is_set():
            view.report(compare(progress.record))
        conclusions = await running
    finally:
        await tasks.stop(running)
    exit_code = _exit_code(conclusions, progress)
    view.leave(exit_code)
    return exit_code


async def _draw(
    running: "asyncio.Task[Mapping[RunRef, Conclusion]]",
    ended: asyncio.Event,
    stop: asyncio.Event,
    view: View,
) -> None:
    """Draws until all runs have ended, or their task has."""
    over = asyncio.create_task(ended.wait())
    stopped = asyncio.create_task(stop.wait())
    try:
        async with view.drawing():
            await asyncio.wait({running, over, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not (running.done() or over.done()):
                view.tell("cancelling; Ctrl-C again ends it at once")
                await asyncio.wait({running, over}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.stop(over, stopped)


def _exit_code(conclusions: Mapping[RunRef, Conclusion], progress: Progress) -> ExitCode:
    """A failed job outweighs one that this host lost, and that one a job that could never run."""
    if progress.interrupted:
        return ExitCode.INTERRUPTED
    if all(conclusion in _GOOD for conclusion in conclusions.values()):
        return ExitCode.OK
    states = {job.state for job in progress.record.jobs}
    if states & {JobState.FAILED, JobState.TIMED_OUT}:
        return ExitCode.JOB_FAILED
    if JobState.LOST in states:
        return ExitCode.HOST
    return ExitCode.INVALID if JobState.REJECTED in states else ExitCode.JOB_FAILED
