"""Runs, and the submissions they came in: listed, shown, cancelled, run again."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from mayfly.server.api.access import Caller, may
from mayfly.server.api.listing import page
from mayfly.server.api.said import REFUSALS, Asked, Line, Listing, Page, ProjectName, Said
from mayfly.server.api.shapes import Run, RunWithJobs
from mayfly.server.api.visibility import projects_condition
from mayfly.server.people.audit import Author, note
from mayfly.server.people.roles import Action
from mayfly.server.waiting import why_they_wait
from mayfly.store.base import Tx, View
from mayfly.store.rows import JobRow, RunRow

router = APIRouter(tags=["runs"], responses=REFUSALS)

RunPath = Annotated[str, Field(max_length=200)]


class RunListing(Listing):
    """Filters; all that are given must hold."""

    project: ProjectName | None = None
    branch: Line | None = None
    event: Line | None = None
    actor: Line | None = None
    sha: Line | None = None
    state: Literal["active", "finished"] | None = None
    conclusion: Literal["success", "failure", "cancelled", "skipped"] | None = None


class Cancellation(Asked):
    """With `force` not even jobs under `always()` run any more."""

    force: bool = False


class Retry(Asked):
    """With `failed_only` jobs that succeeded stay so, and their outputs are used."""

    failed_only: bool = True


class SubmissionShown(Said):
    id: str
    runs: list[Run]


@router.get("/runs", summary="Runs, the latest first")
async def list_runs(
    caller: Annotated[Caller, may(Action.LOOK)], listing: Annotated[RunListing, Query()]
) -> Page[Run]:
    def work(view: View) -> tuple[list[RunRow], str | None]:
        conditions = projects_condition(view, caller.actor, listing.project)
        for name in ("branch", "event", "actor", "sha", "conclusion"):
            if (value := getattr(listing, name)) is not None:
                conditions[name] = value
        if listing.state == "active":
            conditions["finished"] = None
        elif listing.state == "finished":
            conditions["finished__gt"] = 0.0
        return page(view, RunRow, "-created", listing.limit, listing.after, **conditions)

    rows, more = await caller.read(work)
    return Page(items=[Run.of(row) for row in rows], next=more)


@router.get("/runs/{run}", summary="A run with its jobs")
async def show_run(run: RunPath, caller: Annotated[Caller, may(Action.RUN_READ)]) -> RunWithJobs:
    return await _shown(caller, run)


@router.post("/runs/{run}/cancel", summary="Cancel a run")
async def cancel_run(
    run: RunPath, wanted: Cancellation, caller: Annotated[Caller, may(Action.RUN_CANCEL)]
) -> RunWithJobs:
    """Its jobs end as soon as their machines let them; nothing once it is over."""
    orchestrator, row = caller.services.orchestrator, caller.the_run

    def work(tx: Tx, author: Author) -> None:
        reason = f"cancelled by {author.actor}"
        if orchestrator.cancel_run(tx, run, reason, close=wanted.force):
            note(tx, author, "run.cancel", run, project=row.project, force=wanted.force)

    await caller.change(work)
    return await _shown(caller, run)


@router.post("/runs/{run}/retry", summary="Run it again", status_code=201)
async def retry_run(
    run: RunPath, wanted: Retry, caller: Annotated[Caller, may(Action.RUN_RETRY)]
) -> RunWithJobs:
    """Answers the new run: another attempt of the same."""
    submissions, row = caller.services.submissions, caller.the_run

    def work(tx: Tx, author: Author) -> str:
        current = tx.get(RunRow, run) or row
        new = submissions.again(tx, current, author.actor, failed_only=wanted.failed_only)
        note(tx, author, "run.retry", run, project=row.project, run=new, **wanted.model_dump())
        return new

    return await _shown(caller, await caller.change(work))


@router.get("/submissions/{submission}", summary="The runs that were asked for at once")
async def show_submission(
    submission: RunPath, caller: Annotated[Caller, may(Action.RUN_READ)]
) -> SubmissionShown:
    rows = await caller.read(lambda view: view.find(RunRow, submission=submission))
    return SubmissionShown(id=submission, runs=[Run.of(row) for row in rows])


@router.post("/submissions/{submission}/cancel", summary="Cancel all runs of a submission")
async def cancel_submission(
    submission: RunPath, wanted: Cancellation, caller: Annotated[Caller, may(Action.RUN_CANCEL)]
) -> SubmissionShown:
    orchestrator, project = caller.services.orchestrator, caller.the_project.id

    def work(tx: Tx, author: Author) -> list[RunRow]:
        reason = f"cancelled by {author.actor}"
        runs = [row.id for row in tx.find(RunRow, submission=submission)]
        for run in runs:
            if orchestrator.cancel_run(tx, run, reason, close=wanted.force):
                note(tx, author, "run.cancel", run, project=project, force=wanted.force)
        return tx.find(RunRow, submission=submission)

    rows = await caller.change(work)
    return SubmissionShown(id=submission, runs=[Run.of(row) for row in rows])


async def _shown(caller: Caller, run: str) -> RunWithJobs:
    def work(view: View) -> tuple[RunRow | None, list[JobRow]]:
        return view.get(RunRow, run), view.find(JobRow, order="created", run=run)

    row, jobs = await caller.read(work)
    assert row is not None  # the gate found it, or it was made just now
    return RunWithJobs.of_all(row, jobs, await why_they_wait(caller.services, jobs))
