"""Secrets and variables of one environment of a project: only for jobs that may use it.

They are written by who keeps its rules, as what they say decides where a deployment goes.
"""

from typing import Annotated

from fastapi import APIRouter

from mayfly.server.api.access import Caller, may
from mayfly.server.api.projects import HERE, IN_PROJECT
from mayfly.server.api.said import REFUSALS, EnvironmentName, VariableName
from mayfly.server.api.values import Secret, SecretValue, Variable, VariableValue
from mayfly.server.people import values
from mayfly.server.people.roles import Action
from mayfly.store.base import View
from mayfly.store.people import SecretRow, VariableRow

router = APIRouter(
    prefix=f"/projects{HERE}/environments/{{environment}}",
    tags=["secrets and variables"],
    responses=REFUSALS,
    dependencies=IN_PROJECT,
)


@router.get("/secrets", summary="The names of an environment's secrets")
async def list_environment_secrets(
    environment: EnvironmentName, caller: Annotated[Caller, may(Action.SECRET_READ)]
) -> list[Secret]:
    project = caller.the_project.id

    def look(view: View) -> list[SecretRow]:
        place = values.of_environment(view, project, environment).name.lower()
        return view.find(SecretRow, order="name", project=project, environment=place)

    return [Secret.of(row) for row in await caller.read(look)]


@router.put("/secrets/{variable}", summary="Write a secret of an environment")
async def set_environment_secret(
    environment: EnvironmentName,
    variable: VariableName,
    wanted: SecretValue,
    caller: Annotated[Caller, may(Action.ENVIRONMENT_WRITE)],
) -> Secret:
    """Only jobs that name the environment get it, after its reviewers and its timer let them."""
    project, value = caller.the_project.id, wanted.value.get_secret_value()
    row = await caller.change(
        lambda tx, author: values.set_secret(
            tx, author, project, variable, value, environment=environment
        )
    )
    return Secret.of(row)


@router.delete("/secrets/{variable}", summary="Remove a secret of an environment", status_code=204)
async def remove_environment_secret(
    environment: EnvironmentName,
    variable: VariableName,
    caller: Annotated[Caller, may(Action.ENVIRONMENT_WRITE)],
) -> None:
    project = caller.the_project.id
    await caller.change(
        lambda tx, author: values.remove_secret(
            tx, author, project, variable, environment=environment
        )
    )


@router.get("/variables", summary="An environment's variables")
async def list_environment_variables(
    environment: EnvironmentName, caller: Annotated[Caller, may(Action.VARIABLE_READ)]
) -> list[Variable]:
    project = caller.the_project.id

    def look(view: View) -> list[VariableRow]:
        place = values.of_environment(view, project, environment).name.lower()
        return view.find(VariableRow, order="name", project=project, environment=place)

    return [Variable.of(row) for row in await caller.read(look)]


@router.put("/variables/{variable}", summary="Write a variable of an environment")
async def set_environment_variable(
    environment: EnvironmentName,
    variable: VariableName,
    wanted: VariableValue,
    caller: Annotated[Caller, may(Action.ENVIRONMENT_WRITE)],
) -> Variable:
    project = caller.the_project.id
    row = await caller.change(
        lambda tx, author: values.set_variable(
            tx, author, project, variable, wanted.value, environment=environment
        )
    )
    return Variable.of(row)


@router.delete(
    "/variables/{variable}", summary="Remove a variable of an environment", status_code=204
)
async def remove_environment_variable(
    environment: EnvironmentName,
    variable: VariableName,
    caller: Annotated[Caller, may(Action.ENVIRONMENT_WRITE)],
) -> None:
    project = caller.the_project.id
    await caller.change(
        lambda tx, author: values.remove_variable(
            tx, author, project, variable, environment=environment
        )
    )
