"""What runs check out: sent or fetched once, bounded by whose it is, found by name.

    room is set aside (ArrivingRow) → bytes → UploadRow instead → the blob appears

A row is written before its blob appears, and goes before its blob does (`server.retention`). So a
crash in between leaves a row without a blob, which whoever sends it next puts right, and never a
blob that no row knows of. A blob's key is used once: one that is being deleted is nobody else's.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace

from mayfly.domain.errors import InvalidInput, MayflyError
from mayfly.server.refusals import Conflict
from mayfly.server.removals import remove_later
from mayfly.store.base import Store, Tx, View
from mayfly.store.blobs import BlobStore
from mayfly.store.rows import ArrivingRow, UploaderRow, UploadRow
from mayfly.system.tasks import to_the_end

_STEP = 64 << 20  # set aside at once for what does not say how long it is
_ARRIVING_S = 3600.0  # since the last step
_GIB = 1 << 30


class UploadGone(InvalidInput):
    """There is no upload of this name, or not any more."""


class _IsThere(Exception):
    """Somebody else has sent the same meanwhile."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One upload on its way; `stale` is the blob that a row of its name speaks of in vain."""

    id: str
    name: str
    owner: str
    blob: str
    stale: str | None


class Uploads:
    """`limit` is what an owner may have stored at once, in bytes; `now` seconds since 1970."""

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        now: Callable[[], float],
        new_id: Callable[[], str],
        limit: int,
    ):
        self._store = store
        self._blobs = blobs
        self._now = now
        self._new_id = new_id
        self._limit = limit

    async def has(self, name: str) -> bool:
        """Whether it is there; it is kept from now on as if it was just sent."""
        row = await self._store.read(lambda view: view.get(UploadRow, name))
        if row is None or await self._blobs.size(row.blob) is None:
            return False
        expected = {"blob": row.blob}
        return await self._store.write(
            lambda tx: tx.update(UploadRow, name, expected, used=self._now())
        )

    async def keep(
        self, name: str, owner: str, pieces: AsyncIterator[bytes], length: int | None = None
    ) -> None:
        """Store it unless it is there. `length` is in bytes, if it is known.

        Raises Conflict when the owner has too much, and what the pieces raise:
        then nothing is kept.
        """
        if await self.has(name):
            return
        row = await self._store.read(lambda view: view.get(UploadRow, name))
        identity = self._new_id()
        blob = f"uploads/{name}.{identity}"
        arrival = _Arrival(identity, name, owner, blob, row.blob if row else None)
        try:
            await self._blobs.put(blob, self._counted(arrival, pieces, length))
        except _IsThere:
            return
        except BaseException:
            with contextlib.suppress(MayflyError):  # the room is given back later then
                await to_the_end(self._store.serial(lambda tx: _undo(tx, arrival)))
            raise

    async def open(self, name: str) -> AsyncIterator[bytes]:
        """Raises UploadGone, BlobMissing."""
        row = await self._store.read(lambda view: view.get(UploadRow, name))
        if row is None:
            raise UploadGone(f"there is no upload {name}")
        async for piece in self._blobs.open(row.blob):
            yield piece

    async def _counted(
        self, arrival: _Arrival, pieces: AsyncIterator[bytes], length: int | None
    ) -> AsyncIterator[bytes]:
        """The pieces, for which there is room; its row is there when they have ended."""
        size = room = 0
        async for piece in pieces:
            size += len(piece)
            if size > room:
                wished = max(size, length if length is not None else size + _STEP)
                room = await self._store.serial(
                    lambda tx, size=size, wished=wished: self._set_aside(tx, arrival, size, wished)  # type: ignore[misc]
                )
            yield piece
        if not await self._store.serial(lambda tx: self._note(tx, arrival, size)):
            raise _IsThere

    def _set_aside(self, tx: Tx, arrival: _Arrival, size: int, wished: int) -> int:
        """Room for so many bytes at least; says how much it is."""
        held = tx.get(ArrivingRow, arrival.id)
        had = held.size if held else 0
        room = min(wished, self._room(tx, arrival.owner) + had)
        self._check(arrival.owner, room, size)
        until = self._now() + _ARRIVING_S
        tx.put(ArrivingRow(id=arrival.id, owner=arrival.owner, size=room, until=until))
        count(tx, arrival.owner, room - had)
        return room

    def _note(self, tx: Tx, arrival: _Arrival, size: int) -> bool:
        """Its row instead of the room for it; False if another upload has one."""
        give_back(tx, arrival.id)
        row = tx.get(UploadRow, arrival.name)
        if row is not None and row.blob != arrival.stale:
            return False
        if row is not None:
            forget(tx, row)
        self._check(arrival.owner, self._room(tx, arrival.owner), size)
        count(tx, arrival.owner, size)
        made = UploadRow(
            id=arrival.name, owner=arrival.owner, blob=arrival.blob, size=size, used=self._now()
        )
        tx.put(made)
        return True

    def _room(self, view: View, owner: str) -> int:
        row = view.get(UploaderRow, owner)
        return self._limit - (row.stored if row else 0)

    def _check(self, owner: str, room: int, size: int) -> None:
        if size > max(room, 0):
            limit = f"{self._limit / _GIB:.3g} GiB"
            raise Conflict(
                f"the uploads of {owner.replace('/', ' ', 1)} fill the {limit} that they may take",
                remedy="they are deleted some days after their last use; an administrator of the "
                "server can allow more (uploads_gib in server.toml)",
            )


def _undo(tx: Tx, arrival: _Arrival) -> None:
    give_back(tx, arrival.id)
    row = tx.get(UploadRow, arrival.name)
    if row is not None and row.blob == arrival.blob:
        forget(tx, row)


def uploaded_by(user: str | None, digest: str) -> str:
    """How a run names what this user uploaded. What others did cannot be named by its digest."""
    return f"{hashlib.sha256((user or '').encode()).hexdigest()[:32]}/{digest}"


def of_user(user: str | None) -> str:
    return f"user/{user or ''}"


def of_project(project: str) -> str:
    return f"project/{project}"


def use(tx: Tx, names: Iterable[str], now: float) -> list[str]:
    """A run that names them begins in this transaction: they stay as long as it goes on, and as
    long after now as uploads do. Gives those that are not there any more.
    """
    gone = []
    for name in sorted(set(names)):
        row = tx.get(UploadRow, name)
        if row is None:
            gone.append(name)
        else:
            tx.put(replace(row, used=now))
    return gone


def forget(tx: Tx, row: UploadRow) -> None:
    """Nobody finds it from now on; its blob is to be removed."""
    tx.delete(UploadRow, row.id)
    remove_later(tx, row.blob)
    count(tx, row.owner, -row.size)


def give_back(tx: Tx, arriving: str) -> None:
    """The room for an upload that has ended, however it did."""
    row = tx.get(ArrivingRow, arriving)
    if row is not None:
        tx.delete(ArrivingRow, row.id)
        count(tx, row.owner, -row.size)


def count(tx: Tx, owner: str, more: int) -> None:
    """What an owner has stored grows or shrinks."""
    row = tx.get(UploaderRow, owner) or UploaderRow(id=owner)
    if row.stored + more > 0:
        tx.put(replace(row, stored=row.stored + more))
    else:
        tx.delete(UploaderRow, owner)
