"""Projects: made, changed, and what each is allotted of the fleet."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mayfly.domain.errors import InvalidInput
from mayfly.server.people.audit import Author, note
from mayfly.server.people.roles import Action, Actor, Subject, allowed
from mayfly.server.refusals import Conflict, NotFound
from mayfly.store.base import FLEET, QUEUE, Tx, View
from mayfly.store.people import MemberRow, Role
from mayfly.store.rows import HostRow, ProjectRow


def create(tx: Tx, author: Author, project: str, changes: Mapping[str, Any]) -> ProjectRow:
    """Who makes it is its first administrator. Names that differ in case only are the same."""
    if any(row.id.lower() == project.lower() for row in tx.find(ProjectRow)):
        raise Conflict(f"there is a project {project} already")
    row = replace(ProjectRow(id=project, created=author.at), **changes)
    _check(tx, row)
    tx.add(row)
    note(tx, author, "project.create", project, project=project, **changes)
    key = member_id(project, author.actor)
    member = MemberRow(
        id=key, project=project, user=author.actor, role=Role.ADMIN, created=author.at
    )
    tx.add(member)
    tx.announce(FLEET)
    return row


def change(tx: Tx, author: Author, project: str, changes: Mapping[str, Any]) -> ProjectRow:
    """Only what differs is written and audited."""
    row = tx.get(ProjectRow, project)
    if row is None:
        raise NotFound(f"there is no project {project}")
    differing = {key: value for key, value in changes.items() if getattr(row, key) != value}
    if not differing:
        return row
    changed = replace(row, **differing)
    _check(tx, changed)
    tx.put(changed)
    before = {key: getattr(row, key) for key in differing}
    note(tx, author, "project.change", project, project=project, before=before, after=differing)
    tx.announce(QUEUE)  # jobs may fit now that did not
    tx.announce(FLEET)
    return changed


def visible(view: View, actor: Actor, action: Action = Action.RUN_READ) -> list[ProjectRow]:
    """Those in which the actor may do this."""
    return [row for row in view.find(ProjectRow) if may_in(actor, row, action)]


def may_in(actor: Actor, row: ProjectRow, action: Action) -> bool:
    return allowed(actor, action, Subject(row.id, row.public))


def member_id(project: str, user: str) -> str:
    return f"{project}/{user}"


def _check(tx: Tx, row: ProjectRow) -> None:
    unknown = [host for host in row.hosts if tx.get(HostRow, host) is None]
    if unknown:
        raise InvalidInput(
            f"there is no host {', '.join(unknown)}", remedy="mayfly hosts lists those there are"
        )
