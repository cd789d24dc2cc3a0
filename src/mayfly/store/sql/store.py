"""Opens a database as the store of a control plane. See `store.base` for what it promises."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from mayfly.store.base import Tx, View, Watch
from mayfly.store.schema import ALL_ROWS
from mayfly.store.sql.databases import database
from mayfly.store.sql.driver import Driver, Listener, Mode, Trouble, unavailable
from mayfly.store.sql.group import Carried, Connected, Observe
from mayfly.store.sql.lanes import Lane, Worker
from mayfly.store.sql.migrate import check_version
from mayfly.store.sql.model import Model
from mayfly.store.sql.transaction import Transaction
from mayfly.store.vault import Vault
from mayfly.store.watches import Watches
from mayfly.system.threads import in_thread

T = TypeVar("T")

_MOST_SERIAL = 32
_MOST_BESIDE = 16


async def open_store(url: str, vault: Vault, *, observe: Observe | None = None) -> "SqlStore":
    """Of `sqlite:///path` or `postgresql://…`; the schema must be there, see `migrate`.

    Raises InvalidInput for other URLs, HostCannot for a schema this version cannot work with, and
    StoreUnavailable if the database cannot be reached.
    """
    await in_thread(check_version, url)
    store = SqlStore(database(url).driver(), vault, ALL_ROWS, observe or _unobserved)
    await store.listen()
    return store


class SqlStore:
    """See `store.base.Store`. Calls are of the event loop that made it."""

    def __init__(
        self, driver: Driver, vault: Vault, kinds: tuple[type[Any], ...], observe: Observe
    ):
        self._watches = Watches()
        self._driver = driver
        self._model = Model(kinds, driver.dialect, vault)
        self._observe = observe
        self._serial = self._lane(Mode.SERIAL, threads=1, most=_MOST_SERIAL)
        self._read = self._lane(Mode.READ, threads=driver.readers, most=_MOST_BESIDE)
        self._write = self._serial
        if driver.writers > 1:
            self._write = self._lane(Mode.WRITE, threads=driver.writers - 1, most=_MOST_BESIDE)
        self._loop = asyncio.get_running_loop()
        self._listener: Listener | None = None

    async def listen(self) -> None:
        """From now on watches wake also for what other servers announce. Once, before use."""
        try:
            self._listener = await in_thread(self._driver.listen, self._heard)
        except self._driver.errors as error:
            raise unavailable(self._driver, error, Trouble.GONE) from error

    async def serial(self, work: Callable[[Tx], T]) -> T:
        return await self._serial.submit(Mode.SERIAL, work)

    async def write(self, work: Callable[[Tx], T]) -> T:
        return await self._write.submit(Mode.WRITE, work)

    async def read(self, work: Callable[[View], T]) -> T:
        return await self._read.submit(Mode.READ, work)

    async def reseal(self) -> int:
        """Seal by the vault's first key what others have sealed, so that those can be removed;
        gives how many rows. While servers run that have all of these keys.
        """
        count = 0
        for kind in self._model.sealing:
            after: str | None = ""
            while after is not None:
                work = partial(Transaction.reseal, kind=kind, after=after)
                after, written = await self._serial.submit(Mode.SERIAL, work)
                count += written
        return count

    def watch(self, *topics: str) -> Watch:
        return self._watches.watch(topics)

    async def close(self) -> None:
        await asyncio.gather(self._serial.close(), self._write.close(), self._read.close())
        if self._listener is not None:
            await in_thread(self._listener.close)

    def _lane(self, mode: Mode, *, threads: int, most: int) -> Lane:
        def worker() -> Worker:
            return Connected(self._model, self._driver, mode, self._observe)

        return Lane(
            f"store {mode.value}",
            threads=threads,
            most=most,
            worker=worker,
            announce=self._announce,
        )

    def _heard(self, topics: Iterable[str] | None) -> None:
        """In the listener's thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._announce, topics)

    def _announce(self, topics: Iterable[str] | None) -> None:
        if topics is None:
            self._watches.announce_all()
        else:
            self._watches.announce(topics)


def _unobserved(_carried: Carried) -> None:
    pass
