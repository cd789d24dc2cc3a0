"""Jobs: listed, shown with why they wait, cancelled; what they took."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.server.api.access import Caller, may
from mayfly.server.api.listing import page
from mayfly.server.api.said import REFUSALS, Line, Listing, Page, ProjectName, Said
from mayfly.server.api.shapes import Job
from mayfly.server.api.visibility import projects_condition
from mayfly.server.people.audit import Author, note
from mayfly.server.people.roles import Action
from mayfly.server.sizes import suggested
from mayfly.server.waiting import why_they_wait
from mayfly.store.base import Tx, View
from mayfly.store.rows import JobRow, MeteringRow

router = APIRouter(tags=["jobs"], responses=REFUSALS)

JobPath = Annotated[str, Field(max_length=200)]


class JobListing(Listing):
    """Filters; all that are given must hold, of several states any."""

    project: ProjectName | None = None
    run: Line | None = None
    host: Line | None = None
    state: list[JobState] = Field(default_factory=list, max_length=len(JobState))


class Metering(Said):
    """What one attempt took. `usage` is as its host measured it, in SI units."""

    id: str
    job: str
    run: str
    project: str
    host: str
    state: JobState
    architecture: Architecture
    millicpu: int
    memory_mib: int
    queued_s: float
    ran_s: float
    finished: float
    usage: dict[str, Any]


class SizeSuggestion(Said):
    """What to ask for in `runs-on` instead, and why; null if nothing speaks clearly for it."""

    label: str | None = None
    reason: str | None = None


@router.get("/jobs", summary="Jobs, those that changed last first")
async def list_jobs(
    caller: Annotated[Caller, may(Action.LOOK)], listing: Annotated[JobListing, Query()]
) -> Page[Job]:
    def work(view: View) -> tuple[list[JobRow], str | None]:
        conditions = projects_condition(view, caller.actor, listing.project)
        if listing.state:
            conditions["state"] = tuple(listing.state)
        if listing.run is not None:
            conditions["run"] = listing.run
        if listing.host is not None:
            conditions["host"] = listing.host
        return page(view, JobRow, "-version", listing.limit, listing.after, **conditions)

    rows, more = await caller.read(work)
    why = await why_they_wait(caller.services, rows)
    return Page(items=[Job.of_job(row, why) for row in rows], next=more)


@router.get("/jobs/{job}", summary="A job, and why it waits")
async def show_job(job: JobPath, caller: Annotated[Caller, may(Action.RUN_READ)]) -> Job:
    return await _shown(caller, caller.the_job)


@router.post("/jobs/{job}/cancel", summary="Cancel a job")
async def cancel_job(job: JobPath, caller: Annotated[Caller, may(Action.RUN_CANCEL)]) -> Job:
    """Nothing once it is over; jobs that need it see it as cancelled."""
    orchestrator, row = caller.services.orchestrator, caller.the_job

    def work(tx: Tx, author: Author) -> JobRow:
        if orchestrator.cancel_job(tx, job, f"cancelled by {author.actor}"):
            note(tx, author, "job.cancel", job, project=row.project, run=row.run)
        return tx.get(JobRow, job) or row

    return await _shown(caller, await caller.change(work))


@router.get("/jobs/{job}/metering", summary="What each attempt of a job took")
async def show_metering(
    job: JobPath, caller: Annotated[Caller, may(Action.RUN_READ)]
) -> list[Metering]:
    rows = await caller.read(lambda view: view.find(MeteringRow, job=job))
    return [Metering.of(row) for row in rows]


@router.get("/jobs/{job}/size", summary="Which size the job should ask for")
async def suggest_size(
    job: JobPath, caller: Annotated[Caller, may(Action.RUN_READ)]
) -> SizeSuggestion:
    """By what its last runs took, of the same name, architecture and size."""
    found = await caller.read(lambda view: suggested(view, caller.the_job))
    return SizeSuggestion(label=found.label, reason=found.reason) if found else SizeSuggestion()


async def _shown(caller: Caller, row: JobRow) -> Job:
    return Job.of_job(row, await why_they_wait(caller.services, [row]))
