"""Who belongs to a project, and as what."""

from mayfly.server.people.audit import Author, note
from mayfly.server.people.projects import member_id
from mayfly.server.refusals import NotFound
from mayfly.store.base import Tx
from mayfly.store.people import MemberRow, Role, UserRow


def set_member(tx: Tx, author: Author, project: str, user: str, role: Role) -> MemberRow:
    """Add a member, or give one another role."""
    if tx.get(UserRow, user) is None:
        raise NotFound(f"there is no user {user}", remedy="an administrator can invite them")
    key = member_id(project, user)
    before = tx.get(MemberRow, key)
    if before is not None and before.role is role:
        return before
    row = MemberRow(id=key, project=project, user=user, role=role, created=author.at)
    tx.put(row)
    note(tx, author, "member.set", user, project=project, role=role, before=_role(before))
    return row


def remove_member(tx: Tx, author: Author, project: str, user: str) -> None:
    key = member_id(project, user)
    before = tx.get(MemberRow, key)
    if before is None:
        raise NotFound(f"{user} is not a member of {project}")
    tx.delete(MemberRow, key)
    note(tx, author, "member.remove", user, project=project, before=_role(before))


def _role(row: MemberRow | None) -> str | None:
    return row.role.value if row else None
