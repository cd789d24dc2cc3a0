"""A real Chromium, and a server on a loopback port for it to look at."""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from tests.server.api.site import Site, made
from tests.server.web.stage import Stage, chromium, staged

from mayfly.server.app import make_app

APP = make_app(Site().services)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is not there: make setup installs it, from packages.txt")
    async with chromium(program) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser: Browser) -> AsyncIterator[Stage]:
    """A server with the people of `tests.server.api.site`; a browser must not complain."""
    async with staged(browser, await made(app=APP)) as opened:
        yield opened
