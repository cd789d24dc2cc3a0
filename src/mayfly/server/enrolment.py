"""How hosts join and are known again: a token once, then a key of their own that they change.

A host makes its keys itself; here are only their hashes. That makes joining and changing keys safe
to repeat when an answer was lost.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mayfly.domain.errors import InvalidInput
from mayfly.protocol.wire import Enrol, hash_key
from mayfly.server.people.audit import Author, note
from mayfly.server.refusals import Conflict, Unauthenticated
from mayfly.store.base import FLEET, QUEUE, Store, Tx, View
from mayfly.store.people import EnrolmentRow
from mayfly.store.rows import HostRow, SessionRow

TOKEN_PREFIX = "mayfly_enroll_"  # noqa: S105 (by which people know one)
TOKEN_TTL_S = 3600.0

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=/-]{0,62}")
_HASH = re.compile(r"[0-9a-f]{64}")
_MAX_LABELS = 50

_REMEMBERED_S = 10.0
_REMEMBERED = 20_000


def issue_enrolment(
    tx: Tx, author: Author, *, ttl_s: float = TOKEN_TTL_S, labels: Sequence[str] = ()
) -> str:
    """A token for one host; shown once. Raises InvalidInput."""
    _check_labels(labels)
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = EnrolmentRow(
        id=hash_key(token),
        created=author.at,
        expires=author.at + ttl_s,
        by=author.actor,
        labels=tuple(labels),
    )
    tx.add(row)
    note(tx, author, "enrolment.create", row.id[:12], labels=list(labels))
    return token


async def enrol(store: Store, now: float, asked: Enrol, address: str = "") -> str:
    """The id of the host, which is its name.

    Raises InvalidInput, Unauthenticated for a token that is not good (any more), Conflict for a
    name that another host has.
    """
    if not _NAME.fullmatch(asked.name):
        raise InvalidInput(
            f"{asked.name[:80]!r} is no name for a host",
            remedy="use up to 63 of a-z 0-9 . -, as in host names",
        )
    if not _HASH.fullmatch(asked.key_hash):
        raise InvalidInput("key_hash is no SHA-256")
    _check_labels(asked.labels)
    author = Author(f"host:{asked.name}", now, "enrolment", address)
    # Anybody may ask: who has no token must not keep the fleet's decisions waiting.
    if await store.read(lambda view: view.get(EnrolmentRow, hash_key(asked.token))) is None:
        raise _no_token()
    await store.serial(lambda tx: _join(tx, author, asked))
    return asked.name


def _join(tx: Tx, author: Author, asked: Enrol) -> None:
    token = tx.get(EnrolmentRow, hash_key(asked.token))
    known = tx.get(HostRow, asked.name)
    if token is not None and known is not None and _joined(token, known, asked):
        return  # it asks again, as the answer was lost
    if token is None or token.used_by is not None or token.expires <= author.at:
        raise _no_token()
    if known is not None and not known.removed:
        raise Conflict(
            f"there is a host {asked.name} already",
            remedy="choose another with --name, or remove that one first",
        )
    host = known or HostRow(id=asked.name, created=author.at)
    labels = tuple(dict.fromkeys([*token.labels, *asked.labels]))
    joined = replace(
        host,
        key_hash=asked.key_hash,
        next_key_hash=None,
        key_since=author.at,
        labels=labels,
        removed=False,
        quarantined=None,
        failures=0,
    )
    tx.put(joined)
    tx.put(replace(token, used_by=asked.name))
    tx.announce(FLEET)
    note(tx, author, "host.enrol", asked.name, labels=list(labels), invited_by=token.by)


def _no_token() -> Unauthenticated:
    return Unauthenticated(
        "the enrolment token is not good: it is unknown, was used, or expired",
        remedy="ask an administrator of the server for another",
    )


def _joined(token: EnrolmentRow, known: HostRow, asked: Enrol) -> bool:
    same = (token.used_by, known.key_hash) == (asked.name, asked.key_hash)
    return same and not known.removed


def _check_labels(labels: Sequence[str]) -> None:
    wrong = [label for label in labels if not _LABEL.fullmatch(label)]
    if wrong or len(labels) > _MAX_LABELS:
        what = f"{wrong[0][:80]!r} is no label" if wrong else f"more than {_MAX_LABELS} labels"
        raise InvalidInput(what, remedy="use up to 63 of letters, digits and . _ = / -")


class HostKeys:
    """Who shows a key, and whose a session is; remembers both for a moment.

    Used from one event loop; `now` gives seconds since 1970.
    """

    def __init__(self, store: Store, now: Callable[[], float]):
        self._store = store
        self._now = now
        self._hosts: dict[str, tuple[str, float]] = {}
        self._sessions: dict[str, str] = {}

    async def host_of(self, key: str) -> str:
        """Raises Unauthenticated. The first use of a new key is the last of the old one."""
        digest, now = hash_key(key), self._now()
        remembered = self._hosts.get(digest)
        if remembered is not None and remembered[1] > now:
            return remembered[0]
        row = await self._store.read(lambda view: _known_by(view, digest))
        if row is not None and row.key_hash != digest:
            row = await self._store.serial(lambda tx: _take_up(tx, digest, now))
        if row is None:
            raise Unauthenticated(
                "the key of this host is not known",
                remedy="it may have been removed; enrol it again with a new token",
            )
        _bound(self._hosts)
        self._hosts[digest] = (row.id, now + _REMEMBERED_S)
        return row.id

    async def owns(self, host: str, session: str) -> bool:
        """Whether it is, or was, a session of that host."""
        owner = self._sessions.get(session)
        if owner is None:
            row = await self._store.read(lambda view: view.get(SessionRow, session))
            if row is None:
                return False
            _bound(self._sessions)
            owner = self._sessions[session] = row.host
        return owner == host

    async def change(self, host: str, key_hash: str) -> None:
        """From its first use on, the key of that hash counts instead. Raises InvalidInput."""
        if not _HASH.fullmatch(key_hash):
            raise InvalidInput("key_hash is no SHA-256")

        def work(tx: Tx) -> None:
            row = tx.get(HostRow, host)
            if row is not None and row.key_hash != key_hash:
                tx.put(replace(row, next_key_hash=key_hash))

        await self._store.serial(work)


async def quarantine(store: Store, now: float, host: str, reason: str) -> None:
    """Give the host nothing more until a person has looked."""

    def work(tx: Tx) -> None:
        row = tx.get(HostRow, host)
        if row is None or row.quarantined is not None:
            return
        tx.put(replace(row, quarantined=reason))
        tx.announce(FLEET)
        tx.announce(QUEUE)
        note(tx, Author(f"host:{host}", now), "host.quarantine", host, reason=reason)

    await store.serial(work)


def _known_by(view: View, digest: str) -> HostRow | None:
    found = [
        *view.find(HostRow, key_hash=digest, limit=1),
        *view.find(HostRow, next_key_hash=digest, limit=1),
    ]
    return next((row for row in found if not row.removed), None)


def _take_up(tx: Tx, digest: str, now: float) -> HostRow | None:
    row = _known_by(tx, digest)
    if row is not None and row.key_hash != digest:
        row = replace(row, key_hash=digest, next_key_hash=None, key_since=now)
        tx.put(row)
    return row


def _bound(remembered: dict[str, Any]) -> None:
    if len(remembered) >= _REMEMBERED:
        remembered.clear()
