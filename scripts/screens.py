"""Takes the pictures of docs/dashboard.md: `python scripts/screens.py [FOLDER] [NAME…]`.

A server with a made-up fleet in memory is looked at by Chromium, in the light and in the dark, on a
desk and on a phone.
"""

import asyncio
import shutil
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.async_api import Page
from tests.server.web.scene import story
from tests.server.web.stage import PHONE, Stage, chromium, staged

from mayfly.domain.job import JobState
from mayfly.store.rows import JobRow, RunRow

_SETTLE_MS = 700


async def places(stage: Stage) -> dict[str, str]:
    """Pages by the names of their pictures."""
    site = stage.site
    failed = (await site.rows(JobRow, state=JobState.FAILED))[0]
    runs = await site.rows(RunRow, order="-created")
    deploy = next(row for row in runs if row.name == "Deploy")
    queued = (await site.rows(JobRow, state=JobState.QUEUED))[0]
    return {
        "now": "/",
        "runs": "/runs",
        "run": f"/runs/{failed.run}",
        "approve": f"/runs/{deploy.id}",
        "job": f"/jobs/{failed.id}",
        "waiting": f"/jobs/{queued.id}",
        "hosts": "/hosts",
        "host": "/hosts/epyc-01",
        "insights": "/insights",
        "projects": "/projects",
        "project": "/projects/acme/site",
        "tokens": "/tokens",
        "audit": "/audit",
        "github": "/github",
        "error": "/runs/none",
    }


async def shoot(page: Page, path: str, file: Path) -> None:
    await page.goto(path)
    await page.wait_for_timeout(_SETTLE_MS)
    await page.screenshot(path=file, full_page=True, animations="disabled")


async def main(folder: Path, wanted: set[str]) -> None:
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is not there: make setup installs it")
    async with chromium(program) as browser, staged(browser, await story(time.time())) as stage:
        looks: dict[str, dict[str, Any]] = {
            "": {},
            "-dark": {"color_scheme": "dark"},
            "-phone": {"viewport": PHONE, "device_scale_factor": 2, "is_mobile": True},
        }
        for suffix, options in looks.items():
            page = await stage.page("root", **options)
            for name, path in (await places(stage)).items():
                if not wanted or name in wanted or f"{name}{suffix}" in wanted:
                    await shoot(page, path, folder / f"{name}{suffix}.png")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/screens")
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target, set(sys.argv[2:])))
