"""What is to be asked of GitHub later, written down: no crash forgets it. Any replica does it."""

from dataclasses import replace
from typing import Any

from mayfly.store.base import Tx
from mayfly.store.forge_rows import ChoreRow

CHORES = "github chores"
"""Announced when there is something to do."""

CHECK = "check"
DEREGISTER = "deregister"
RETIRE = "retire"
RERUN = "rerun"
POLL = "poll"
GHOSTS = "ghosts"
SYNC = "sync"
SWEEP = "sweep"
PRUNE = "prune"

_TAKEN_S = 180.0
_AT_ONCE = 8


def ask(
    tx: Tx, kind: str, target: str, installation: int | None, due: float, **note: Any
) -> ChoreRow:
    """Have it done, once at a time: one that is there already is done no later than that."""
    key = f"{kind}/{target}"
    known = tx.get(ChoreRow, key)
    if known is not None:
        chore = replace(known, due=min(known.due, due))
    else:
        chore = ChoreRow(
            id=key, kind=kind, target=target, installation=installation, due=due, note=note
        )
    if chore != known:
        tx.put(chore)
        tx.announce(CHORES)
    return chore


def take(tx: Tx, now: float) -> list[ChoreRow]:
    """What is due: nobody else has it for a while."""
    due = tx.find(ChoreRow, order="due", due__lt=now, limit=_AT_ONCE)
    taken = [replace(chore, due=now + _TAKEN_S) for chore in due]
    for chore in taken:
        tx.put(chore)
    return taken


def done(tx: Tx, taken: ChoreRow) -> None:
    if _is_mine(tx, taken):
        tx.delete(ChoreRow, taken.id)


def again(tx: Tx, taken: ChoreRow, at: float, *, failed: bool = False, **note: Any) -> None:
    """Do it again then; what was noted stays, but for what is noted anew."""
    if _is_mine(tx, taken):
        tries = taken.tries + 1 if failed else 0
        tx.put(replace(taken, due=at, tries=tries, note={**taken.note, **note}))


def _is_mine(tx: Tx, taken: ChoreRow) -> bool:
    """Unless it took so long that somebody else has it."""
    row = tx.get(ChoreRow, taken.id)
    return row is not None and row.due == taken.due
