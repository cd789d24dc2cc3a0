"""Secrets and variables of a project, or of one of its environments.

Secrets go in and never out again but into jobs: those of an environment only into jobs that name
it, once these have leave to use it (`server.environments`).
"""

from mayfly.domain.errors import InvalidInput
from mayfly.server.environments import environment_id
from mayfly.server.people.audit import Author, note
from mayfly.server.refusals import NotFound
from mayfly.store.base import Tx, View
from mayfly.store.people import SecretRow, VariableRow
from mayfly.store.rows import EnvironmentRow

_RESERVED = "GITHUB_"
MOST = 500
"""Of each kind, in a project with its environments."""


def of_environment(view: View, project: str, name: str) -> EnvironmentRow:
    """Raises NotFound."""
    row = view.get(EnvironmentRow, environment_id(project, name))
    if row is None:
        raise NotFound(f"{project} has no environment {name}", remedy="make it first")
    return row


def set_secret(
    tx: Tx, author: Author, project: str, name: str, value: str, *, environment: str | None = None
) -> SecretRow:
    """Raises InvalidInput, NotFound if there is no such environment."""
    place = _place(tx, project, environment)
    row = SecretRow(
        id=_key(project, place, name),
        project=project,
        environment=place,
        name=_checked(name),
        value=value,
        by=author.actor,
        updated=author.at,
    )
    if tx.get(SecretRow, row.id) is None and tx.count(SecretRow, project=project) >= MOST:
        raise InvalidInput(f"{project} has {MOST} secrets, which is the most")
    tx.put(row)
    note(tx, author, "secret.set", row.name, project=project, **_of(place))
    return row


def remove_secret(
    tx: Tx, author: Author, project: str, name: str, *, environment: str | None = None
) -> None:
    place = _place(tx, project, environment)
    key = _key(project, place, name)
    if tx.get(SecretRow, key) is None:
        raise NotFound(f"{environment or project} has no secret {name}")
    tx.delete(SecretRow, key)
    note(tx, author, "secret.remove", name.upper(), project=project, **_of(place))


def set_variable(
    tx: Tx, author: Author, project: str, name: str, value: str, *, environment: str | None = None
) -> VariableRow:
    """Raises InvalidInput, NotFound if there is no such environment."""
    place = _place(tx, project, environment)
    row = VariableRow(
        id=_key(project, place, name),
        project=project,
        environment=place,
        name=_checked(name),
        value=value,
        by=author.actor,
        updated=author.at,
    )
    before = tx.get(VariableRow, row.id)
    if before is None and tx.count(VariableRow, project=project) >= MOST:
        raise InvalidInput(f"{project} has {MOST} variables, which is the most")
    tx.put(row)
    note(tx, author, "variable.set", row.name, project=project, value=value, **_of(place))
    return row


def remove_variable(
    tx: Tx, author: Author, project: str, name: str, *, environment: str | None = None
) -> None:
    place = _place(tx, project, environment)
    key = _key(project, place, name)
    if tx.get(VariableRow, key) is None:
        raise NotFound(f"{environment or project} has no variable {name}")
    tx.delete(VariableRow, key)
    note(tx, author, "variable.remove", name.upper(), project=project, **_of(place))


def forget_values(tx: Tx, environment: EnvironmentRow) -> None:
    """They go with their environment: another of its name must not come by them."""
    project, place = environment.project, environment.name.lower()
    for secret in tx.find(SecretRow, project=project, environment=place):
        tx.delete(SecretRow, secret.id)
    for variable in tx.find(VariableRow, project=project, environment=place):
        tx.delete(VariableRow, variable.id)


def _place(view: View, project: str, environment: str | None) -> str:
    """The `environment` of the rows; that of all jobs is empty."""
    if environment is None:
        return ""
    return of_environment(view, project, environment).name.lower()


def _key(project: str, place: str, name: str) -> str:
    """No part but the project has a slash in it."""
    return "/".join(part for part in (project, place, name.upper()) if part)


def _of(place: str) -> dict[str, str]:
    return {"environment": place} if place else {}


def _checked(name: str) -> str:
    """Names are kept in capitals, as contexts compare them without regard to case."""
    if name.upper().startswith(_RESERVED):
        raise InvalidInput(f"{name} is not yours to set: names with {_RESERVED} are the forge's")
    return name.upper()
