"""What `mayfly run` does, from the clone to the exit code: choose, fetch, plan, run, report."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from mayfly.cli.fleet import FleetOptions, reap, run_plans
from mayfly.cli.hosting import Hosting
from mayfly.cli.request import Request
from mayfly.cli.selection import Selection, nothing_to_run, select
from mayfly.cli.sourced import with_sources
from mayfly.cli.views import View, open_view
from mayfly.domain.errors import ExitCode, InvalidInput, WorkflowInvalid
from mayfly.domain.events import Event, RunFinished, RunRef
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.record import Record
from mayfly.parity.compare import compare
from mayfly.services.actions import resolve_actions
from mayfly.services.config import Config
from mayfly.services.source import RepositorySource
from mayfly.system import tasks
from mayfly.system.home import Home
from mayfly.workflow.planned import RunPlan

_GOOD = frozenset({Conclusion.SUCCESS, Conclusion.SKIPPED})


async def launch(
    home: Home,
    config: Config,
    request: Request,
    hosting: Hosting,
    stop: asyncio.Event,
    *,
    json: bool,
    events: Path | None = None,
) -> int:
    """The exit code. `stop` ends what runs in order; cancelling ends it at once."""
    await reap(home)
    selection = await select(request)
    if not selection.chosen:
        raise nothing_to_run(selection, request)
    repository = selection.repository
    plans = selection.plans(request, variables=config.vars, labels=config.labels)
    async with contextlib.AsyncExitStack() as stack:
        with _helped(selection):
            async with with_sources(repository):
                resolved = await stack.enter_async_context(
                    resolve_actions(plans, repository, config.actions, home.actions)
                )
        source = await stack.enter_async_context(
            RepositorySource(
                repository,
                home.root / "spool",
                history=resolved.needs_history,
                ref=selection.chosen[0].event.ref,
            )
        )
        options = FleetOptions(
            home=home,
            sources=lambda key: source.open() if key is None else resolved.open(key),
            fit=hosting.fit,
            keep_on_failure=hosting.keep_on_failure,
            network=hosting.network,
            disk_gib=hosting.disk_gib,
            log_limit=hosting.log_limit,
        )
        plans = [resolved.into(plan) for plan in plans]
        refs = [RunRef(plan.workflow.file, plan.architecture) for plan in plans]
        progress = _Progress(refs, stop)
        log = stack.enter_context(_written(events)) if events else None
        view = open_view(progress.record, refs, stop, json=json, events=log)
        view.introduce(list(_introduction(selection)))
        return await _run(plans, options, progress, view, stop)


@contextlib.contextmanager
def _helped(selection: Selection) -> Iterator[None]:
    """Names the workflows that can run when others of the selection are refused."""
    try:
        yield
    except WorkflowInvalid as error:
        bad = {problem.file for problem in error.problems}
        chosen = {chosen.workflow.file for chosen in selection.chosen}
        if chosen - bad and bad <= chosen:  # not for problems of actions, which several may use
            names = " ".join(sorted(file.rpartition("/")[2] for file in chosen - bad))
            error.remedy = f"without such problems is: mayfly run {names}"
        raise


class _Progress:
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


async def _run(
    plans: Sequence[RunPlan],
    options: FleetOptions,
    progress: _Progress,
    view: View,
    stop: asyncio.Event,
) -> int:
    """Shows the runs until the last has ended; kept machines may stay longer than that."""

    def observe(event: Event) -> None:
        progress.take(event)
        view.observe(event)

    running = asyncio.create_task(run_plans(plans, options, observe, stop))
    try:
        await _watch(running, progress.ended, stop, view)
        if progress.ended.is_set():
            view.report(compare(progress.record))
        conclusions = await running
    finally:
        await tasks.stop(running)
    exit_code = _exit_code(conclusions, progress)
    view.leave(exit_code)
    return exit_code


async def _watch(
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


def _exit_code(conclusions: Mapping[RunRef, Conclusion], progress: _Progress) -> ExitCode:
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


def _written(events: Path) -> TextIO:
    try:
        return events.open("w", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"--events: cannot write {events}: {error.strerror}") from error


def _introduction(selection: Selection) -> Iterator[str]:
    for chosen in selection.chosen:
        event = chosen.event
        yield f"{chosen.workflow.file} is started by {event.name} ({event.ref})"
        if chosen.note:
            yield f"{chosen.workflow.file} {chosen.note}"
    for skipped in selection.skipped:
        yield f"{skipped.file} does not run: {skipped.reason}"
