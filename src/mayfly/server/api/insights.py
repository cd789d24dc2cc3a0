"""What jobs took, by project and by person, against the period before."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator

from mayfly.server.api.access import Caller, may
from mayfly.server.api.listing import page
from mayfly.server.api.projects import HERE, IN_PROJECT
from mayfly.server.api.said import REFUSALS, Said
from mayfly.server.insights import Comparison, Insights
from mayfly.server.people.projects import visible
from mayfly.server.people.roles import Action
from mayfly.store.base import Store, View
from mayfly.store.rows import MeteringRow

router = APIRouter(tags=["insights"], responses=REFUSALS)

_AT_ONCE = 2000

Days = Annotated[
    Literal[1, 7, 28], BeforeValidator(int), Query(description="How long the period is")
]


class FiguresShown(Said):
    """Attempts that ended in the period; times in seconds, waiting and running summed up."""

    attempts: int
    succeeded: int
    failed: int
    cancelled: int
    lost: int
    queued_s: float
    longest_queued_s: float
    ran_s: float
    vcpu_s: float
    gib_s: float


class Line(Said):
    """`before` is the period before, of the same length."""

    name: str
    now: FiguresShown
    before: FiguresShown


class InsightsShown(Said):
    since: float
    until: float
    total: Line
    projects: list[Line]
    people: list[Line]


@router.get("/insights", summary="What jobs took, in all projects one is a member of")
async def show_insights(
    caller: Annotated[Caller, may(Action.SELF_READ)], days: Days = 7
) -> InsightsShown:
    def mine(view: View) -> list[str]:
        return [row.id for row in visible(view, caller.actor, Action.INSIGHT_READ)]

    projects = tuple(await caller.read(mine))
    found = await collect(caller.services.store, caller.services.now(), days, projects)
    return _shown(found)


@router.get(
    f"/projects{HERE}/insights",
    summary="What jobs of a project took",
    dependencies=IN_PROJECT,
)
async def show_project_insights(
    caller: Annotated[Caller, may(Action.INSIGHT_READ)], days: Days = 7
) -> InsightsShown:
    projects = (caller.the_project.id,)
    found = await collect(caller.services.store, caller.services.now(), days, projects)
    return _shown(found)


async def collect(store: Store, until: float, days: int, projects: tuple[str, ...]) -> Insights:
    """Over these projects; read in parts, so that a long period keeps nobody waiting."""
    found = Insights(until, days)
    after: str | None = None
    while True:
        read = partial(_some, after=after, since=found.first, projects=projects)
        rows, after = await store.read(read)
        found.add(rows)
        if after is None:
            return found


def _some(
    view: View, *, after: str | None, since: float, projects: tuple[str, ...]
) -> tuple[list[MeteringRow], str | None]:
    # A cursor bounds from below by itself.
    bound = {} if after else {"finished__gt": since}
    return page(view, MeteringRow, "finished", _AT_ONCE, after, project=projects, **bound)


def _shown(found: Insights) -> InsightsShown:
    return InsightsShown(
        since=found.since,
        until=found.until,
        total=_line("", found.total),
        projects=[_line(*one) for one in found.projects],
        people=[_line(*one) for one in found.people],
    )


def _line(name: str, comparison: Comparison) -> Line:
    now, before = FiguresShown.of(comparison.now), FiguresShown.of(comparison.before)
    return Line(name=name, now=now, before=before)
