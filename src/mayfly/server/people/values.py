"""A project's secrets and variables. Secrets go in and never out again but into jobs."""

from mayfly.domain.errors import InvalidInput
from mayfly.server.people.audit import Author, note
from mayfly.server.refusals import NotFound
from mayfly.store.base import Tx
from mayfly.store.people import SecretRow, VariableRow

_RESERVED = "GITHUB_"
MOST = 500
"""Of each kind, in a project."""


def set_secret(tx: Tx, author: Author, project: str, name: str, value: str) -> SecretRow:
    row = SecretRow(
        id=_key(project, name),
        project=project,
        name=_checked(name),
        value=value,
        by=author.actor,
        updated=author.at,
    )
    if tx.get(SecretRow, row.id) is None and tx.count(SecretRow, project=project) >= MOST:
        raise InvalidInput(f"{project} has {MOST} secrets, which is the most")
    tx.put(row)
    note(tx, author, "secret.set", row.name, project=project)
    return row


def remove_secret(tx: Tx, author: Author, project: str, name: str) -> None:
    if tx.get(SecretRow, _key(project, name)) is None:
        raise NotFound(f"{project} has no secret {name}")
    tx.delete(SecretRow, _key(project, name))
    note(tx, author, "secret.remove", name.upper(), project=project)


def set_variable(tx: Tx, author: Author, project: str, name: str, value: str) -> VariableRow:
    row = VariableRow(
        id=_key(project, name),
        project=project,
        name=_checked(name),
        value=value,
        by=author.actor,
        updated=author.at,
    )
    before = tx.get(VariableRow, row.id)
    if before is None and tx.count(VariableRow, project=project) >= MOST:
        raise InvalidInput(f"{project} has {MOST} variables, which is the most")
    tx.put(row)
    note(tx, author, "variable.set", row.name, project=project, value=value)
    return row


def remove_variable(tx: Tx, author: Author, project: str, name: str) -> None:
    if tx.get(VariableRow, _key(project, name)) is None:
        raise NotFound(f"{project} has no variable {name}")
    tx.delete(VariableRow, _key(project, name))
    note(tx, author, "variable.remove", name.upper(), project=project)


def _key(project: str, name: str) -> str:
    return f"{project}/{name.upper()}"


def _checked(name: str) -> str:
    """Names are kept in capitals, as contexts compare them without regard to case."""
    if name.upper().startswith(_RESERVED):
        raise InvalidInput(f"{name} is not yours to set: names with {_RESERVED} are the forge's")
    return name.upper()
