"""Members of a project, and its environments with their reviewers."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, Strict

from mayfly.server.api.access import Caller, may
from mayfly.server.api.projects import HERE, IN_PROJECT
from mayfly.server.api.said import REFUSALS, Asked, EnvironmentName, Line, Said, UserName
from mayfly.server.people import environments, members
from mayfly.server.people.roles import Action
from mayfly.store.people import MemberRow, Role
from mayfly.store.rows import EnvironmentRow

router = APIRouter(
    prefix=f"/projects{HERE}", tags=["projects"], responses=REFUSALS, dependencies=IN_PROJECT
)

_MOST_MINUTES = 30 * 24 * 60


class Member(Said):
    user: str
    role: Role
    created: float


class Membership(Asked):
    role: Annotated[Role, Strict(False)]


class Environment(Said):
    """A job that names it waits `wait_minutes`, and for one of the `reviewers` if there are any;
    other branches than `branches` are refused, if there are any, and all that was sent as a clone.
    """

    name: str
    reviewers: tuple[str, ...]
    wait_minutes: float
    branches: tuple[str, ...]
    prevent_self_review: bool


class EnvironmentRules(Asked):
    """All of them: what is left out is as by default. `branches` are patterns with `*`, and `tag:…`
    for tags; what is sent as a clone proves none.
    """

    reviewers: list[UserName] = Field([], max_length=100)
    wait_minutes: float = Field(0, ge=0, le=_MOST_MINUTES)
    branches: list[Line] = Field([], max_length=100)
    prevent_self_review: bool = False


@router.get("/members", summary="The members")
async def list_members(caller: Annotated[Caller, may(Action.MEMBER_READ)]) -> list[Member]:
    project = caller.the_project.id
    rows = await caller.read(lambda view: view.find(MemberRow, order="user", project=project))
    return [Member.of(row) for row in rows]


@router.put("/members/{user}", summary="Add a member, or change their role")
async def set_member(
    user: UserName, wanted: Membership, caller: Annotated[Caller, may(Action.MEMBER_WRITE)]
) -> Member:
    project = caller.the_project.id
    row = await caller.change(
        lambda tx, author: members.set_member(tx, author, project, user, wanted.role)
    )
    return Member.of(row)


@router.delete("/members/{user}", summary="Remove a member", status_code=204)
async def remove_member(
    user: UserName, caller: Annotated[Caller, may(Action.MEMBER_WRITE)]
) -> None:
    project = caller.the_project.id
    await caller.change(lambda tx, author: members.remove_member(tx, author, project, user))


@router.get("/environments", summary="The deployment environments")
async def list_environments(
    caller: Annotated[Caller, may(Action.ENVIRONMENT_READ)],
) -> list[Environment]:
    project = caller.the_project.id
    rows = await caller.read(lambda view: view.find(EnvironmentRow, project=project))
    return [Environment.of(row) for row in rows]


@router.put("/environments/{environment}", summary="Make or change an environment")
async def set_environment(
    environment: EnvironmentName,
    wanted: EnvironmentRules,
    caller: Annotated[Caller, may(Action.ENVIRONMENT_WRITE)],
) -> Environment:
    project = caller.the_project.id
    row = await caller.change(
        lambda tx, author: environments.set_environment(
            tx,
            author,
            project,
            environment,
            reviewers=wanted.reviewers,
            wait_minutes=wanted.wait_minutes,
            branches=wanted.branches,
            prevent_self_review=wanted.prevent_self_review,
        )
    )
    return Environment.of(row)


@router.delete("/environments/{environment}", summary="Remove an environment", status_code=204)
async def remove_environment(
    environment: EnvironmentName, caller: Annotated[Caller, may(Action.ENVIRONMENT_WRITE)]
) -> None:
    """Jobs that name it do not wait any more. Its secrets and variables are removed with it."""
    project = caller.the_project.id
    await caller.change(
        lambda tx, author: environments.remove_environment(tx, author, project, environment)
    )
