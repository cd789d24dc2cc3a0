"""Who waits for leave to use an environment, and the word of its reviewers."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from mayfly.server.api.access import Caller, may
from mayfly.server.api.listing import page
from mayfly.server.api.runs import RunPath
from mayfly.server.api.said import REFUSALS, Asked, Listing, Page, ProjectName, Said, Text
from mayfly.server.api.visibility import projects_condition
from mayfly.server.environments import environment_id
from mayfly.server.people import environments
from mayfly.server.people.audit import Author
from mayfly.server.people.roles import Action
from mayfly.store.base import Tx, View
from mayfly.store.rows import EnvironmentRow, ReviewRow

router = APIRouter(tags=["reviews"], responses=REFUSALS)


class Review(Said):
    """`approved` is null until somebody said so. `reviewers` are those who may say it."""

    run: str
    project: str
    environment: str
    asked: float
    approved: bool | None
    by: str | None
    at: float | None
    comment: str
    reviewers: tuple[str, ...] = ()


class ReviewListing(Listing):
    project: ProjectName | None = None


class Decision(Asked):
    environment: str = Field(min_length=1, max_length=100)
    approve: bool
    comment: Text = ""


@router.get("/reviews", summary="What waits for a reviewer, the oldest first")
async def list_reviews(
    caller: Annotated[Caller, may(Action.SELF_READ)], listing: Annotated[ReviewListing, Query()]
) -> Page[Review]:
    def work(view: View) -> Page[Review]:
        conditions = projects_condition(view, caller.actor, listing.project, Action.REVIEW_READ)
        rows, more = page(
            view,
            ReviewRow,
            "asked",
            listing.limit,
            listing.after,
            approved=None,
            **conditions,
        )
        return Page(items=[_shown(view, row) for row in rows], next=more)

    return await caller.read(work)


@router.get("/runs/{run}/reviews", summary="What a run asked reviewers for")
async def list_reviews_of_run(
    run: RunPath, caller: Annotated[Caller, may(Action.REVIEW_READ)]
) -> list[Review]:
    def work(view: View) -> list[Review]:
        return [_shown(view, row) for row in view.find(ReviewRow, order="asked", run=run)]

    return await caller.read(work)


@router.post("/runs/{run}/reviews", summary="Approve or reject")
async def review(
    run: RunPath, wanted: Decision, caller: Annotated[Caller, may(Action.REVIEW_DECIDE)]
) -> Review:
    """By a reviewer of the environment, once."""
    row, orchestrator = caller.the_run, caller.services.orchestrator

    def work(tx: Tx, author: Author) -> Review:
        said = environments.decide(
            tx, author, row, wanted.environment, approved=wanted.approve, comment=wanted.comment
        )
        orchestrator.advance(tx, run)
        return _shown(tx, said)

    return await caller.change(work)


def _shown(view: View, row: ReviewRow) -> Review:
    rules = view.get(EnvironmentRow, environment_id(row.project, row.environment))
    shown = Review.of(row)
    return shown.model_copy(update={"reviewers": rules.reviewers if rules else ()})
