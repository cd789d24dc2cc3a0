"""`mayfly backup`, `mayfly restore`, `mayfly reseal`: keeping a server's store, and its key."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mayfly.cli.serve import Blobs, Config, Database

if TYPE_CHECKING:
    from mayfly.store.backup import Summary
    from mayfly.store.blobs import BlobStore
    from mayfly.store.vault import Vault

_MEBIBYTE = 1 << 20


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made; must not be there yet.")],
    *,
    config: Config = None,
    database: Database = None,
    blobs: Blobs = None,
) -> None:
    """Keep the server's store in one file, while it runs.

    The key of its secrets is not in the file: keep a copy of vault.key elsewhere.
    """
    import time

    from mayfly.store.backup import backup as make

    async def act(url: str, place: "BlobStore", vault: "Vault") -> str:
        made = await make(url, place, vault, file, time.time())
        return f"kept in {file}: {_told(made)}"

    _carry_out(act, config, database, blobs)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `mayfly backup` made it.")],
    *,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Lose the store that is there.")
    ] = False,
    config: Config = None,
    database: Database = None,
    blobs: Blobs = None,
) -> None:
    """Make the server's store what it was. The server must be stopped.

    Needs the vault.key of the server that made the backup.
    """
    from mayfly.store.backup import restore as bring_back

    async def act(url: str, place: "BlobStore", vault: "Vault") -> str:
        found = await bring_back(file, url, place, vault, overwrite=overwrite)
        return f"restored from {file}: {_told(found)}"

    _carry_out(act, config, database, blobs)


def reseal(
    *,
    config: Config = None,
    database: Database = None,
) -> None:
    """Encrypt all secrets by the first key of the key file, while servers run.

    To change the key: put a new line first into every server's key file,
    restart them, run this, then remove the old line.
    """
    from mayfly.store.sql.store import open_store

    async def act(url: str, _place: "BlobStore", vault: "Vault") -> str:
        store = await open_store(url, vault)
        try:
            return f"{await store.reseal()} rows were encrypted by the first key"
        finally:
            await store.close()

    _carry_out(act, config, database, None)


def _carry_out(
    act: "Callable[[str, BlobStore, Vault], Awaitable[str]]",
    config: Path | None,
    database: str | None,
    blobs: str | None,
) -> None:
    from mayfly.cli.home import writable_home
    from mayfly.cli.running import run_command
    from mayfly.cli.terminal import put
    from mayfly.domain.errors import HostCannot
    from mayfly.server.config import load_server_config
    from mayfly.store.blobs import open_blobs
    from mayfly.store.vault import Vault

    home = writable_home()
    chosen = load_server_config(home, config, database=database, blobs=blobs)
    if not chosen.key_file.exists():
        raise HostCannot(
            f"there is no key file {chosen.key_file}",
            remedy="put the one there that the server encrypts its secrets with",
        )

    async def main(_stop: asyncio.Event) -> int:
        place = open_blobs(chosen.blobs or str(home.root / "blobs"), chosen.s3_endpoint)
        try:
            put(await act(chosen.database, place, Vault.open(chosen.key_file)))
        finally:
            await place.close()
        return 0

    raise typer.Exit(run_command(main, home))


def _told(summary: "Summary") -> str:
    from datetime import UTC, datetime

    made = datetime.fromtimestamp(summary.made, UTC).isoformat(sep=" ", timespec="seconds")
    count = f"{summary.blobs} blob{'' if summary.blobs == 1 else 's'}"
    blobs = "blobs stay where they are" if summary.blobs is None else count
    return f"the store as of {made}, {blobs}, {summary.size / _MEBIBYTE:.1f} MiB"
