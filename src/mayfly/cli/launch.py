"""What `mayfly run` does, from the clone to the exit code: choose, fetch, plan, then `watch`."""

import asyncio
import contextlib
import functools
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from mayfly.cli.client import Client
from mayfly.cli.fleet import FleetOptions, Sources, reap, run_plans
from mayfly.cli.hosting import Hosting
from mayfly.cli.planning import fetched_first
from mayfly.cli.remote_run import Sent, run_on_server
from mayfly.cli.request import Request
from mayfly.cli.selection import Selection, nothing_to_run, select
from mayfly.cli.servers import Account
from mayfly.cli.sourced import with_sources
from mayfly.cli.terminal import say
from mayfly.cli.views import open_view
from mayfly.cli.watching import Progress, Running, watch
from mayfly.domain.errors import InvalidInput, WorkflowInvalid
from mayfly.domain.events import Observer, RunRef
from mayfly.domain.job import Conclusion
from mayfly.services.actions import ResolvedActions, resolve_actions
from mayfly.services.config import Config
from mayfly.services.source import RepositorySource
from mayfly.system import tasks
from mayfly.system.home import Home
from mayfly.workflow.planned import RunPlan


@dataclass(frozen=True, slots=True)
class Fleet:
    """The server to run on; `project` is the clone's own repository if None."""

    account: Account
    project: str | None = None


async def launch(
    home: Home,
    config: Config,
    request: Request,
    hosting: Hosting,
    stop: asyncio.Event,
    *,
    json: bool,
    events: Path | None = None,
    fleet: "Fleet | None" = None,
) -> int:
    """The exit code. `stop` ends what runs in order; cancelling ends it at once.

    Runs here unless a `fleet` is given.
    """
    async with contextlib.AsyncExitStack() as stack:
        async with _given_up_when(stop):
            if fleet is None:
                await reap(home)
            selection = await select(request)
            if not selection.chosen:
                raise nothing_to_run(selection, request)
            plans = selection.plans(request, variables=config.vars, labels=config.labels)
            resolved = await _resolve(stack, selection, plans, config, home)
        source = await _packed(stack, selection, resolved, home)
        plans = [resolved.into(plan) for plan in plans]
        refs = [RunRef(plan.workflow.file, plan.architecture) for plan in plans]
        progress = Progress(refs, stop)
        log = stack.enter_context(_written(events)) if events else None
        view = open_view(progress.record, refs, stop, json=json, events=log)
        view.introduce(list(_introduction(selection)))
        if fleet is None:
            running = _here(home, plans, _sources(source, resolved), hosting, stop)
        else:
            client = await stack.enter_async_context(Client(fleet.account))
            project = fleet.project or selection.repository.state.full_name
            texts = {**selection.texts, **resolved.texts}
            sent = Sent(plans, texts, source, resolved, project, hosting.fit)
            running = functools.partial(_there, client, home, sent, stop)
        return await watch(running, progress, view, stop)


def _here(
    home: Home, plans: Sequence[RunPlan], sources: Sources, hosting: Hosting, stop: asyncio.Event
) -> Running:
    options = FleetOptions(
        home=home,
        sources=sources,
        fit=hosting.fit,
        keep_on_failure=hosting.keep_on_failure,
        network=hosting.network,
        disk_gib=hosting.disk_gib,
        log_limit=hosting.log_limit,
    )
    return lambda observe: run_plans(plans, options, observe, stop)


def _sources(source: RepositorySource, resolved: ResolvedActions) -> Sources:
    return lambda key: source.open() if key is None else resolved.open(key)


async def _there(
    client: Client, home: Home, sent: Sent, stop: asyncio.Event, observe: Observer
) -> Mapping[RunRef, Conclusion]:
    return await run_on_server(client, home, sent, observe, stop)


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
