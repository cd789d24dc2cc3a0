"""What people do with hosts: drain, release, remove."""

from dataclasses import replace
from typing import Any

from mayfly.server.orchestrator import Orchestrator
from mayfly.server.people.audit import Author, note
from mayfly.server.refusals import NotFound
from mayfly.server.sessions import end_session
from mayfly.store.base import FLEET, QUEUE, Tx
from mayfly.store.rows import HostRow, SessionRow

_TOLD = frozenset({"cpu_factor"})  # what the action does not say already


def drain(tx: Tx, author: Author, host: str, *, draining: bool) -> HostRow:
    """A draining host ends what it runs and gets nothing more."""
    action = "host.drain" if draining else "host.undrain"
    return _changed(tx, author, host, action, draining=draining)


def release(tx: Tx, author: Author, host: str) -> HostRow:
    """Out of quarantine: somebody has looked."""
    return _changed(tx, author, host, "host.release", quarantined=None, failures=0)


def set_over_commit(tx: Tx, author: Author, host: str, cpu_factor: float) -> HostRow:
    """How often its vCPUs are given out; its agent never takes more than it said itself."""
    chosen = {"cpu_factor": cpu_factor, "over_commit": cpu_factor}
    return _changed(tx, author, host, "host.over-commit", **chosen)


def remove(tx: Tx, author: Author, orchestrator: Orchestrator, host: str) -> None:
    """For good, unless it enrols anew: its key is not known any more, what it runs is lost."""
    row = _changed(tx, author, host, "host.remove", removed=True, key_hash="", next_key_hash=None)
    for session in tx.find(SessionRow, host=row.id, ended=False):
        end_session(tx, orchestrator, session.id, f"{author.actor} removed it")


def host_of(tx: Tx, host: str) -> HostRow:
    """Raises NotFound."""
    row = tx.get(HostRow, host)
    if row is None or row.removed:
        raise NotFound(f"there is no host {host}")
    return row


def _changed(tx: Tx, author: Author, host: str, action: str, **changes: Any) -> HostRow:
    row = host_of(tx, host)
    changed = replace(row, **changes)
    if changed != row:
        tx.put(changed)
        note(tx, author, action, host, **{name: changes[name] for name in _TOLD & changes.keys()})
        tx.announce(QUEUE)
        tx.announce(FLEET)
    return changed
