"""One file that holds a SQLite store as it was at one moment, and the blobs it speaks of.

The vault's key is never in it: who finds a backup finds no secrets, and who restores one needs the
key file of the server that made it. Blobs in S3 are not in it either; the bucket keeps them.
PostgreSQL has tools of its own for this.

The file is a ZIP: `backup.json` (a `Manifest`), `database`, and `blobs/<key>` each.
"""

import contextlib
import os
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.protocol import codec
from mayfly.store.blobs import PIECE, BlobMissing, BlobStore, DirectoryBlobs
from mayfly.store.sql.databases import SqliteDatabase, database
from mayfly.store.sql.migrate import head, migrate, version_of
from mayfly.store.sql.sqlite import connect
from mayfly.store.vault import Vault
from mayfly.system.threads import in_thread

_FORM = 1
_MANIFEST = "backup.json"
_DATABASE = "database"
_BLOBS = "blobs/"
_MANIFEST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """`schema` is the database's version, `made` seconds since 1970, `keys` names (not: holds) the
    keys that its secrets may need.
    """

    form: int
    schema: int
    made: float
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """`blobs` are None if they lie elsewhere."""

    made: float
    size: int
    blobs: int | None


async def backup(url: str, blobs: BlobStore, vault: Vault, file: Path, now: float) -> Summary:
    """While servers run. InvalidInput if the file is there already or the store is not SQLite."""
    source = _sqlite(url)
    _check_names(source.path, file)
    manifest = Manifest(_FORM, await in_thread(version_of, url), now, vault.ids)
    with _new_file(file) as part, zipfile.ZipFile(part, "w") as archive:
        archive.writestr(_MANIFEST, codec.encode(manifest))
        await in_thread(_pack_database, archive, source.path, file.parent)
        count = await _pack_blobs(archive, blobs) if isinstance(blobs, DirectoryBlobs) else None
    return Summary(now, (await in_thread(file.stat)).st_size, count)


async def restore(
    file: Path, url: str, blobs: BlobStore, vault: Vault, *, overwrite: bool = False
) -> Summary:
    """Makes the store what it was, and brings it to this version's schema.

    No server may run on it. What is there already is overwritten only if told, and blobs beside
    those of the backup stay. InvalidInput, HostCannot; then the database is what it was.
    """
    target = _sqlite(url)
    if not overwrite:
        _refuse_if_there(target.path)
    with _opened(file) as archive:
        manifest = _manifest(archive, file)
        _check(manifest, vault, file)
        with _part(target.path) as part:
            await in_thread(_unpack_database, archive, part)
            count = await _unpack_blobs(archive, blobs)
            await in_thread(_replace, part, target.path)
    await in_thread(migrate, url)
    return Summary(manifest.made, (await in_thread(file.stat)).st_size, count)


def _sqlite(url: str) -> SqliteDatabase:
    chosen = database(url)
    if not isinstance(chosen, SqliteDatabase):
        raise InvalidInput(
            f"{chosen.name} is a PostgreSQL database",
            remedy="use its own tools, pg_dump and pg_restore",
        )
    return chosen


def _check_names(source: Path, file: Path) -> None:
    if not source.is_file():
        raise InvalidInput(f"there is no database {source}")
    if file.exists():
        raise InvalidInput(f"{file} is there already", remedy="give another name")


def _refuse_if_there(path: Path) -> None:
    if path.exists():
        raise InvalidInput(
            f"there is a store in {path} already",
            remedy="give --overwrite to lose it, or restore into another MAYFLY_HOME",
        )


def _pack_database(archive: zipfile.ZipFile, path: Path, beside: Path) -> None:
    """A copy of one moment first: the database goes on being written to."""
    with tempfile.NamedTemporaryFile(dir=beside) as copy:
        source = connect(path)
        snapshot = sqlite3.connect(copy.name)
        try:
            source.backup(snapshot)
        finally:
            snapshot.close()
            source.close()
        archive.write(copy.name, _DATABASE, zipfile.ZIP_DEFLATED)


async def _pack_blobs(archive: zipfile.ZipFile, blobs: BlobStore) -> int:
    """After the database, so that none of which it speaks is missing. They are compressed."""
    count = 0
    for key in await blobs.keys():
        pieces = blobs.open(key)
        try:
            first = await anext(pieces, b"")
        except BlobMissing:
            continue  # deleted meanwhile
        with archive.open(_BLOBS + key, "w", force_zip64=True) as entry:
            await in_thread(entry.write, first)
            async for piece in pieces:
                await in_thread(entry.write, piece)
        count += 1
    return count


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    try:
        with archive.open(_MANIFEST) as entry:
            return codec.decode(Manifest, entry.read(_MANIFEST_BYTES))
    except (KeyError, codec.DecodeError) as error:
        raise InvalidInput(f"{file} is no backup of Mayfly: {error}") from None


def _check(manifest: Manifest, vault: Vault, file: Path) -> None:
    if manifest.form > _FORM or manifest.schema > head():
        raise HostCannot(
            f"{file} was made by a newer Mayfly (schema {manifest.schema}, here {head()})",
            remedy="restore it with that one",
        )
    if missing := set(manifest.keys) - set(vault.ids):
        raise HostCannot(
            f"the key file lacks the key {min(missing)}, which the secrets in {file} need",
            remedy="put the key file of the server that made the backup in its place",
        )


def _unpack_database(archive: zipfile.ZipFile, part: IO[bytes]) -> None:
    with archive.open(_DATABASE) as entry:
        while piece := entry.read(PIECE):
            part.write(piece)
    part.flush()
    os.fsync(part.fileno())
    copy = sqlite3.connect(part.name)
    try:
        ((found,),) = copy.execute("PRAGMA quick_check(1)").fetchall()
    finally:
        copy.close()
    if found != "ok":
        raise InvalidInput(f"the database in the backup is damaged: {found}")


async def _unpack_blobs(archive: zipfile.ZipFile, blobs: BlobStore) -> int:
    names = [name for name in archive.namelist() if name.startswith(_BLOBS)]
    for name in names:
        with archive.open(name) as entry:
            await blobs.put(name.removeprefix(_BLOBS), _pieces(entry))
    return len(names)


async def _pieces(entry: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await in_thread(entry.read, PIECE):
        yield piece


def _replace(part: IO[bytes], target: Path) -> None:
    if target.exists():
        _refuse_if_used(target)
    Path(part.name).rename(target)


def _refuse_if_used(path: Path) -> None:
    """Leaving WAL needs to be alone; it also leaves no journal that is not the new database's."""
    existing = sqlite3.connect(path, timeout=0)
    try:
        existing.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        raise HostCannot(
            f"{path} is in use: {error}", remedy="stop the server, then restore"
        ) from None
    finally:
        existing.close()


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """InvalidInput for what is no archive, also if that shows later."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except FileNotFoundError:
        raise InvalidInput(f"there is no file {file}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        raise InvalidInput(f"{file} is damaged, or no backup: {error}") from None


@contextlib.contextmanager
def _part(place: Path) -> Iterator[IO[bytes]]:
    """A file beside the place (mode 0600), gone at the end unless it was renamed."""
    try:
        part = tempfile.NamedTemporaryFile(dir=place.parent, delete=False)  # noqa: SIM115
    except OSError as error:
        raise HostCannot(f"cannot write into {place.parent}: {error.strerror}") from None
    with part:
        try:
            yield part
        finally:
            Path(part.name).unlink(missing_ok=True)


@contextlib.contextmanager
def _new_file(file: Path) -> Iterator[IO[bytes]]:
    """Appears whole at the end, or not at all."""
    with _part(file) as part:
        yield part
        part.flush()
        os.fsync(part.fileno())
        Path(part.name).rename(file)
