"""What killed agents left is removed while another works."""

import asyncio
from pathlib import Path

from tests.virtual_time import virtual_time

from mayfly.agent.tidy import EVERY_S, keep_tidy
from mayfly.domain.errors import HostCannot
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.system.owned import owned_folder
from mayfly.system.tasks import stop


class Driver(DummyDriver):
    fails = True

    async def reap(self) -> list[str]:
        if self.fails:
            raise HostCannot("not now")
        return await super().reap()


@virtual_time
async def test_leftovers_are_removed_again_and_again(tmp_path: Path) -> None:
    driver = Driver(folder=tmp_path)
    tidying = asyncio.create_task(keep_tidy(driver))
    left, living = tmp_path / "left", tmp_path / "living"
    left.mkdir()
    with owned_folder(tmp_path, living.name):
        await asyncio.sleep(1.5 * EVERY_S)
        assert left.exists()
        driver.fails = False
        for _ in range(2):
            await asyncio.sleep(EVERY_S)
            assert not left.exists()
            left.mkdir()
        assert living.exists()
    await stop(tidying)
