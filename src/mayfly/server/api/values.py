"""A project's secrets, which can be written only, and its variables."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, SecretStr

from mayfly.server.api.access import Caller, may
from mayfly.server.api.projects import HERE, IN_PROJECT
from mayfly.server.api.said import REFUSALS, Asked, Said, VariableName
from mayfly.server.people import values
from mayfly.server.people.roles import Action
from mayfly.store.people import SecretRow, VariableRow

router = APIRouter(
    prefix=f"/projects{HERE}",
    tags=["secrets and variables"],
    responses=REFUSALS,
    dependencies=IN_PROJECT,
)

_LONGEST = 48 * 1024


class Secret(Said):
    """A secret without its value: that never comes back."""

    name: str
    by: str
    updated: float


class SecretValue(Asked):
    value: SecretStr = Field(min_length=1, max_length=_LONGEST)


class Variable(Said):
    name: str
    value: str
    by: str
    updated: float


class VariableValue(Asked):
    value: str = Field(max_length=_LONGEST)


@router.get("/secrets", summary="The names of the secrets")
async def list_secrets(caller: Annotated[Caller, may(Action.SECRET_READ)]) -> list[Secret]:
    project = caller.the_project.id
    rows = await caller.read(
        lambda view: view.find(SecretRow, order="name", project=project, environment="")
    )
    return [Secret.of(row) for row in rows]


@router.put("/secrets/{variable}", summary="Write a secret")
async def set_secret(
    variable: VariableName,
    wanted: SecretValue,
    caller: Annotated[Caller, may(Action.SECRET_WRITE)],
) -> Secret:
    project, value = caller.the_project.id, wanted.value.get_secret_value()
    row = await caller.change(
        lambda tx, author: values.set_secret(tx, author, project, variable, value)
    )
    return Secret.of(row)


@router.delete("/secrets/{variable}", summary="Remove a secret", status_code=204)
async def remove_secret(
    variable: VariableName, caller: Annotated[Caller, may(Action.SECRET_WRITE)]
) -> None:
    project = caller.the_project.id
    await caller.change(lambda tx, author: values.remove_secret(tx, author, project, variable))


@router.get("/variables", summary="The variables")
async def list_variables(caller: Annotated[Caller, may(Action.VARIABLE_READ)]) -> list[Variable]:
    project = caller.the_project.id
    rows = await caller.read(
        lambda view: view.find(VariableRow, order="name", project=project, environment="")
    )
    return [Variable.of(row) for row in rows]


@router.put("/variables/{variable}", summary="Write a variable")
async def set_variable(
    variable: VariableName,
    wanted: VariableValue,
    caller: Annotated[Caller, may(Action.VARIABLE_WRITE)],
) -> Variable:
    project = caller.the_project.id
    row = await caller.change(
        lambda tx, author: values.set_variable(tx, author, project, variable, wanted.value)
    )
    return Variable.of(row)


@router.delete("/variables/{variable}", summary="Remove a variable", status_code=204)
async def remove_variable(
    variable: VariableName, caller: Annotated[Caller, may(Action.VARIABLE_WRITE)]
) -> None:
    project = caller.the_project.id
    await caller.change(lambda tx, author: values.remove_variable(tx, author, project, variable))
