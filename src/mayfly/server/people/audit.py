"""Who did what, when, from where: noted in the transaction that does it."""

import secrets
from dataclasses import dataclass
from typing import Any

from mayfly.store.base import Tx
from mayfly.store.people import AuditRow

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Author:
    """`actor` is a user, `host:<id>` or `system`; `via` the token's id or `web`."""

    actor: str
    at: float
    via: str = ""
    address: str = ""


def note(
    tx: Tx,
    author: Author,
    action: str,
    target: str,
    *,
    project: str | None = None,
    **details: Any,
) -> None:
    """`details` are plain JSON values, and never secret ones."""
    row = AuditRow(
        id=sortable_id(author.at),
        at=author.at,
        actor=author.actor,
        action=action,
        project=project,
        target=target,
        via=author.via,
        address=author.address,
        details=details,
    )
    tx.add(row)


def sortable_id(at: float) -> str:
    """Later ones are greater; the same width always, so that every database sorts them alike."""
    return f"{int(at * _MICROSECONDS):014x}{secrets.token_hex(6)}"
