"""Removes, while an agent works, what killed agents of the same host left behind."""

import asyncio
import logging

from mayfly.domain.errors import MayflyError
from mayfly.machines.base import MachineDriver

_log = logging.getLogger(__name__)

EVERY_S = 300.0


async def keep_tidy(driver: MachineDriver) -> None:
    """Until cancelled. What could not be removed is tried again the next time."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            for line in await driver.reap():
                _log.info("removed %s", line)
        except (MayflyError, OSError) as error:
            _log.warning("what was left behind could not be removed: %s", error)
