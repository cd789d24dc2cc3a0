"""Runs plans on a server's fleet: sends the clone, then tells what happens as if it were here."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mayfly.cli.client import Client, pieces_of
from mayfly.cli.terminal import say
from mayfly.domain.errors import HostCannot
from mayfly.domain.events import Observer, RunFinished, RunRef
from mayfly.domain.job import Conclusion
from mayfly.protocol import codec
from mayfly.protocol.reports import untag_event
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.services.actions import ResolvedActions
from mayfly.services.scratch import scratch
from mayfly.services.source import RepositorySource
from mayfly.system import tasks
from mayfly.system.home import Home
from mayfly.system.threads import in_thread
from mayfly.workflow.planned import RunPlan


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes to the server: `texts` are of all workflows, `project` is whose the runs are."""

    plans: Sequence[RunPlan]
    texts: Mapping[str, str]
    source: RepositorySource
    resolved: ResolvedActions
    project: str
    fit: bool


async def run_on_server(
    client: Client, home: Home, sent: Sent, observe: Observer, stop: asyncio.Event
) -> Mapping[RunRef, Conclusion]:
    """Carry out all plans there. Setting `stop` cancels them; so does cancelling the call."""
    if not await client.has(f"/projects/{sent.project}"):
        await client.post("/projects", {"id": sent.project})  # who may
        say(f"made project {sent.project} on {client.url}")
    submission = await _submission(client, home, sent)
    said = await client.post(f"/projects/{sent.project}/submissions", codec.to_plain(submission))
    identity = str(said["id"])
    stopping = asyncio.create_task(_cancel_when(stop, client, identity))
    conclusions: dict[RunRef, Conclusion] = {}
    try:
        async for told in client.events(f"/submissions/{identity}/events"):
            event = untag_event(told.event)
            if isinstance(event, RunFinished):
                conclusions[event.run] = event.conclusion
            observe(event)
    except asyncio.CancelledError:
        await tasks.to_the_end(_cancel(client, identity, force=True))
        raise
    finally:
        await tasks.stop(stopping)
    if len(conclusions) < len(sent.plans):
        raise HostCannot(f"{client.url} told the end of {len(conclusions)} runs only")
    return conclusions


async def _submission(client: Client, home: Home, sent: Sent) -> Submission:
    with scratch(home.spool) as folder:
        source = await _upload(client, folder, sent.source.open())
        actions = {
            key: await _upload(client, folder, sent.resolved.open(key))
            for key in sent.resolved.sources
        }
    runs = tuple(_request(plan, sent.texts) for plan in sent.plans)
    return Submission(runs, source, actions, sent.fit)


async def _upload(client: Client, folder: Path, pieces: AsyncIterator[bytes]) -> str:
    """Its SHA-256; what the server has already is not sent again."""
    place, digest = folder / "upload", hashlib.sha256()
    with place.open("wb") as file:
        async for piece in pieces:
            digest.update(piece)
            await in_thread(file.write, piece)
    name = digest.hexdigest()
    await client.put_blob(f"/blobs/{name}", pieces_of(place))
    return name


def _request(plan: RunPlan, texts: Mapping[str, str]) -> RunRequest:
    return RunRequest(
        file=plan.workflow.file,
        texts=dict(texts),
        event=plan.event,
        repository=plan.repository,
        actions=dict(plan.actions),
        inputs=dict(plan.inputs),
        secrets=dict(plan.secrets),
        vars=dict(plan.vars),
        env=dict(plan.env),
        architecture=plan.architecture,
        jobs=plan.jobs,
        matrix=dict(plan.matrix),
        labels=dict(plan.labels),
        image=plan.image,
    )


async def _cancel_when(stop: asyncio.Event, client: Client, submission: str) -> None:
    await stop.wait()
    await _cancel(client, submission, force=False)


async def _cancel(client: Client, submission: str, *, force: bool) -> None:
    await client.post(f"/submissions/{submission}/cancel", {"force": force})
