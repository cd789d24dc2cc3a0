"""The clock goes on, whatever of its work fails."""

import asyncio
from collections.abc import Callable

from tests.blobs import MemoryBlobs
from tests.server.service import Service
from tests.virtual_time import virtual_time

from mayfly.domain.errors import HostCannot
from mayfly.server.clockwork import Clockwork
from mayfly.server.journal import Journals
from mayfly.server.retention import Retention
from mayfly.server.uploads import forget
from mayfly.store.rows import HostRow, RemovalRow, UploadRow
from mayfly.system.tasks import stop

DAY = 86400.0


class Failing(MemoryBlobs):
    """Cannot delete anything until it is `well`."""

    def __init__(self) -> None:
        super().__init__()
        self.well = False

    async def delete(self, key: str) -> None:
        if not self.well:
            raise HostCannot("the bucket is away")
        await super().delete(key)


def clockwork(service: Service, blobs: MemoryBlobs) -> Clockwork:
    now: Callable[[], float] = service.now
    return Clockwork(
        service.store,
        service.orchestrator,
        service.scheduler,
        Journals(service.store, blobs),
        now,
        retention=Retention(service.store, blobs, now, uploads_s=DAY, logs_s=DAY),
    )


async def doom(service: Service, count: int) -> None:
    rows = [
        UploadRow(id=f"u{n}", owner="user/x", blob=f"uploads/u{n}.1", size=1, used=0.0)
        for n in range(count)
    ]
    await service.put(*rows)
    for row in rows:
        await service.serial(lambda tx, row=row: forget(tx, row))  # type: ignore[misc]


@virtual_time
async def test_it_deletes_many_one_look_after_the_other() -> None:
    service, blobs = Service(), Failing()
    blobs.well = True
    await doom(service, 180)
    ticking = asyncio.create_task(clockwork(service, blobs).run())
    try:
        await asyncio.sleep(0.5)
        assert await service.read(lambda view: view.count(RemovalRow)) == 130
        await asyncio.sleep(3)
        assert await service.read(lambda view: view.count(RemovalRow)) == 0
    finally:
        await stop(ticking)


@virtual_time
async def test_what_cannot_be_deleted_now_is_tried_again_and_hosts_are_watched_meanwhile() -> None:
    service, blobs = Service(), Failing()
    await doom(service, 1)
    await service.host()
    ticking = asyncio.create_task(clockwork(service, blobs).run())
    try:
        await asyncio.sleep(100)
        assert await service.read(lambda view: view.count(RemovalRow)) == 1
        [host] = await service.read(lambda view: view.find(HostRow))
        assert not host.online
        blobs.well = True
        await asyncio.sleep(61)
        assert await service.read(lambda view: view.count(RemovalRow)) == 0
    finally:
        await stop(ticking)
