"""Who did what, when, from where: noted in the transaction that does it."""

import itertools
import secrets
from dataclasses import dataclass
from typing import Any

from mayfly.store.base import Tx
from mayfly.store.people import AuditRow

_MICROSECONDS = 1_000_000
_order = itertools.count()


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
    """Later ones are greater, of the same moment those made later in this process.

    The same width always, so that every database sorts them alike.
    """
    order = next(_order) % (1 << 16)
    return f"{int(at * _MICROSECONDS):014x}{order:04x}{secrets.token_hex(4)}"
