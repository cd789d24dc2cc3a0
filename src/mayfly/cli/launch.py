"""What `mayfly run` does, from the clone to the exit code: choose, fetch, plan, then `watch`."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from mayfly.cli.fleet import FleetOptions, reap
from mayfly.cli.hosting import Hosting
from mayfly.cli.planning import fetched_first
from mayfly.cli.request import Request
from mayfly.cli.selection import Selection, nothing_to_run, select
from mayfly.cli.sourced import with_sources
from mayfly.cli.terminal import say
from mayfly.cli.views import open_view
from mayfly.cli.watching import Progress, watch
from mayfly.domain.errors import InvalidInput, WorkflowInvalid
from mayfly.domain.events import RunRef
from mayfly.services.actions import ResolvedActions, resolve_actions
from mayfly.services.config import Config
from mayfly.services.source import RepositorySource
from mayfly.system import tasks
from mayfly.system.home import Home
from mayfly.workflow.planned import RunPlan


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
    async with contextlib.AsyncExitStack() as stack:
        async with _given_up_when(stop):
            await reap(home)
            selection = await select(request)
            if not selection.chosen:
                raise nothing_to_run(selection, request)
            plans = selection.plans(request, variables=config.vars, labels=config.labels)
            resolved = await _resolve(stack, selection, plans, config, home)
        source = await _packed(stack, selection, resolved, home)
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
        progress = Progress(refs, stop)
        log = stack.enter_context(_written(events)) if events else None
        view = open_view(progress.record, refs, stop, json=json, events=log)
        view.introduce(list(_introduction(selection)))
        return await watch(plans, options, progress, view, stop)


async def _resolve(
    stack: contextlib.AsyncExitStack,
    selection: Selection,
    plans: Sequence[RunPlan],
    config: Config,
    home: Home,
) -> ResolvedActions:
    """Fetches what the plans use, or raises WorkflowInvalid with all that cannot be."""
    if sys.stderr.isatty() and any(any(fetched_first(plan)) for plan in plans):
        say("fetching actions …")
    resolving = resolve_actions(plans, selection.repository, config.actions, home.actions)
    with _helped(selection):
        async with with_sources(selection.repository):
            return await stack.enter_async_context(resolving)


async def _packed(
    stack: contextlib.AsyncExitStack, selection: Selection, resolved: ResolvedActions, home: Home
) -> RepositorySource:
    """The clone on its way to machines; packing goes on beside what follows."""
    ref = selection.chosen[0].event.ref
    source = RepositorySource(
        selection.repository, home.root / "spool", history=resolved.needs_history, ref=ref
    )
    return await stack.enter_async_context(source)


@contextlib.asynccontextmanager
async def _given_up_when(stop: asyncio.Event) -> AsyncIterator[None]:
    """Before anything runs there is nothing to end in order: `stop` cancels the block."""
    task = asyncio.current_task()

    async def give_up() -> None:
        await stop.wait()
        if task is not None:
            task.cancel()

    watching = asyncio.create_task(give_up())
    try:
        yield
    finally:
        await tasks.stop(watching)


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
