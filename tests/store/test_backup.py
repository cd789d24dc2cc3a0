"""A store in one file and back."""

import asyncio
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.protocol import codec
from mayfly.store.backup import Manifest, backup, restore
from mayfly.store.base import StoreUnavailable
from mayfly.store.blobs import DirectoryBlobs
from mayfly.store.rows import CounterRow, RequestRow
from mayfly.store.sql.migrate import head, migrate
from mayfly.store.sql.store import open_store
from mayfly.store.vault import Vault

KEY = b"k" * 32
VAULT = Vault([KEY])


@dataclass(frozen=True)
class Place:
    """Where a server keeps things."""

    folder: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'mayfly.db'}"

    @property
    def blobs(self) -> DirectoryBlobs:
        return DirectoryBlobs(self.folder / "blobs")

    async def write(self, value: int) -> None:
        migrate(self.url)
        store = await open_store(self.url, VAULT)
        await store.serial(lambda tx: tx.put(CounterRow(id="a", value=value)))
        await store.serial(lambda tx: tx.put(RequestRow(id="r", text="hush")))
        await store.close()
        await self.blobs.put(f"journals/{value}", pieces(b"lines" * value))

    async def read(self) -> tuple[int, str, list[str]]:
        store = await open_store(self.url, VAULT)
        counter = await store.read(lambda view: view.get(CounterRow, "a"))
        request = await store.read(lambda view: view.get(RequestRow, "r"))
        await store.close()
        assert counter is not None
        assert request is not None
        return counter.value, request.text, await self.blobs.keys()


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def place(folder: Path) -> Place:
    folder.mkdir()
    return Place(folder)


@pytest.fixture
def old(tmp_path: Path) -> Place:
    return place(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Place:
    return place(tmp_path / "new")


@pytest.fixture
async def file(old: Place, tmp_path: Path) -> Path:
    await old.write(3)
    await backup(old.url, old.blobs, VAULT, tmp_path / "kept", 1000.0)
    return tmp_path / "kept"


async def test_brings_back_rows_and_blobs(file: Path, new: Place) -> None:
    found = await restore(file, new.url, new.blobs, VAULT)
    assert (found.made, found.blobs) == (1000.0, 1)
    assert await new.read() == (3, "hush", ["journals/3"])
    assert b"".join([piece async for piece in new.blobs.open("journals/3")]) == b"lines" * 3
    assert {path.name for path in new.folder.iterdir()} == {"mayfly.db", "blobs"}


async def test_is_made_while_a_server_writes(old: Place, new: Place, tmp_path: Path) -> None:
    await old.write(1)
    store = await open_store(old.url, VAULT)
    await store.serial(lambda tx: tx.put(CounterRow(id="a", value=2)))  # in the journal, as yet
    written = asyncio.create_task(backup(old.url, old.blobs, VAULT, tmp_path / "kept", 1000.0))
    while not written.done():
        await store.serial(lambda tx: tx.put(CounterRow(id="a", value=tx.number)))
    await written
    await store.close()
    await restore(tmp_path / "kept", new.url, new.blobs, VAULT)
    assert (await new.read())[0] >= 2


def test_nobody_finds_secrets_or_keys_in_it(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"hush" not in whole
    assert KEY not in whole
    assert KEY.hex().encode() not in whole


async def test_needs_the_key_it_was_made_with(file: Path, new: Place) -> None:
    with pytest.raises(HostCannot, match="lacks the key") as raised:
        await restore(file, new.url, new.blobs, Vault([b"x" * 32]))
    assert "the key file of the server" in str(raised.value.remedy)
    assert list(new.folder.glob("*.db*")) == []
    await restore(file, new.url, new.blobs, Vault([b"x" * 32, KEY]))


async def test_does_not_overwrite_unless_told(file: Path, new: Place) -> None:
    await new.write(7)
    with pytest.raises(InvalidInput, match="there is a store in"):
        await restore(file, new.url, new.blobs, VAULT)
    assert (await new.read())[0] == 7
    await restore(file, new.url, new.blobs, VAULT, overwrite=True)
    assert await new.read() == (3, "hush", ["journals/3", "journals/7"])


async def test_does_not_overwrite_what_a_server_uses(file: Path, new: Place) -> None:
    await new.write(7)
    store = await open_store(new.url, VAULT)
    await store.serial(lambda tx: None)
    with pytest.raises(HostCannot, match="is in use") as raised:
        await restore(file, new.url, new.blobs, VAULT, overwrite=True)
    assert raised.value.remedy == "stop the server, then restore"
    await store.serial(lambda tx: tx.put(CounterRow(id="a", value=8)))
    await store.close()
    assert (await new.read())[0] == 8


async def test_an_older_schema_is_brought_forward(old: Place, new: Place, tmp_path: Path) -> None:
    migrate(old.url, f"{head() - 1:04}")
    await backup(old.url, old.blobs, VAULT, tmp_path / "kept", 1.0)
    await restore(tmp_path / "kept", new.url, new.blobs, VAULT)
    await (await open_store(new.url, VAULT)).close()


async def test_a_newer_schema_is_refused(file: Path, new: Place) -> None:
    rewrite(file, Manifest(1, head() + 1, 1.0, VAULT.ids))
    with pytest.raises(HostCannot, match="made by a newer Mayfly"):
        await restore(file, new.url, new.blobs, VAULT)


def rewrite(file: Path, manifest: Manifest) -> None:
    with zipfile.ZipFile(file) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (kept | {"backup.json": codec.encode(manifest)}).items():
            archive.writestr(name, data)


def damage(file: Path, at: float) -> None:
    data = bytearray(file.read_bytes())
    index = int(len(data) * at) if isinstance(at, float) else at
    data[index] ^= 0xFF
    file.write_bytes(data)


@pytest.mark.parametrize("at", [200, 0.5, -40], ids=["front", "middle", "end"])
async def test_a_damaged_one_is_refused_and_changes_nothing(
    file: Path, new: Place, at: float
) -> None:
    await new.write(7)
    damage(file, at)
    with pytest.raises(InvalidInput):
        await restore(file, new.url, new.blobs, VAULT, overwrite=True)
    assert (await new.read())[0] == 7


@pytest.mark.parametrize("content", [b"", b"nothing of ours" * 100])
async def test_other_files_are_refused(tmp_path: Path, new: Place, content: bytes) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match="damaged, or no backup"):
        await restore(file, new.url, new.blobs, VAULT)
    with pytest.raises(InvalidInput, match="there is no file"):
        await restore(tmp_path / "missing", new.url, new.blobs, VAULT)


async def test_a_name_that_is_taken_is_refused(file: Path, old: Place) -> None:
    with pytest.raises(InvalidInput, match="is there already"):
        await backup(old.url, old.blobs, VAULT, file, 1.0)


async def test_what_is_not_sqlite_has_other_tools(file: Path, old: Place) -> None:
    url = "postgresql://me@db/mayfly"
    with pytest.raises(InvalidInput, match="PostgreSQL") as raised:
        await backup(url, old.blobs, VAULT, file, 1.0)
    assert "pg_dump" in str(raised.value.remedy)


async def test_leaves_nothing_when_it_fails(old: Place, tmp_path: Path) -> None:
    await old.write(1)
    target = tmp_path / "target"
    target.mkdir()
    (old.folder / "mayfly.db").write_bytes(b"no database")
    with pytest.raises(StoreUnavailable, match="is damaged, or no database"):
        await backup(old.url, old.blobs, VAULT, target / "kept", 1.0)
    assert list(target.iterdir()) == []
