"""Real machines of an image with a layer: it is there, writable, and the base is as it was."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.machines.talking import run_scripts
from tests.standins.runner.archive import LISTENER, PLACE, write_recipe

from mayfly.agent.main import make_driver
from mayfly.domain.architecture import Architecture
from mayfly.machines.base import MachineDriver, MachineSpec, MachineStart, new_machine_id
from mayfly.machines.images.store import ImageStore
from mayfly.system.home import Home

pytestmark = pytest.mark.e2e

NAME = "stand-in-of-a-test"
LOOK = f"""
stat -c '%n %U %a' / /opt /opt/mayfly {PLACE} {PLACE}/bin {PLACE}/{LISTENER}
cd {PLACE} && mkdir _diag && echo new > .runner && cat bin/Runner.version && stat -c %U _diag
./{LISTENER} run || echo "ended with $?"
findmnt --noheadings --output FSTYPE /
"""


@pytest.fixture
async def driver(tmp_path: Path) -> AsyncIterator[MachineDriver]:
    """Shares the images of MAYFLY_HOME, but not its templates."""
    images = Home.default().images
    (tmp_path / "images").symlink_to(images)
    driver = make_driver(Home(tmp_path))
    yield driver
    await driver.close()
    store = ImageStore(Home(tmp_path))
    for architecture in Architecture:
        if store.find(NAME, architecture):
            store.remove(NAME, architecture)


@pytest.mark.parametrize("architecture", list(Architecture))
async def test_the_archive_is_in_the_guest_and_belongs_to_its_user(
    driver: MachineDriver, architecture: Architecture, tmp_path: Path
) -> None:
    recipe = write_recipe(tmp_path, NAME)
    spec = MachineSpec(str(recipe), architecture, vcpus=1, memory_mib=1024)
    await driver.prepare(spec)
    name = new_machine_id()
    machine = await driver.start(spec, MachineStart(name, name))
    try:
        printed = (await run_scripts(machine, LOOK)).splitlines()
    finally:
        await machine.destroy()
    for line in (
        "/ root 755",
        "/opt root 755",
        "/opt/mayfly root 755",
        f"{PLACE} runner 755",
        f"{PLACE}/bin runner 755",
        f"{PLACE}/{LISTENER} runner 755",
        "0",
        "runner",
        "ended with 1",
        "overlay",
    ):
        assert line in printed
