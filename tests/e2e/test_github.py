"""A job of GitHub's, from its webhook to its end, in real machines of both architectures.

GitHub is the stand-in, on an address of this host that one rule opens to guests; its runner is in
an image that the server has under the name `github`, and that the host takes from there.
"""

import asyncio
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.conftest import ACCELERATOR, LABEL, nothing_is_left
from tests.e2e.fleet import Fleet, fleet
from tests.standins.github.connected import app_row
from tests.standins.github.serving import bound, serving
from tests.standins.github.stand_in import StandInGitHub
from tests.standins.github.world import JobSpec
from tests.standins.runner.archive import write_recipe

from mayfly.cli.client import Client
from mayfly.cli.image_push import push_image
from mayfly.cli.servers import choose_account
from mayfly.domain.architecture import Architecture
from mayfly.domain.labels import DEFAULT_IMAGE
from mayfly.machines.images.builder import build
from mayfly.machines.images.recipe import load_recipe
from mayfly.server.config import load_server_config
from mayfly.server.github.connecting import connect
from mayfly.server.people.audit import Author
from mayfly.store.base import Store
from mayfly.store.forge_rows import RunnerRow
from mayfly.store.rows import LeaseRow, ProjectRow
from mayfly.store.sql.store import open_store
from mayfly.store.vault import Vault
from mayfly.system.home import Home

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as tests/e2e/test_network.py does"),
]

_OWNER, _REPOSITORY = "octo-org", "octo-org/site"
_PATIENCE_S = 600.0


@dataclass
class World:
    github: StandInGitHub
    fleet: Fleet
    store: Store

    async def rows(self, kind: type[Any], **conditions: Any) -> list[Any]:
        return await self.store.read(lambda view: view.find(kind, **conditions))


@pytest.fixture
def built(home: Home) -> Home:
    """The default images are there."""
    for architecture in Architecture:
        asyncio.run(build(home, load_recipe(DEFAULT_IMAGE), architecture))
    return home


async def test_github_runs_its_jobs_in_our_machines(built: Home, tmp_path: Path) -> None:
    async with world(built, tmp_path) as made:
        await _push_images(home_of_images(built, tmp_path / "builder"), made.fleet, tmp_path)
        app = made.github.create_app(_OWNER, webhook_url=f"{made.fleet.url}/webhooks/github")
        author = Author("a test", time.time())
        await made.store.serial(lambda tx: connect(tx, author, app_row(made.github, app)))
        made.github.install(app, _OWNER)
        await until(lambda: made.rows(ProjectRow, id=_REPOSITORY))
        jobs = [
            JobSpec(str(architecture), (LABEL % architecture,), "echo carried out on $(uname -m)")
            for architecture in Architecture
        ]
        run = made.github.start_run(made.github.repositories[_REPOSITORY], jobs)
        await until(lambda: _is(run.status == "completed"))
        assert {job.spec.name: (job.conclusion, job.log) for job in run.jobs} == {
            "amd64": ("success", ["carried out on x86_64"]),
            "arm64": ("success", ["carried out on aarch64"]),
        }
        await until(lambda: _ended(made))
        assert [runner for runner in made.github.runners.all.values() if not runner.removed] == []
        assert await made.rows(LeaseRow) == []
        [host] = await made.fleet.lists("hosts")
        assert host["running"] == 0


async def _ended(made: World) -> bool:
    """Here, too."""
    runs = await made.fleet.lists("runs")
    live = await made.rows(RunnerRow, live=True)
    assert len(runs) == 2
    return not live and all(run["conclusion"] == "success" for run in runs)


async def _is(what: bool) -> bool:
    return what


async def until(met: Callable[[], Any]) -> None:
    """What other processes bring about."""
    async with asyncio.timeout(_PATIENCE_S):
        while not await met():  # noqa: ASYNC110 (they do not tell)
            await asyncio.sleep(0.5)


@asynccontextmanager
async def world(home: Home, folder: Path) -> AsyncIterator[World]:
    """Both sides of the wire, not yet connected."""
    at = bound(_own_address())
    address, port = at.getsockname()
    own = Home(folder / "home")
    home_of_images(home, own.root)
    (own.root / "config.toml").write_text(f'[network]\nallow = ["{address}:{port}"]\n')
    async with (
        httpx.AsyncClient() as http,
        StandInGitHub(
            url=f"http://{address}:{port}",
            http_client=http,
            clock=time.time,
            rng=random.Random(0),
        ) as github,
        serving(github.asgi, at),
    ):
        github.create_repository(_REPOSITORY, private=True)
        async with fleet(own, folder, folder) as running:
            config = load_server_config(own, None)
            store = await open_store(config.database, Vault.open(config.key_file))
            try:
                yield World(github, running, store)
            finally:
                await store.close()
        assert running.up.process is not None
        assert running.up.process.returncode == 0, running.up.said()
        await nothing_is_left(own, running.family())


def home_of_images(home: Home, folder: Path) -> Home:
    """With the images of another, but what is added or named is its own; as are templates."""
    images = folder / "images"
    (images / "refs").mkdir(parents=True)
    for ref in (home.images / "refs").glob("default-*"):
        shutil.copy(ref, images / "refs")
        digest = ref.read_text().strip()
        (images / digest).symlink_to(home.images / digest)
    accelerator = home.root / ACCELERATOR
    if accelerator.exists():  # else there was nothing to probe
        shutil.copy(accelerator, folder)
    return Home(folder)


async def _push_images(builder: Home, running: Fleet, folder: Path) -> None:
    """The stand-in's runner over the default image, as the server's `github`."""
    recipe = load_recipe(str(write_recipe(folder)))
    async with Client(choose_account(running.home, running.url, {})) as client:
        for architecture in Architecture:
            image = await build(builder, recipe, architecture)
            await push_image(client, name="github", image=image)


def _own_address() -> str:
    """Of this host, which guests reach by a rule alone."""
    links = json.loads(subprocess.check_output(["ip", "-json", "-4", "address"]))
    addresses: list[str] = [
        info["local"] for link in links for info in link["addr_info"] if link["ifname"] != "lo"
    ]
    return addresses[0]
